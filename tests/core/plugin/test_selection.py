"""Allow and block lists leave plugins out, and a list without effect is an error."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tacit.plugin import PluginError, load_plugins

if TYPE_CHECKING:
    from tests.core.plugin.conftest import Toys


@pytest.fixture
def three(toys: Toys) -> Toys:
    for name in ("ant", "bee", "cat"):
        toys.healthy(name)
    return toys


def loaded(**lists: object) -> set[str]:
    catalogue = load_plugins(**lists)  # type: ignore[arg-type]
    names = {plugin.name for plugin in catalogue.plugins if plugin.state == "ok"}
    return names & {"ant", "bee", "cat"}


def test_by_default_every_plugin_is_loaded(three: Toys) -> None:
    assert loaded() == {"ant", "bee", "cat"}


def test_an_allow_list_loads_nothing_else(three: Toys, monkeypatch: pytest.MonkeyPatch) -> None:
    assert loaded(allow=["ant", "toy-bee"]) == {"ant", "bee"}
    monkeypatch.setenv("TACIT_PLUGINS", "ant, Toy_Bee")
    assert loaded() == {"ant", "bee"}


def test_an_empty_allow_list_loads_none(three: Toys, monkeypatch: pytest.MonkeyPatch) -> None:
    assert loaded(allow=[]) == set()
    monkeypatch.setenv("TACIT_PLUGINS", "")
    assert loaded() == set()


def test_a_block_list_leaves_out(three: Toys, monkeypatch: pytest.MonkeyPatch) -> None:
    assert loaded(block=["ant"]) == {"bee", "cat"}
    monkeypatch.setenv("TACIT_BLOCK", "toy-bee")
    assert loaded(block=["ant"]) == {"cat"}


def test_restrictions_add_up(three: Toys, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TACIT_PLUGINS", "ant,bee")
    assert loaded(allow=["bee", "cat"]) == {"bee"}
    assert loaded(allow=["bee", "cat"], block=["bee"]) == set()


def test_a_plugin_left_out_is_not_imported(toys: Toys) -> None:
    toys.add("bad", "raise KeyboardInterrupt")
    assert load_plugins(block=["bad"]).broken == ()


def test_asking_for_what_was_left_out_says_by_whom(three: Toys) -> None:
    catalogue = load_plugins(block=["ant"])
    with pytest.raises(PluginError, match="left out by block; try: take it off block"):
        catalogue.find("encoders", "ant/tiny")


@pytest.mark.parametrize("variable", ["TACIT_PLUGINS", "TACIT_BLOCK"])
def test_a_name_that_matches_nothing_is_an_error_with_a_suggestion(
    three: Toys, monkeypatch: pytest.MonkeyPatch, variable: str
) -> None:
    monkeypatch.setenv(variable, "toy-bea")
    with pytest.raises(ValueError, match=f"{variable} names 'toy-bea'.*did you mean 'toy-bee'"):
        load_plugins()


def test_an_argument_that_matches_nothing_is_an_error_too(three: Toys) -> None:
    with pytest.raises(ValueError, match=r"allow names 'dog'.*plugins: .*ant, .*bee, .*cat"):
        load_plugins(allow=["dog"])
    with pytest.raises(ValueError, match="block names 'dog'"):
        load_plugins(block=["dog"])


def test_a_string_is_not_taken_for_a_list_of_letters(three: Toys) -> None:
    with pytest.raises(ValueError, match=r"write \['ant'\]"):
        load_plugins(allow="ant")
