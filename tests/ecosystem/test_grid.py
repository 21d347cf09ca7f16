"""The grid that `tacit list` prints is true: what fits trains, what does not is refused.

Over every installed method and modality; new ones join by being installed. A modality brings its
embedded data: the first of its sources that opens with no settings at all.
"""

from __future__ import annotations

from dataclasses import fields
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import torch

import tacit
from tacit.api.choice import Given
from tacit.api.resolve import resolve_run
from tacit.contract import Objective
from tacit.data import GeneratedSource, Source
from tacit.methods import Method
from tacit.plugin import Cell, Offer, load_plugins
from tacit.testing.offers import Grouped, required

CATALOGUE = load_plugins()
GRID = CATALOGUE.grid()
TINY = {"width": 16, "depth": 3, "heads": 2, "layers": 3, "blocks": (1,)}
MANY_VALUES = {"graph/graphcl", "graph/infograph", "graph/d-sla"}  # trained in their plugin's tests
STEPS = {"steps": 2, "batch": 8, "watch_every": 0, "workers": 0}


@cache
def all_embedded(modality: str) -> tuple[Offer, ...]:
    """The data a modality's plugin brings: no path, no network."""
    offers = (o for o in CATALOGUE.offers("sources", modality) if o.modality == {modality})
    # What has no end has no epochs and no labels.
    ending = (o for o in offers if not issubclass(o.load(), GeneratedSource))
    found = tuple(o for o in ending if not required(o))
    assert found, f"no plugin brings embedded data of the modality {modality}"
    return found


@cache
def opened(name: str) -> Source:
    factory = CATALOGUE.find("sources", name).load()
    made = factory(factory.Config())
    assert isinstance(made, Source)
    return Grouped(made)


def embedded(modality: str) -> Source:
    """The first of them."""
    return opened(all_embedded(modality)[0].name)


def small(offer: Offer) -> dict[str, object]:
    """The encoder of an offer, as small as its settings allow."""
    config = offer.load().Config
    known = {f.name: f.default for f in fields(config)}
    tiny = {k: v for k, v in TINY.items() if isinstance(known.get(k), type(v))}
    try:
        config(**tiny)
    except ValueError:
        tiny = {}
    return {"name": offer.name, **tiny}


@cache
def encoders(modality: str) -> list[Offer]:
    """Those that need no setting."""
    offers = CATALOGUE.offers("encoders", modality)
    return [o for o in offers if o.modality == {modality} and not required(o)]


def needed(method: str) -> set[str]:
    """What a method asks of an encoder."""
    words = CATALOGUE.find("methods", method).requires
    elsewhere = {
        "teacher",
        "groups",
        "instances",
        "mix",
        "pairs",
    }  # from the core, the data, the modality
    return {word for word in words if not word.startswith("views:")} - elsewhere


def composed(cell: Cell, encoder: Offer) -> None:
    """Everything a run checks before it opens its data."""
    tree = {"method": cell.method, "encoder": small(encoder), "data": {"name": "python:Grouped"}}
    plan = resolve_run(tree, where="the grid", given=Given(source=embedded(cell.modality)))
    plan.check(plan.build_encoders())


def name(cell: Cell) -> str:
    return f"{cell.method} on {cell.modality}"


def trained(cell: Cell, out: Path, settings: dict[str, Any]) -> tuple[tacit.Run, Source]:
    """A run on the first embedded data that are not too small for the method, or refused by it."""
    refused = []
    for offer in all_embedded(cell.modality):
        source = opened(offer.name)
        try:
            return tacit.pretrain(cell.method, data=source, out=out, settings=settings), source
        except ValueError as error:
            refused.append(str(error))
    if cell.method in MANY_VALUES:
        pytest.skip(f"wants many values; its plugin embeds one: {refused}")
    pytest.fail(f"{cell.method} trains on none of the embedded data: {refused}")


@pytest.mark.parametrize("cell", [c for c in GRID if c.fits], ids=name)
def test_what_the_grid_says_fits_trains(cell: Cell, tmp_path: Path) -> None:
    offers = [o for o in encoders(cell.modality) if needed(cell.method) <= set(o.provides)]
    assert offers, f"no encoder of {cell.modality} that {cell.method} runs on has defaults"
    whole: Method = CATALOGUE.find("methods", cell.method).load()()
    # Heads without a projector are as wide as the encoder they were made for.
    headless = getattr(whole.stages[0].config, "projector", True) is None
    encoder: dict[str, object] = {"name": offers[0].name} if headless else small(offers[0])
    if "positions:none" in needed(cell.method):  # offered, as a setting
        encoder["positions"] = "none"
    settings = {"encoder": encoder, "training": STEPS}
    run, source = trained(cell, tmp_path / "run", settings)
    assert run.finished
    begun = run.plan.fitted(source).build_encoders()[cell.modality].state_dict()
    now = run.encoders[cell.modality].state_dict()
    assert any(not torch.equal(begun[key], now[key]) for key in begun), "nothing was trained"
    assert all(bool(value.isfinite().all()) for value in now.values())


def impossible() -> list[tuple[Cell, Offer]]:
    """Cells that do not fit, with every encoder; and those that do, with encoders that do not."""
    return [
        (cell, encoder)
        for cell in GRID
        for encoder in encoders(cell.modality)
        if not cell.fits or not needed(cell.method) <= set(encoder.provides)
    ]


@pytest.mark.parametrize(
    ("cell", "encoder"), impossible(), ids=lambda each: getattr(each, "method", None) or each.name
)
def test_what_does_not_fit_is_refused_before_data_is_read(cell: Cell, encoder: Offer) -> None:
    with pytest.raises(ValueError, match=r"views|encoder|modalit"):
        composed(cell, encoder)


@pytest.mark.parametrize("offer", CATALOGUE.offers("modalities"), ids=lambda offer: offer.name)
def test_an_offer_says_whether_values_of_the_modality_mix(offer: Offer) -> None:
    assert ("mix" in offer.provides) == offer.load()().mixes


@pytest.mark.parametrize("offer", CATALOGUE.offers("methods"), ids=lambda offer: offer.name)
def test_an_offer_requires_what_its_objectives_do(offer: Offer) -> None:
    """What the grid is told is what a run checks."""
    method: Method = offer.load()()
    asked: set[str] = set()
    for stage in method.stages:
        objective: Objective = stage.objective(stage.config)
        asked |= objective.requires.capabilities
        assert f"views:{stage.views}" in offer.requires
        assert bool(stage.teachers) <= ("teacher" in offer.requires)
    told = needed(offer.name)
    dense = {"tokens"} if any(word.startswith("tokens:") for word in told) else set()
    assert asked <= told | dense
