"""The loader takes each plugin whole or not at all, and says why not."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tacit.plugin import Catalogue, Plugin, PluginError, load_plugins

if TYPE_CHECKING:
    from tests.core.plugin.conftest import Toys


def only(catalogue: Catalogue, name: str) -> Plugin:
    """The single record of that name."""
    (plugin,) = [plugin for plugin in catalogue.plugins if plugin.name == name]
    return plugin


def refused(toys: Toys, body: str, **kwargs: object) -> str:
    """The reason for which a plugin ``bad`` is refused while a plugin ``good`` is not."""
    toys.healthy("good")
    toys.add("bad", body, **kwargs)  # type: ignore[arg-type]
    catalogue = load_plugins()
    assert catalogue.find("encoders", "good/tiny").owner is not None
    bad = only(catalogue, "bad")
    assert bad.state == "broken"
    assert not bad.offers
    assert bad.remedy
    return bad.reason


OFFER = 'Offer(name="bad/x", target="m:x", summary="X")'


def test_a_healthy_plugin_is_taken_with_its_owner_filled_in(toys: Toys) -> None:
    toys.healthy("acme", version="2.5")
    catalogue = load_plugins()
    assert only(catalogue, "acme").state == "ok"
    owner = catalogue.find("encoders", "acme/tiny").owner
    assert owner is not None
    assert (owner.plugin, owner.distribution, owner.version) == ("acme", "toy-acme", "2.5")


def test_a_plugin_may_be_an_object_that_inherits_the_hooks(toys: Toys) -> None:
    body = """
        from tacit.plugin import Hooks
        class Acme(Hooks):
            @hookimpl
            def tacit_probes(self):
                return [Offer(name="acme/p", target="m:p", summary="P")]
        plugin = Acme()
    """
    toys.add("acme", body, value="toy_acme_module:plugin")
    assert load_plugins().find("probes", "acme/p").summary == "P"


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ("import no_such_thing", "No module named 'no_such_thing' (toy_bad_module.py, line 2)"),
        ("raise RuntimeError('half way')", "cannot be imported: RuntimeError: half way"),
        ("import sys; sys.exit(3)", "cannot be imported: SystemExit: 3"),
        ("def f(:", "SyntaxError"),
        ("x = 1", "implements no hook"),
        ("def tacit_encoders(): return []", "tacit_encoders is not marked with @hookimpl"),
    ],
)
def test_a_plugin_that_does_not_import_harms_nobody_else(
    toys: Toys, body: str, reason: str
) -> None:
    assert reason in refused(toys, body)


@pytest.mark.parametrize(
    ("returns", "reason"),
    [
        ("1 / 0", "tacit_encoders failed: ZeroDivisionError: division by zero"),
        ("exit()", "tacit_encoders failed: SystemExit"),
        ("None", "tacit_encoders returned None, wanted a list of Offer"),
        (f"({OFFER},)", "tacit_encoders returned a tuple, wanted a list of Offer"),
        (f"(o for o in [{OFFER}])", "tacit_encoders returned a generator"),
        ("['bad/x']", "tacit_encoders lists a str, wanted only Offer"),
        (f"[{OFFER}, {OFFER}]", "tacit_encoders offers 'bad/x' 2 times"),
        (
            f"[{OFFER.replace('bad/x', 'good/x')}]",
            "tacit_encoders offers 'good/x', but its names must start with 'bad/'",
        ),
        (f"[{OFFER.replace('bad/x', 'x')}]", "its names must start with 'bad/'"),
        (f"[{OFFER.replace('m:x', 'm.x')}]", "target 'm.x': wanted 'module:attribute'"),
        (f"[{OFFER.replace('m:x', 'm:x()')}]", "target 'm:x()': wanted 'module:attribute'"),
        (
            "[Offer(name='bad/x', target='m:x', summary='X', owner=hookimpl and owner)]",
            "whose owner is set; the loader does that",
        ),
    ],
)
def test_a_hook_that_answers_wrongly_harms_nobody_else(
    toys: Toys, returns: str, reason: str
) -> None:
    body = f"""
        from tacit.plugin import Owner
        owner = Owner(plugin="bad", distribution="somebody-else", version="1")
        @hookimpl
        def tacit_encoders():
            return {returns}
    """
    assert reason in refused(toys, body)


def test_a_plugin_is_taken_whole_or_not_at_all(toys: Toys) -> None:
    body = f"""
        @hookimpl
        def tacit_augmentations():
            return [{OFFER}]
        @hookimpl
        def tacit_sources():
            raise ValueError("late")
        @hookimpl
        def tacit_run_started(run):
            raise AssertionError("a refused plugin must not be called")
    """
    assert "tacit_sources failed: ValueError: late" in refused(toys, body)
    catalogue = load_plugins()
    assert all(offer.name != "bad/x" for offer in catalogue.offers("augmentations"))
    with pytest.raises(PluginError, match="late"):
        catalogue.lifecycle(["bad"])


def test_the_same_name_may_serve_two_kinds(toys: Toys) -> None:
    body = """
        @hookimpl
        def tacit_encoders():
            return [Offer(name="acme/x", target="m:x", summary="An encoder")]
        @hookimpl
        def tacit_probes():
            return [Offer(name="acme/x", target="m:y", summary="A probe")]
    """
    toys.add("acme", body)
    catalogue = load_plugins()
    assert catalogue.find("encoders", "acme/x").target == "m:x"
    assert catalogue.find("probes", "acme/x").target == "m:y"


def test_a_misspelt_hook_is_refused_with_the_right_spelling(toys: Toys) -> None:
    body = """
        @hookimpl
        def tacit_encoder():
            return []
    """
    reason = refused(toys, body)
    assert "there is no hook 'tacit_encoder'; did you mean 'tacit_encoders'" in reason


def test_a_hook_of_a_newer_core_may_be_declared_optional(toys: Toys) -> None:
    body = """
        @hookimpl(optionalhook=True)
        def tacit_of_tomorrow():
            return []
    """
    toys.add("acme", body)
    assert only(load_plugins(), "acme").state == "ok"


def test_an_argument_the_hook_does_not_have_is_refused(toys: Toys) -> None:
    body = """
        @hookimpl
        def tacit_metrics(run, step, loss):
            pass
    """
    assert "a hook does not fit its specification" in refused(toys, body)


def test_a_wrapper_is_refused_since_each_plugin_is_asked_alone(toys: Toys) -> None:
    body = """
        @hookimpl(wrapper=True)
        def tacit_encoders():
            return (yield)
    """
    assert "tacit_encoders is a wrapper" in refused(toys, body)


def test_a_modality_is_called_by_the_last_part_of_its_name(toys: Toys) -> None:
    body = """
        @hookimpl
        def tacit_modalities():
            modality = frozenset({"smells"})
            return [Offer(name="bad/smell", target="m:x", summary="X", modality=modality)]
    """
    assert "whose modality must be frozenset({'smell'})" in refused(toys, body)


def test_an_interrupt_from_the_keyboard_is_not_a_plugins_fault(toys: Toys) -> None:
    toys.add("bad", "raise KeyboardInterrupt")
    with pytest.raises(KeyboardInterrupt):
        load_plugins()


def test_one_module_under_two_names_is_taken_once(toys: Toys) -> None:
    module = toys.healthy("acme")
    toys.add("zebra", "", value=module)
    catalogue = load_plugins()
    assert only(catalogue, "acme").state == "ok"
    assert "is already plugin 'acme'" in only(catalogue, "zebra").reason


def test_an_entry_point_name_that_no_offer_could_carry_is_refused(toys: Toys) -> None:
    toys.healthy("Acme Two", distribution="acme-two")
    assert "wanted lower-case letters" in only(load_plugins(), "Acme Two").reason


def test_the_cores_name_is_not_for_plugins(toys: Toys) -> None:
    toys.healthy("tacit", distribution="impostor")
    impostor = next(p for p in load_plugins().plugins if p.owner.distribution == "impostor")
    assert impostor.state == "broken"
    assert "the core's own" in impostor.reason


def test_two_distributions_with_one_name_are_both_refused_and_both_named(toys: Toys) -> None:
    toys.healthy("acme", distribution="acme-one")
    toys.healthy("acme", distribution="acme-two", version="2.0")
    toys.healthy("good")
    catalogue = load_plugins()
    rivals = [plugin for plugin in catalogue.plugins if plugin.name == "acme"]
    assert [rival.state for rival in rivals] == ["broken", "broken"]
    for rival in rivals:
        assert "acme-one 1.0 and acme-two 2.0" in rival.reason
        assert "export TACIT_BLOCK=acme-two (keeps acme-one)" in rival.remedy
        assert "export TACIT_BLOCK=acme-one (keeps acme-two)" in rival.remedy
    assert catalogue.find("encoders", "good/tiny")
    with pytest.raises(PluginError, match=r"acme-one 1\.0 and acme-two 2\.0"):
        catalogue.find("encoders", "acme/tiny")


def test_the_advice_settles_a_clash(toys: Toys, monkeypatch: pytest.MonkeyPatch) -> None:
    toys.healthy("acme", distribution="acme-one")
    toys.healthy("acme", distribution="Acme_Two")
    monkeypatch.setenv("TACIT_BLOCK", "acme-two")
    owner = load_plugins().find("encoders", "acme/tiny").owner
    assert owner is not None
    assert owner.distribution == "acme-one"


def test_strict_mode_raises_for_the_first_broken_plugin(
    toys: Toys, monkeypatch: pytest.MonkeyPatch
) -> None:
    toys.add("bad", "raise RuntimeError('half way')")
    with pytest.raises(PluginError, match=r"'bad'.*toy-bad 1\.0.*half way"):
        load_plugins(strict=True)
    monkeypatch.setenv("TACIT_STRICT", "1")
    with pytest.raises(PluginError, match="half way"):
        load_plugins()
    monkeypatch.setenv("TACIT_STRICT", "0")
    assert only(load_plugins(), "bad").state == "broken"
    monkeypatch.setenv("TACIT_STRICT", "yes")
    with pytest.raises(ValueError, match="TACIT_STRICT: wanted 1"):
        load_plugins()


def test_the_core_offers_through_the_same_hooks_with_bare_names(toys: Toys) -> None:
    catalogue = load_plugins(allow=[])
    owner = catalogue.find("methods", "simclr").owner
    assert owner is not None
    assert owner.plugin == owner.distribution == "tacit"
    names = [offer.name for kind in ("methods", "commands") for offer in catalogue.offers(kind)]
    assert names
    assert not any("/" in name for name in names)


def test_the_same_catalogue_is_returned_while_nothing_changes(
    toys: Toys, monkeypatch: pytest.MonkeyPatch
) -> None:
    toys.healthy("acme")
    first = load_plugins()
    assert load_plugins() is first
    toys.healthy("zeta")
    assert load_plugins().find("encoders", "zeta/tiny")
    monkeypatch.setenv("TACIT_BLOCK", "zeta")
    assert only(load_plugins(), "zeta").state == "off"


def test_a_broken_plugin_is_tried_again(toys: Toys) -> None:
    """What it lacked may be there by then."""
    toys.add("bad", "import no_such_thing")
    assert load_plugins() is not load_plugins()
