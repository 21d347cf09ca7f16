"""Cells of a grid: blocks of tokens that are hidden together."""

from __future__ import annotations

import math
from collections.abc import Sequence

from jaxtyping import Bool
from torch import Tensor

from tacit.contract import MaskMode
from tacit.nn.masks.sampler import by


def cells_of(grid: Sequence[int], block: int) -> tuple[int, ...]:
    """Cells along each axis; the last may be cut off."""
    return tuple(-(-size // block) for size in grid)


def check_cells(grid: Sequence[int], block: int, mode: MaskMode) -> None:
    """Refuse, before training, a grid that cannot be masked in cells.

    Raises:
        ValueError: a single cell, or cells cut off at the border under `drop`, where every row
            must keep the same number of tokens.
    """
    if math.prod(cells_of(grid, block)) < 2:
        raise ValueError(
            f"mask: wanted at least 2 cells of block={block} to hide some and see others; "
            f"the tokens lie {by(grid)}"
        )
    if mode == "drop" and any(size % block for size in grid):
        raise ValueError(
            f"mask: under 'drop' wanted a block that divides the grid, {by(grid)}; "
            f"got {block}: set block=1 or another divisor"
        )


def grow(
    hidden: Bool[Tensor, "batch cells"], grid: Sequence[int], block: int
) -> Bool[Tensor, "batch tokens"]:
    """Cells as the tokens they hold, those beyond the border cut off."""
    if block == 1:
        return hidden
    grown: Tensor = hidden.unflatten(1, cells_of(grid, block))
    for axis, size in enumerate(grid, start=1):
        grown = grown.repeat_interleave(block, dim=axis).narrow(axis, 0, size)
    return grown.flatten(1)


def per_row(cells: int, grid: Sequence[int], block: int) -> int | None:
    """Tokens that a number of cells hides in every row, if it is the same in all."""
    whole = all(size % block == 0 for size in grid)
    return cells * block ** len(grid) if whole else None
