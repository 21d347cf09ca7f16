"""Tokens, or cells of them, hidden one by one at random."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import torch
from jaxtyping import Bool
from torch import Tensor

from tacit.contract import Mask, MaskMode
from tacit.nn.masks.cells import cells_of, check_cells, grow, per_row
from tacit.nn.masks.sampler import MaskSampler, check_ratio, first_hidden, number_of, ranks


@dataclass(frozen=True, kw_only=True)
class RandomMask(MaskSampler):
    """Hides a fixed share of the tokens, chosen at random in every row anew.

    Args:
        ratio: share to hide, in (0, 1), rounded up to whole cells; one cell at least stays hidden
            and one visible. MAE takes 0.75, SimMIM 0.6.
        block: side of the cells that are hidden together, in tokens along every axis: SimMIM hides
            squares of 2 x 2. With 1, tokens are hidden one by one.

    Raises:
        ValueError: numbers out of range.

    Source: He et al. 2022 (arXiv 2111.06377), facebookresearch/mae, `random_masking` (sort of
        noise, row by row); Xie et al. 2022 (arXiv 2111.09886), microsoft/SimMIM, `MaskGenerator`
        (cells). Differs: both on grids of any number of axes, in one batched operation on the
        device; the mask comes from the generator given.
    """

    kind: ClassVar[str] = "random"
    packs: ClassVar[bool] = True
    ratio: float = 0.75
    block: int = 1

    def __post_init__(self) -> None:
        check_ratio(self.ratio)
        if self.block < 1:
            raise ValueError(f"block: wanted at least 1; got {self.block}")

    def check(self, grid: Sequence[int], mode: MaskMode) -> None:
        """Refuse, before training, a grid this cannot mask.

        Raises:
            ValueError: a single cell, or cells cut off at the border under `drop`, where every row
                must keep the same number of tokens.
        """
        check_cells(grid, self.block, mode)

    def __call__(
        self,
        rows: int,
        grid: Sequence[int],
        *,
        mode: MaskMode,
        generator: torch.Generator,
        valid: Bool[Tensor, "batch tokens"] | None = None,
    ) -> Mask:
        """A mask of `(rows, tokens)`, on the generator's device.

        Every row hides the same number of tokens, which `hidden_per_row` states, except where
        cells are cut off at the border or rows are padded.

        Args:
            rows: of the mask.
            grid: tokens along each axis; one number where they lie in a line.
            mode: what is to happen to hidden tokens.
            generator: the source of randomness.
            valid: False where a row is padding, which nobody asks for; the ratio is then one of
                the row's valid tokens, and `block` is refused. Under `drop` short rows keep padding
                in place of tokens, so that all keep the same number.

        Raises:
            ValueError: see `check`; or padded rows together with cells.
        """
        self.check(grid, mode)
        if valid is not None:
            return self._padded(valid, mode, generator)
        number = math.prod(cells_of(grid, self.block))
        count = number_of(self.ratio, number)
        noise = torch.rand(rows, number, generator=generator, device=generator.device)
        hidden = grow(ranks(noise) < count, grid, self.block)
        return Mask(hidden, mode, per_row(count, grid, self.block))

    def packed(self, tokens: int, *, mode: MaskMode, generator: torch.Generator) -> Mask:
        """A mask of `(tokens,)` over all packed tokens of a batch, which share the ratio.

        Raises:
            ValueError: fewer than 2 tokens, or a block other than 1: packed tokens lie on no grid.
        """
        if self.block != 1:
            raise ValueError(
                f"mask: packed tokens lie on no grid: wanted block=1, got {self.block}"
            )
        self.check((tokens,), mode)
        noise = torch.rand(1, tokens, generator=generator, device=generator.device)
        return Mask((ranks(noise) < number_of(self.ratio, tokens)).squeeze(0), mode)

    def _padded(
        self, valid: Bool[Tensor, "batch tokens"], mode: MaskMode, generator: torch.Generator
    ) -> Mask:
        if self.block != 1:
            raise ValueError(
                "mask: rows of different lengths have no whole cells: wanted block=1; got "
                f"{self.block}"
            )
        noise = torch.rand(valid.shape, generator=generator, device=generator.device)
        return first_hidden(noise, self.ratio, mode, valid)
