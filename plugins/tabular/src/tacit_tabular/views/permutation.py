"""Column permutation: the values of a column change rows, all of them together."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Generator

from tacit.contract import Augmentation, View
from tacit_tabular.modality import Rows
from tacit_tabular.views.chance import check_share


@dataclass(frozen=True, kw_only=True)
class PermutedConfig:
    """Settings of the views.

    Args:
        rate: probability that a column is permuted; as many cells as SCARF changes.

    Raises:
        ValueError: a rate outside [0, 1].
    """

    rate: float = 0.6

    def __post_init__(self) -> None:
        check_share("rate", self.rate)


class Permuted(Augmentation):
    """Rows as they are, and a copy in which whole columns are permuted over the batch.

    It is the values of a column that change rows, not columns that change places: encoders know a
    column by its place. What a column holds stays exactly the same, which corruption by donors
    holds on average alone; its tie to the other columns is cut, in all rows at once.

    The meta of each view: `corrupted`, where a cell has another row's value, and `donor`, which.

    Source: Breiman 2001, Random Forests, section 10, permutes one column to see what hangs on it;
    Yoon et al. 2020, VIME, section 4.1, permutes each column to draw values for the cells it
    corrupts. Where we differ: the columns permuted are drawn for the batch, the permutation for
    each of them.
    """

    Config = PermutedConfig
    roles = ("anchor", "permuted")
    meta = frozenset({"corrupted", "donor"})
    scope = "batch"

    def __init__(self, config: PermutedConfig) -> None:
        self.config = config

    def __call__(self, value: Rows, generator: Generator) -> tuple[View, ...]:
        """The rows themselves and the permuted copy."""
        cells = value.cells
        device, (rows, columns) = cells.device, cells.shape
        order = torch.rand(rows, columns, generator=generator, device=device).argsort(0)
        chosen = torch.rand(columns, generator=generator, device=device) < self.config.rate
        own = torch.arange(rows, device=device)[:, None].expand(rows, columns)
        donor = torch.where(chosen, order, own)
        still = {"corrupted": torch.zeros_like(cells, dtype=torch.bool), "donor": own}
        moved = {"corrupted": donor != own, "donor": donor}
        return (
            View(value=value, meta=still, role="anchor"),
            View(value=value.replaced(cells.gather(0, donor)), meta=moved, role="permuted"),
        )
