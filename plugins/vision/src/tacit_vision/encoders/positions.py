"""Position embeddings on a grid of patches."""

from __future__ import annotations

from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional


class Grid(NamedTuple):
    """Tokens down and across an image."""

    rows: int
    columns: int


def sincos(grid: Grid, width: int) -> Float[Tensor, "1 tokens width"]:
    """Fixed sine and cosine embeddings: half of the width tells the row, half the column.

    Source: Vaswani et al. 2017, section 3.5, in two dimensions as in MAE (arXiv:2111.06377,
    appendix A.1). Where we differ: rows come first, and the class token has no position.

    Args:
        grid: rows and columns.
        width: a multiple of 4.
    """
    steps = torch.arange(width // 4, dtype=torch.float64) / (width // 4)
    rates = 10000.0**-steps
    rows, columns = (torch.arange(n, dtype=torch.float64)[:, None] * rates for n in grid)
    down = torch.cat([rows.sin(), rows.cos()], dim=1)[:, None].expand(-1, grid.columns, -1)
    across = torch.cat([columns.sin(), columns.cos()], dim=1)[None].expand(grid.rows, -1, -1)
    return torch.cat([down, across], dim=2).reshape(1, -1, width).float()


def resample(
    positions: Float[Tensor, "1 length width"], old: Grid, new: Grid, prefix: int = 0
) -> Float[Tensor, "1 longer width"]:
    """Embeddings of one grid stretched to another, for views of another size.

    Bicubic with antialiasing, which is what timm does when it loads or runs a network at another
    size (timm/layers/pos_embed.py, read), so an exported encoder answers alike there.

    Args:
        positions: the embeddings of `old`, after those of `prefix` other tokens.
        old: the grid they are made for.
        new: the grid wanted.
        prefix: embeddings in front that have no place in the image.
    """
    if old == new:
        return positions
    width = positions.shape[2]
    plane = positions[:, prefix:].float().reshape(1, *old, width).permute(0, 3, 1, 2)
    plane = functional.interpolate(plane, size=tuple(new), mode="bicubic", antialias=True)
    stretched = plane.permute(0, 2, 3, 1).reshape(1, -1, width).to(positions.dtype)
    return torch.cat([positions[:, :prefix], stretched], dim=1)
