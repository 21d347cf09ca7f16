"""Quantile noise: numbers move along the distribution of their own column."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float
from torch import Generator, Tensor

from tacit.contract import Augmentation, View
from tacit_tabular.modality import Rows
from tacit_tabular.views.chance import check_share


@dataclass(frozen=True, kw_only=True)
class QuantileNoiseConfig:
    """Settings of the views.

    Args:
        scale: deviation of the noise, as a share of the column's rows: with 0.1 two thirds of the
            numbers move by less than a tenth of the distribution.
        rate: probability that a number moves.

    Raises:
        ValueError: shares outside [0, 1].
    """

    scale: float = 0.1
    rate: float = 1.0

    def __post_init__(self) -> None:
        check_share("scale", self.scale)
        check_share("rate", self.rate)


class QuantileNoise(Augmentation):
    """A row as it is, and a copy whose numbers moved up or down the quantiles of their column.

    Each number becomes its rank among the batch's, the rank gets normal noise, and what stands at
    the new rank (on the line between two neighbours) takes the number's place. So noise is small
    where numbers lie close and large where they lie far apart, whatever the column's scale or skew,
    and no number leaves the range of its column. Missing cells and categories stay.

    The meta of each view: `moved`, by what share of the column each cell moved.

    Source: ours; the quantile transform is that of scikit-learn's QuantileTransformer, which
    Gorishniy et al. 2021 (arXiv:2106.11959), section 4.2, prepare tables with. Where we differ: the
    quantiles are those of the batch, and the numbers come back on their own scale.
    """

    Config = QuantileNoiseConfig
    roles = ("anchor", "moved")
    meta = frozenset({"moved"})
    scope = "batch"

    def __init__(self, config: QuantileNoiseConfig) -> None:
        self.config = config

    def __call__(self, value: Rows, generator: Generator) -> tuple[View, ...]:
        """The rows themselves and the copy with noise."""
        cells, device = value.cells, value.cells.device
        noise = torch.randn(cells.shape, generator=generator, device=device, dtype=cells.dtype)
        moving = torch.rand(cells.shape, generator=generator, device=device) < self.config.rate
        numbers = torch.tensor([c.kind == "numerical" for c in value.columns], device=device)
        changed, moved = along(cells, self.config.scale * noise, numbers & moving & ~cells.isnan())
        return (
            View(value=value, meta={"moved": torch.zeros_like(moved)}, role="anchor"),
            View(value=value.replaced(changed), meta={"moved": moved}, role="moved"),
        )


def along(
    cells: Float[Tensor, "rows columns"],
    shift: Float[Tensor, "rows columns"],
    moving: Bool[Tensor, "rows columns"],
) -> tuple[Float[Tensor, "rows columns"], Float[Tensor, "rows columns"]]:
    """Cells moved along their column's sorted values, and how far: shares of the column."""
    ordered, order = cells.sort(0)  # NaN come last
    rank = order.argsort(0).to(cells.dtype)
    last = (~cells.isnan()).sum(0).clamp(min=1).to(cells.dtype) - 1
    place = torch.minimum((rank + shift * last).clamp(min=0), last)
    low, high = place.floor().long(), place.ceil().long()
    between = torch.lerp(ordered.gather(0, low), ordered.gather(0, high), place - place.floor())
    moved = (place - rank) / last.clamp(min=1)
    return torch.where(moving, between, cells), moved.where(moving, 0.0)
