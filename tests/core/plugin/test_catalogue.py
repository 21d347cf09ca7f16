"""The catalogue finds by name, explains what it does not find, and knows what fits what."""

from __future__ import annotations

from importlib import metadata
from typing import TYPE_CHECKING

import pytest

from tacit.plugin import Catalogue, PluginError, load_plugins

if TYPE_CHECKING:
    from tests.core.plugin.conftest import Toys

# A plugin for a modality: its encoders pool, drop, or replace, and it lacks masked views at first.
SMELL = """
    SMELL = frozenset({{"smell"}})
    @hookimpl
    def tacit_modalities():
        return [Offer(name="nose/smell", target="m:x", summary="Smells", modality=SMELL)]
    @hookimpl
    def tacit_encoders():
        return [Offer(name="nose/" + name, target="m:x", summary="E", modality=SMELL,
                      provides=words) for name, words in {encoders}]
    @hookimpl
    def tacit_augmentations():
        return [Offer(name="nose/" + name, target="m:x", summary="A", modality=SMELL,
                      provides=("views:" + name,)) for name in {views}]
"""
ENCODERS = "[('pool', ()), ('drop', ('tokens:dense', 'targets', 'mask:drop'))]"


def load(toys: Toys, *, encoders: str = ENCODERS, views: str = "['two-views']") -> Catalogue:
    toys.add("nose", SMELL.format(encoders=encoders, views=views))
    return load_plugins()


def cell(catalogue: Catalogue, method: str, modality: str = "smell") -> tuple[str, ...]:
    (found,) = [c for c in catalogue.grid() if (c.method, c.modality) == (method, modality)]
    assert found.fits == (not found.lacks)
    return found.lacks


def test_a_full_name_and_a_unique_short_name_find_the_same(toys: Toys) -> None:
    catalogue = load(toys)
    assert catalogue.find("encoders", "pool") is catalogue.find("encoders", "nose/pool")


def test_an_ambiguous_short_name_lists_the_candidates(toys: Toys) -> None:
    toys.healthy("ant")
    toys.healthy("bee")
    with pytest.raises(ValueError, match=r"ant/tiny \(toy-ant 1\.0\), bee/tiny .*full name"):
        load_plugins().find("encoders", "tiny")


def test_a_plugin_cannot_take_over_a_bare_name_of_the_core(toys: Toys) -> None:
    body = """
        @hookimpl
        def tacit_methods():
            return [Offer(name="acme/simclr", target="m:x", summary="Mine")]
    """
    toys.add("acme", body)
    catalogue = load_plugins()
    assert catalogue.find("methods", "simclr").target == "tacit.methods:simclr"
    assert catalogue.find("methods", "acme/simclr").target == "m:x"


@pytest.mark.parametrize(
    ("kind", "name", "told"),
    [
        ("encoders", "nose/pol", "did you mean 'nose/pool'"),
        ("encoders", "pol", "did you mean 'pool'"),
        ("methods", "simclear", "did you mean 'simclr'"),
        ("encoder", "pool", "did you mean 'encoders'"),
    ],
)
def test_an_unknown_name_is_answered_with_a_close_one(
    toys: Toys, kind: str, name: str, told: str
) -> None:
    with pytest.raises(ValueError, match=told):
        load(toys).find(kind, name)


def test_asking_for_something_of_a_broken_plugin_gives_its_reason(toys: Toys) -> None:
    toys.add("bad", "import no_such_thing")
    catalogue = load(toys)
    with pytest.raises(PluginError, match="No module named 'no_such_thing'") as caught:
        catalogue.find("encoders", "bad/tiny")
    assert caught.value.plugin.name == "bad"
    with pytest.raises(ValueError, match=r"not loaded: bad \(see: tacit doctor"):
        catalogue.find("encoders", "tyni")


def test_offers_are_filtered_by_modality(toys: Toys) -> None:
    toys.healthy("any")
    catalogue = load(toys)
    names = [offer.name for offer in catalogue.offers("encoders", "smell")]
    assert names == ["any/tiny", "nose/pool", "nose/drop"]
    with pytest.raises(ValueError, match="got 'smel'; did you mean 'smell'"):
        catalogue.offers("encoders", "smel")


def test_a_view_policy_is_looked_up_for_a_modality(toys: Toys) -> None:
    catalogue = load(toys, views="['two-views', 'masked']")
    assert catalogue.policy("masked", "smell").name == "nose/masked"
    with pytest.raises(ValueError, match="'two-view' views for 'smell'; did you mean 'two-views'"):
        catalogue.policy("two-view", "smell")


OTHER_VIEWS = """
    @hookimpl
    def tacit_augmentations():
        views = ("views:{views}",)
        return [Offer(name="{plugin}/better", target="m:x", summary="A", provides=views)]
"""


def test_installing_other_views_does_not_change_the_policy_of_a_modality(toys: Toys) -> None:
    toys.add("aaa", OTHER_VIEWS.format(plugin="aaa", views="two-views"))
    assert load(toys).policy("two-views", "smell").name == "nose/two-views"


def test_views_from_strangers_only_must_be_chosen_by_name(toys: Toys) -> None:
    toys.add("aaa", OTHER_VIEWS.format(plugin="aaa", views="new"))
    catalogue = load(toys)
    assert catalogue.policy("new", "smell").name == "aaa/better"
    toys.add("bbb", OTHER_VIEWS.format(plugin="bbb", views="new"))
    with pytest.raises(ValueError, match=r"aaa/better .*bbb/better"):
        load_plugins().policy("new", "smell")


def test_the_grid_says_yes_where_views_and_encoder_are_there(toys: Toys) -> None:
    assert cell(load(toys), "simclr") == ()


def test_the_core_supplies_teachers(toys: Toys) -> None:
    assert cell(load(toys), "byol") == ()


def test_the_grid_names_what_is_missing(toys: Toys) -> None:
    catalogue = load(toys)
    assert cell(catalogue, "mae") == ("no masked views",)
    assert cell(catalogue, "simmim") == (
        "no masked views",
        "no encoder with tokens and targets and mask:replace",
    )


def test_one_encoder_must_have_all_that_a_method_needs(toys: Toys) -> None:
    encoders = "[('a', ('tokens:dense', 'targets')), ('b', ('mask:drop',))]"
    catalogue = load(toys, encoders=encoders, views="['masked']")
    assert cell(catalogue, "mae") == ("no encoder with tokens:dense and targets and mask:drop",)


def test_a_modality_without_encoders_fits_no_method(toys: Toys) -> None:
    assert cell(load(toys, encoders="[]"), "simclr") == ("no encoder",)


def test_a_method_for_another_modality_does_not_fit(toys: Toys) -> None:
    body = """
        @hookimpl
        def tacit_methods():
            only = frozenset({"taste"})
            return [Offer(name="acme/lick", target="m:x", summary="M", modality=only)]
    """
    toys.add("acme", body)
    assert cell(load(toys), "acme/lick") == ("it is for taste only",)


def test_the_record_of_a_run_holds_the_versions_of_its_plugins_and_the_core(toys: Toys) -> None:
    toys.healthy("ant", version="3.1")
    toys.healthy("bee")
    core = metadata.version("tacit")
    assert load_plugins().versions(["ant"]) == {"tacit": core, "toy-ant": "3.1"}
    with pytest.raises(ValueError, match="no plugin 'amt' is installed; did you mean 'ant'"):
        load_plugins().versions(["amt"])
