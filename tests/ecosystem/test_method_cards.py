"""The pages of methods are made from the code: one for each, none out of date."""

from __future__ import annotations

import importlib.util
import json
import re
from typing import Any

import pytest
from tests.ecosystem.house import ROOT

from tacit.plugin import load_plugins

CATALOGUE = load_plugins()
SECTIONS = (
    *("What it computes", "When to use it", "What it needs", "What it costs"),
    *("Source, and where we differ", "Defaults", "Measured"),
)


@pytest.fixture(scope="module")
def cards() -> Any:
    """The script that mkdocs runs."""
    spec = importlib.util.spec_from_file_location("cards", ROOT / ".ci" / "method_cards.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def pages(cards: Any) -> dict[str, str]:
    made: dict[str, str] = cards.pages(CATALOGUE)
    return made


def test_every_method_has_a_card_with_all_its_parts(cards: Any, pages: dict[str, str]) -> None:
    for offer in CATALOGUE.offers("methods"):
        page = pages[cards.page_of(offer.name)]
        parts = re.split(r"^## (.*)$", page, flags=re.MULTILINE)
        assert tuple(parts[1::2]) == SECTIONS, offer.name
        empty = [
            name for name, body in zip(parts[1::2], parts[2::2], strict=True) if not body.strip()
        ]
        assert not empty, f"{offer.name}: {empty}"


def test_every_method_of_ours_belongs_to_a_family(cards: Any) -> None:
    assert cards.OTHERS not in cards.grouped(CATALOGUE)


def test_the_grid_says_what_the_catalogue_does(cards: Any, pages: dict[str, str]) -> None:
    page = pages["methods/index.md"]
    words = CATALOGUE.modalities
    rows = dict(re.findall(r"^\| \[(\S+)\]\(\S+\.md\) \|((?: \w+ \|)+)", page, re.MULTILINE))
    shown = {
        (method, word): cell.strip() == "yes"
        for method, cells in rows.items()
        for word, cell in zip(words, cells.split("|")[: len(words)], strict=True)
    }
    assert shown == {(cell.method, cell.modality): cell.fits for cell in CATALOGUE.grid()}


def test_a_card_shows_the_measured_numbers_beside_the_baselines(
    cards: Any, pages: dict[str, str]
) -> None:
    rows = json.loads((ROOT / "benchmarks/results/methods.json").read_text())["results"]
    for row in rows:
        if cards.baseline(row):
            assert row["linear"] in pages["methods/simclr.md"]
        else:
            assert row["linear"] in pages[cards.page_of(row["features"])]


def test_the_contents_reach_every_card(cards: Any, pages: dict[str, str]) -> None:
    assert set(re.findall(r"methods/[\w.-]+\.md", str(cards.contents(CATALOGUE)))) == set(pages)
