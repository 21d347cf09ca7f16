"""Fixed positions of tokens on a grid of any number of axes."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor, nn


def grid_positions(
    grid: tuple[int, ...], width: int, *, device: torch.device | None = None
) -> Float[Tensor, "tokens width"]:
    """Sine and cosine positions of a grid, axis by axis, last axis fastest.

    The width is shared out evenly over the axes; what does not divide stays zero.

    Args:
        grid: tokens along each axis.
        width: features of a position.
        device: where to make them.

    Raises:
        ValueError: fewer than two features an axis.

    Source: Vaswani et al. 2017 (arXiv 1706.03762) section 3.5 for one axis; He et al. 2022
    (arXiv 2111.06377) and facebookresearch/mae `util/pos_embed.py` concatenate two of them.
    Differs: any number of axes, and widths that do not divide.
    """
    share = width // len(grid) // 2
    if share < 1:
        raise ValueError(
            f"width: wanted at least {2 * len(grid)} for {len(grid)} axes; got {width}"
        )
    frequencies = 10_000.0 ** (-torch.arange(share, dtype=torch.float64, device=device) / share)
    axes = torch.meshgrid(*(torch.arange(size, device=device) for size in grid), indexing="ij")
    parts = []
    for axis in axes:
        angles = axis.flatten().double()[:, None] * frequencies
        parts += [angles.sin(), angles.cos()]
    encoded = torch.cat(parts, dim=1).float()
    return torch.nn.functional.pad(encoded, (0, width - encoded.shape[1]))


class GridPositions(nn.Module):
    """The positions of an encoder's tokens, made once where they lie on a grid.

    Args:
        grid: tokens along each axis; None: a line of any length.
        width: features of a position.
    """

    made: Tensor | None

    def __init__(self, grid: tuple[int, ...] | None, width: int) -> None:
        super().__init__()
        self.width = width
        made = None if grid is None else grid_positions(grid, width)
        self.register_buffer("made", made, persistent=False)

    def forward(
        self, x: Float[Tensor, "batch tokens width"]
    ) -> Float[Tensor, "batch tokens width"]:
        """Tokens with their positions added.

        Raises:
            ValueError: they are not as many as the grid has.
        """
        tokens = x.shape[1]
        if self.made is None:
            return x + grid_positions((tokens,), self.width, device=x.device).to(x.dtype)
        if len(self.made) != tokens:
            raise ValueError(
                f"decoder: wanted the {len(self.made)} tokens of the encoder's grid; got "
                f"{tokens}: masked prediction needs views of the encoder's own size"
            )
        return x + self.made.to(x.dtype)
