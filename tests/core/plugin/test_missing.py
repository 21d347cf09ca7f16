"""The core alone says what is missing and what brings it."""

from __future__ import annotations

import json
from importlib import metadata
from typing import TYPE_CHECKING

import pytest

from tacit.cli import main
from tacit.plugin import load_plugins

if TYPE_CHECKING:
    from tests.core.plugin.conftest import Toys

EXTRAS = sorted(set(metadata.metadata("tacit").get_all("Provides-Extra") or ()) - {"all"})
FIRST = EXTRAS[0]
COMMAND = f"pip install 'tacit[{FIRST}]'"


@pytest.fixture(autouse=True)
def _nothing_installed(toys: Toys, monkeypatch: pytest.MonkeyPatch) -> None:
    """No plugin but the toys: none of those that this environment has."""
    from tacit.plugin import _loader

    real = _loader.discover
    monkeypatch.setattr(
        _loader, "discover", lambda: [c for c in real() if c.owner.distribution.startswith("toy-")]
    )


def test_extras_that_are_not_installed_are_missing_with_their_command(toys: Toys) -> None:
    assert list(load_plugins().missing) == EXTRAS
    assert load_plugins().missing[FIRST] == COMMAND


def test_a_broken_plugin_is_not_missing(toys: Toys) -> None:
    toys.add(FIRST, "raise ImportError")
    assert list(load_plugins().missing) == EXTRAS[1:]


def test_list_and_doctor_name_what_brings_the_rest(capsys: pytest.CaptureFixture[str]) -> None:
    for verb in ("list", "doctor"):
        main([verb])
        assert COMMAND in capsys.readouterr().out
    assert main(["list", "--json"]) == 0
    assert list(json.loads(capsys.readouterr().out)["missing"]) == EXTRAS


def test_asking_for_something_of_a_missing_plugin_says_what_brings_it(
    capsys: pytest.CaptureFixture[str],
) -> None:
    for method, data in (("simclr", f"{FIRST}/any"), (f"{FIRST}/any", "nowhere")):
        assert main(["pretrain", method, "--data", data]) == 2
        assert f"{FIRST!r} is not installed; try: {COMMAND}" in capsys.readouterr().err


def test_a_modality_nobody_offers_is_answered_with_what_is_missing() -> None:
    with pytest.raises(ValueError, match=f"not installed: {', '.join(EXTRAS)}"):
        load_plugins().offers("encoders", "smell")


def test_names_that_no_plugin_could_carry_get_no_such_advice() -> None:
    catalogue = load_plugins()
    assert catalogue.advice("simclr") == catalogue.advice("acme/x") == catalogue.advice("") == ""
