"""Show what is installed, from whom, and which method runs on which modality.

Without a kind: modalities, encoders, methods, the grid of methods and modalities, and any plugin
that is broken. Nothing that is listed is imported.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import Any

from tacit.cli._table import section, table
from tacit.plugin import KINDS, Catalogue, Cell, Offer, Plugin, load_plugins

_OVERVIEW = ("modalities", "encoders", "methods")
_NO_MODALITY = """No plugin that is loaded offers a modality.
  try: pip install 'tacit[all]', or tacit doctor for plugins that are broken or left out
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what ``tacit list`` takes."""
    parser.add_argument("kind", nargs="?", choices=KINDS, help="list only this kind of thing")
    parser.add_argument("--json", action="store_true", help="print the same as JSON")


def run(args: argparse.Namespace) -> int:
    """Print the offers."""
    catalogue = load_plugins()
    kinds = (args.kind,) if args.kind else _OVERVIEW
    grid = () if args.kind else catalogue.grid()
    if args.json:
        import json

        print(json.dumps(_as_json(catalogue, kinds, grid), indent=2))
    else:
        print(_as_text(catalogue, kinds, grid))
    return 0


def _as_text(catalogue: Catalogue, kinds: Sequence[str], grid: tuple[Cell, ...]) -> str:
    parts = [section(kind, _offers(catalogue.offers(kind))) for kind in kinds]
    if grid:
        parts.append(section("methods x modalities", _grid(grid, catalogue.modalities)))
    if not catalogue.modalities:
        parts.append(_NO_MODALITY)
    if catalogue.broken:
        parts.append(section("broken plugins", "\n".join(map(_broken, catalogue.broken))))
    if catalogue.missing and kinds == _OVERVIEW:
        rows = list(catalogue.missing.items())
        parts.append(section("not installed", table(("plugin", "to install"), rows)))
    return "\n".join(parts).rstrip()


def _offers(offers: tuple[Offer, ...]) -> str:
    if not offers:
        return "none"
    rows = [
        (offer.name, ", ".join(sorted(offer.modality)) or "any", offer.summary, str(offer.owner))
        for offer in offers
    ]
    return table(("name", "modality", "summary", "owner"), rows)


def _grid(grid: tuple[Cell, ...], modalities: tuple[str, ...]) -> str:
    cells = {(cell.method, cell.modality): cell for cell in grid}
    methods = dict.fromkeys(cell.method for cell in grid)
    rows = [
        (method, *("yes" if cells[method, word].fits else "no" for word in modalities))
        for method in methods
    ]
    lacks = [
        f"{cell.method} on {cell.modality}: {', '.join(cell.lacks)}"
        for cell in grid
        if not cell.fits
    ]
    return "\n".join([table(("method", *modalities), rows), *([""] if lacks else []), *lacks])


def _broken(plugin: Plugin) -> str:
    return f"{plugin.name} ({plugin.owner}): {plugin.reason}\n  try: {plugin.remedy}"


def _as_json(catalogue: Catalogue, kinds: Sequence[str], grid: tuple[Cell, ...]) -> dict[str, Any]:
    answer: dict[str, Any] = {
        kind: [_offer_as_json(offer) for offer in catalogue.offers(kind)] for kind in kinds
    }
    if grid:
        answer["grid"] = [
            {**vars(cell), "lacks": list(cell.lacks), "fits": cell.fits} for cell in grid
        ]
    answer["missing"] = catalogue.missing
    answer["broken"] = [
        {**vars(plugin.owner), "reason": plugin.reason, "remedy": plugin.remedy}
        for plugin in catalogue.broken
    ]
    return answer


def _offer_as_json(offer: Offer) -> dict[str, Any]:
    return {**vars(offer), "modality": sorted(offer.modality), "owner": vars(offer.owner)}
