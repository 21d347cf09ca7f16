"""Mixup: a row, and what lies between it and another row."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Generator, Tensor

from tacit.contract import Augmentation, View
from tacit_tabular.modality import Rows
from tacit_tabular.views.chance import check_share


@dataclass(frozen=True, kw_only=True)
class MixupConfig:
    """Settings of the views.

    Args:
        least: least share of a row's own that stays; the share is drawn evenly from here to 1.

    Raises:
        ValueError: a share outside [0.5, 1]: below a half the other row would be the nearer.
    """

    least: float = 0.5

    def __post_init__(self) -> None:
        check_share("least", self.least, least=0.5)


class Mixup(Augmentation):
    """A row as it is, and a copy mixed with another row of the batch.

    Numbers lie between those of both rows. There is nothing between categories, or between a
    number and a missing one: such a cell is the row's own with the probability of its share, else
    the other's.

    The meta of each view: `share` of its own each row holds, and `order`, the other row.

    Source: Darabi et al. 2021 (arXiv:2108.12296), Contrastive Mixup, section 3.2, for a share drawn
    evenly; Somepalli et al. 2021 (arXiv:2106.01342), SAINT, section 4, for cells of another row.
    Where we differ: rows are mixed as they are, where both mix what an encoder made of them.
    """

    Config = MixupConfig
    roles = ("anchor", "mixed")
    meta = frozenset({"share", "order"})
    scope = "batch"

    def __init__(self, config: MixupConfig) -> None:
        self.config = config

    def __call__(self, value: Rows, generator: Generator) -> tuple[View, ...]:
        """The rows themselves and the mixed copy."""
        cells = value.cells
        rows, device = len(cells), cells.device
        order = torch.randperm(rows, generator=generator, device=device)
        drawn = torch.rand(rows, generator=generator, device=device)
        share = self.config.least + (1 - self.config.least) * drawn
        kept = torch.rand(cells.shape, generator=generator, device=device) < share[:, None]
        mixed = between(value, cells[order], share, kept)
        own = {"share": torch.ones_like(share), "order": torch.arange(rows, device=device)}
        return (
            View(value=value, meta=own, role="anchor"),
            View(value=value.replaced(mixed), meta={"share": share, "order": order}, role="mixed"),
        )


def between(value: Rows, other: Tensor, share: Tensor, kept: Tensor) -> Tensor:
    """`share` of each number and the rest of the other's; else one of the two, as `kept` says."""
    cells = value.cells
    numbers = torch.tensor([c.kind == "numerical" for c in value.columns], device=cells.device)
    both = numbers & ~cells.isnan() & ~other.isnan()
    part = share.to(cells.dtype)[:, None]
    return torch.where(both, torch.lerp(other, cells, part), torch.where(kept, cells, other))
