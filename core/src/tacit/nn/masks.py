"""Mask samplers: which tokens of a grid are hidden."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import prod

import torch

from tacit.contract import Mask, MaskMode


@dataclass(frozen=True, kw_only=True)
class RandomMask:
    """Hides a fixed share of the cells of each row, chosen uniformly.

    Args:
        ratio: share of the cells hidden, rounded to whole cells, at least one and not all.
        block: tokens along each axis that are hidden together as one cell. MAE hides single
            tokens; SimMIM hides 32-pixel cells of several tokens.

    Raises:
        ValueError: a ratio outside (0, 1) or a block below 1.

    Source: He et al. 2022 (arXiv 2111.06377) section 3, facebookresearch/mae `random_masking`;
    Xie et al. 2022 (arXiv 2111.09886) section 3.2, microsoft/SimMIM `MaskGenerator`.
    Differs: SimMIM rounds the number of hidden cells up; here both round to the nearest.
    """

    ratio: float = 0.75
    block: int = 1

    def __post_init__(self) -> None:
        if not 0 < self.ratio < 1:
            raise ValueError(f"ratio: wanted above 0 and below 1; got {self.ratio}")
        if self.block < 1:
            raise ValueError(f"block: wanted at least 1; got {self.block}")

    def check(self, grid: Sequence[int]) -> None:
        """Refuse a grid the blocks do not divide, or with too few cells to hide some and not all.

        Raises:
            ValueError: says which axis.
        """
        if any(size % self.block for size in grid):
            raise ValueError(
                f"block: wanted a divisor of every axis of the token grid {tuple(grid)}; "
                f"got {self.block}"
            )
        if prod(grid) // self.block ** len(grid) < 2:
            raise ValueError(f"the token grid {tuple(grid)} has a single cell: nothing to predict")

    def __call__(
        self, rows: int, grid: Sequence[int], *, mode: MaskMode, generator: torch.Generator
    ) -> Mask:
        """A mask of `rows` rows over the tokens of a grid, on the generator's device."""
        self.check(grid)
        cells = [size // self.block for size in grid]
        count = prod(cells)
        hidden = min(max(round(self.ratio * count), 1), count - 1)
        noise = torch.rand(rows, count, generator=generator, device=generator.device)
        chosen = torch.zeros(rows, count, dtype=torch.bool, device=generator.device)
        chosen.scatter_(1, noise.argsort(dim=1)[:, :hidden], True)
        spread = chosen.view(rows, *cells)
        for axis in range(len(grid)):
            spread = spread.repeat_interleave(self.block, dim=axis + 1)
        per_row = hidden * self.block ** len(grid)
        return Mask(spread.reshape(rows, prod(grid)), mode, hidden_per_row=per_row)
