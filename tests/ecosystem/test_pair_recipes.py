"""Recipes that join two plugins: they resolve where both are installed, and say what is missing."""

from __future__ import annotations

import pytest

from tacit.api.resolve import resolve_run
from tacit.cli import main
from tacit.methods import Recipe
from tacit.plugin import Offer, load_plugins

RECIPES = [offer for offer in load_plugins().offers("recipes") if len(offer.modality) > 1]


def test_images_molecules_and_recordings_have_one() -> None:
    joined = {"audio", "graph", "image"}
    assert {word for offer in RECIPES for word in offer.modality - {"text"}} == joined


@pytest.mark.parametrize("offer", RECIPES, ids=lambda offer: offer.name)
def test_it_resolves_to_a_run_on_pairs(offer: Offer) -> None:
    recipe: Recipe = offer.load()()
    columns = {modality: f"a {modality}" for modality in offer.modality}
    data = {**recipe.settings.get("data", {}), "name": "pairs", "path": "x", "columns": columns}
    plan = resolve_run({**recipe.settings, "data": data}, where="test")
    plan.check(plan.build_encoders())
    assert set(plan.encoders) == offer.modality
    assert recipe.measured


@pytest.mark.parametrize("offer", RECIPES, ids=lambda offer: offer.name)
def test_without_the_other_plugin_it_says_what_is_not_loaded(
    offer: Offer, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("TACIT_BLOCK", "tacit-text")
    columns = ",".join(f"{modality}={modality}" for modality in sorted(offer.modality))
    assert main(["pretrain", offer.name, "--data", f"pairs.csv:{columns}", "--out", "x"]) != 0
    said = capsys.readouterr().err
    assert "got 'text'" in said
    assert "not loaded: text (see: tacit doctor)" in said
