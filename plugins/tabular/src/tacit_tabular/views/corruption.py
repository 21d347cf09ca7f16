"""Marginal corruption: cells take the value another row has in their column."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Generator

from tacit.contract import Augmentation, View
from tacit_tabular.modality import Rows
from tacit_tabular.views.chance import check_share


@dataclass(frozen=True, kw_only=True)
class CorruptionConfig:
    """Settings of the views.

    Args:
        rate: probability that a cell is changed. The paper has 0.6; 0.3 was better on a
            table of eight columns, the only one tried.

    Raises:
        ValueError: a rate outside [0, 1].
    """

    rate: float = 0.3

    def __post_init__(self) -> None:
        check_share("rate", self.rate)


class TwoViews(Augmentation):
    """A row as it is, and a copy some of whose cells come from other rows.

    Source: Bahri et al. 2022 (arXiv:2106.15147), algorithm 1. Where we differ: donors are rows of
    the batch, not of the whole table, and each cell is changed with probability `rate` where the
    paper changes a fixed number of cells.
    """

    Config = CorruptionConfig
    roles: tuple[str, ...] = ("anchor", "corrupted")
    meta = frozenset({"corrupted"})
    scope = "batch"

    def __init__(self, config: CorruptionConfig) -> None:
        self.config = config

    def __call__(self, value: Rows, generator: Generator) -> tuple[View, ...]:
        """The row itself and its corrupted copy."""
        cells = value.cells
        changed = torch.rand(cells.shape, generator=generator, device=cells.device)
        donors = torch.randint(len(cells), cells.shape, generator=generator, device=cells.device)
        corrupted = changed < self.config.rate
        mixed = torch.where(corrupted, cells.gather(0, donors), cells)
        return (
            View(value=value, meta={"corrupted": torch.zeros_like(corrupted)}, role="anchor"),
            View(value=value.replaced(mixed), meta={"corrupted": corrupted}, role="corrupted"),
        )


@dataclass(frozen=True, kw_only=True)
class CorruptedConfig(CorruptionConfig):
    """Settings of the views.

    Args:
        rate: probability that a cell is changed; VIME's 0.3.
    """

    rate: float = 0.3


class Corrupted(TwoViews):
    """A row as it is, and a lightly corrupted copy: what VIME finds and mends.

    Source: Yoon et al. 2020, VIME, section 4.1; jsyoon0823/VIME, vime_utils.py. Where we differ:
    donors are drawn with replacement, where the authors permute each column.
    """

    Config = CorruptedConfig


@dataclass(frozen=True, kw_only=True)
class MaskedConfig:
    """A row as it is has no settings."""


class Masked(Augmentation):
    """The row itself, for objectives that hide columns."""

    Config = MaskedConfig
    roles = ("view",)

    def __init__(self, config: MaskedConfig) -> None:
        self.config = config

    def __call__(self, value: Rows, generator: Generator) -> tuple[View, ...]:
        """One view."""
        return (View(value=value),)
