"""Blocks on a grid, many of them at once."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from jaxtyping import Bool, Float, Int, Shaped
from torch import Tensor


def inside(
    length: Float[Tensor, "batch blocks"],
    start: Float[Tensor, "batch blocks"],
    size: int,
    there: Int[Tensor, "batch 1"] | None = None,
) -> Bool[Tensor, "batch blocks size"]:
    """Which places of an axis lie in each block.

    Args:
        length: of the blocks, whole numbers of at least 1.
        start: where they begin, as shares in [0, 1) of where they could.
        size: of the axis.
        there: how much of the axis each row has; None for all of it.
    """
    room = (size if there is None else there) - length + 1
    first = (start * room.clamp(min=1)).floor()[..., None]
    place = torch.arange(size, device=start.device)
    return (place >= first) & (place < first + length[..., None])


def boxes(
    sides: Sequence[Float[Tensor, "batch blocks"]],
    starts: Shaped[Tensor, "axes batch blocks"],
    grid: Sequence[int],
    there: Int[Tensor, "batch 1"] | None = None,
) -> Bool[Tensor, "batch blocks tokens"]:
    """Which tokens of a grid lie in each block.

    Args:
        sides: along each axis; rounded, and kept between 1 and the axis.
        starts: see `inside`, for each axis.
        grid: tokens along each axis.
        there: how many of them each row has, on a grid of one axis; None for all of them.
    """
    covered: Tensor | None = None
    for axis, size in enumerate(grid):
        along = inside(sides[axis].round().clamp(1, size), starts[axis], size, there)
        shape = [size if other == axis else 1 for other in range(len(grid))]
        along = along.view(*along.shape[:2], *shape)
        covered = along if covered is None else covered & along
    assert covered is not None, "a grid has an axis"
    return covered.flatten(2)
