"""Images as they are and with their pieces in another order, which is to be told."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

import torch
from jaxtyping import Float, Int
from torch import Generator, Tensor

from tacit.contract import Augmentation, Task, View
from tacit.nn import WhichOf, far_orders
from tacit_vision.views.config import ColourConfig, Recipe
from tacit_vision.views.policies import make_view, meta_keys


@dataclass(frozen=True, kw_only=True)
class ReorderedConfig(ColourConfig):
    """Settings of :class:`Reordered`.

    Args:
        grid: pieces along each side, which they must divide; the paper's is 3, of 222 pixels.
        orders: how many different ones there are, the first of them as it was; the paper's 30.
        scale: least and greatest share of the image's area in the box.
        jitter_strength: of the colours.

    Raises:
        ValueError: a setting is out of its range; says which.
    """

    grid: int = 2
    orders: int = 24
    scale: tuple[float, float] = (0.5, 1.0)
    jitter_strength: float = 0.5

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.grid < 2:
            raise ValueError(f"grid: wanted at least 2 pieces along a side; got {self.grid}")
        far_orders(self.grid**2, self.orders)  # refuses what there is not

    def recipe(self) -> Recipe:
        """The settings of both views before they are cut up."""
        shared: dict[str, Any] = {f.name: getattr(self, f.name) for f in fields(ColourConfig)}
        return Recipe(**shared)


class Reordered(Augmentation):
    """A view in order, and another put together from its pieces in one of several orders.

    Takes uint8 images (batch, 1 or 3, height, width), all of one size; makes two float32 views with
    roles ``whole`` and ``reordered``, whose ``meta`` holds ``order``: the number of the order, 0 as
    it was, by `tacit.nn.far_orders`.

    Source: Carlucci et al. 2019 (arXiv 1903.06864) section 3.1; the authors' code was
    not read. Where we differ: both views of every image, where theirs shuffle a share
    of the batch; no gap between pieces, which crops of the whole make less needed.
    """

    Config = ReorderedConfig
    roles = ("whole", "reordered")

    def __init__(self, config: ReorderedConfig | None = None) -> None:
        self.config = config or ReorderedConfig()
        self.meta = meta_keys((self.config.recipe(),)) | {"order"}
        self.tasks: Mapping[str, Task] = {"order": WhichOf(self.config.orders)}
        self.orders = far_orders(self.config.grid**2, self.config.orders)

    def __call__(self, value: Tensor, generator: Generator) -> tuple[View, ...]:
        """The two views of a batch; the generator lives on the batch's device."""
        recipe, grid = self.config.recipe(), self.config.grid
        if any(side % grid for side in recipe.view_size(value)):
            got = " x ".join(map(str, recipe.view_size(value)))
            raise ValueError(f"wanted views that {grid} pieces a side divide; got {got}: set size=")
        whole, apart = (make_view(recipe, value, generator, role) for role in self.roles)
        count = (len(value),)
        order = torch.randint(
            1, self.config.orders, count, generator=generator, device=value.device
        )
        mixed = put_together(apart.value, self.orders.to(value.device)[order], grid)
        return (
            View(value=whole.value, meta={**whole.meta, "order": 0 * order}, role="whole"),
            View(value=mixed, meta={**apart.meta, "order": order}, role="reordered"),
        )


def put_together(
    images: Float[Tensor, "batch channels height width"],
    order: Int[Tensor, "batch pieces"],
    grid: int,
) -> Float[Tensor, "batch channels height width"]:
    """Images put together anew: piece `order[i]` comes to place i, row by row."""
    batch, channels, height, width = images.shape
    high, wide = height // grid, width // grid
    pieces = images.reshape(batch, channels, grid, high, grid, wide).permute(0, 2, 4, 1, 3, 5)
    flat = pieces.reshape(batch, grid**2, -1)
    taken = flat.gather(1, order[:, :, None].expand(-1, -1, flat.shape[2]))
    back = taken.reshape(batch, grid, grid, channels, high, wide).permute(0, 3, 1, 4, 2, 5)
    return back.reshape(batch, channels, height, width)
