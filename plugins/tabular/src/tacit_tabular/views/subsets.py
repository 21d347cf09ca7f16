"""Column subsets: each view shows other columns of a row."""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise

import torch
from jaxtyping import Bool
from torch import Generator, Tensor

from tacit.contract import Augmentation, View
from tacit_tabular.modality import Rows
from tacit_tabular.views.chance import check_share


@dataclass(frozen=True, kw_only=True)
class SubsetsConfig:
    """Settings of the views; the defaults are SubTab's.

    Args:
        subsets: views of a row.
        overlap: columns a subset shares with its neighbours, as a share of its own part.
        noise: probability that a cell of a subset takes the value of another row.

    Raises:
        ValueError: fewer than 2 subsets, or shares outside [0, 1].
    """

    subsets: int = 4
    overlap: float = 0.75
    noise: float = 0.3

    def __post_init__(self) -> None:
        if self.subsets < 2:
            raise ValueError(f"subsets: wanted at least 2; got {self.subsets}")
        check_share("overlap", self.overlap)
        check_share("noise", self.noise)


class Subsets(Augmentation):
    """Several views of a row, each with a subset of its columns; the others are missing.

    The columns are cut into as many equal parts as there are subsets, in the table's order, and
    each part takes `overlap` of its length from its neighbour: the first to the right, the others
    to the left. A subset has one column at least.

    The meta of each view: `subset`, the columns shown, and `corrupted`, the cells among them with
    another row's value.

    Source: Ucar et al. 2021 (arXiv:2110.04361), SubTab, section 3; AstraZeneca/SubTab,
    src/model.py, `subset_generator`, for the cut, the overlap and the swap noise. Where we differ:
    columns left out are missing, which encoders know, where the authors' encoder is as wide as a
    subset; parts may be of unequal length, so that no column is left over where they do not divide
    evenly; donors of noise are drawn with replacement; subsets come in the table's order.
    """

    Config = SubsetsConfig
    meta = frozenset({"subset", "corrupted"})
    scope = "batch"

    def __init__(self, config: SubsetsConfig) -> None:
        self.config = config
        self.roles = ("subset",) * config.subsets

    def __call__(self, value: Rows, generator: Generator) -> tuple[View, ...]:
        """One view a subset.

        Raises:
            ValueError: fewer columns than subsets.
        """
        columns = value.cells.shape[1]
        if columns < self.config.subsets:
            raise ValueError(
                f"subsets: wanted at most the table's {columns} columns; got {self.config.subsets}"
            )
        return tuple(
            self._view(value, at, generator)
            for at in windows(columns, self.config.subsets, self.config.overlap)
        )

    def _view(self, value: Rows, at: slice, generator: Generator) -> View:
        cells = value.cells
        draw = torch.rand(cells.shape, generator=generator, device=cells.device)
        donors = torch.randint(len(cells), cells.shape, generator=generator, device=cells.device)
        subset = shown(cells, at)
        corrupted = subset & (draw < self.config.noise)
        seen = torch.where(corrupted, cells.gather(0, donors), cells).where(subset, torch.nan)
        return View(
            value=value.replaced(seen),
            meta={"subset": subset, "corrupted": corrupted},
            role="subset",
        )


def windows(columns: int, subsets: int, overlap: float) -> list[slice]:
    """The columns of each subset."""
    edges = [math.floor(columns * at / subsets) for at in range(subsets + 1)]
    more = math.floor(overlap * columns / subsets)
    first = slice(0, min(edges[1] + more, columns))
    others = pairwise(edges[1:])
    return [first, *(slice(max(0, start - more), end) for start, end in others)]


def shown(cells: Tensor, at: slice) -> Bool[Tensor, "rows columns"]:
    """The cells of some columns."""
    found = torch.zeros_like(cells, dtype=torch.bool)
    found[:, at] = True
    return found
