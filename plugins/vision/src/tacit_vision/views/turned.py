"""Views turned by known angles: quarter turns to be told, any angles to be steered by."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

import torch
from jaxtyping import Float, Int
from torch import Generator, Tensor
from torch.nn import functional

from tacit.contract import Augmentation, Task, View
from tacit.nn import Numbers, WhichOf
from tacit_vision.views.config import ColourConfig, Recipe
from tacit_vision.views.draws import permutations, uniform
from tacit_vision.views.policies import make_view, meta_keys

TURNS = 4


@dataclass(frozen=True, kw_only=True)
class TransformedConfig(ColourConfig):
    """Settings of :class:`Transformed`.

    Args:
        count: views of each image, each turned otherwise; the paper has all 4.
        scale: least and greatest share of the image's area in the box.
        jitter_strength: the paper has no jitter; it keeps colour fringes from giving the turn away.

    Raises:
        ValueError: a setting is out of its range; says which.
    """

    count: int = 2
    scale: tuple[float, float] = (0.3, 1.0)
    jitter_strength: float = 0.5

    def __post_init__(self) -> None:
        super().__post_init__()
        if not 1 <= self.count <= TURNS:
            raise ValueError(f"count: wanted 1 to {TURNS} views, one a turn; got {self.count}")


class Transformed(Augmentation):
    """Views as other policies make them, then turned by 0 to 3 quarters, which is to be told.

    Takes uint8 images (batch, 1 or 3, height, width), all of one size; makes `count` square float32
    views with role ``view``, whose ``meta`` holds ``transformation``: quarter turns to the left,
    never the same for two views of an image, and what :class:`tacit_vision.views.TwoViews` has.

    Source: Gidaris et al. 2018 (arXiv 1803.07728) section 3.
    """

    Config = TransformedConfig
    tasks: Mapping[str, Task] = {"transformation": WhichOf(TURNS)}

    def __init__(self, config: TransformedConfig | None = None) -> None:
        self.config = config or TransformedConfig()
        self.roles = ("view",) * self.config.count
        self.meta = meta_keys((_recipe(self.config),)) | {"transformation"}

    def __call__(self, value: Tensor, generator: Generator) -> tuple[View, ...]:
        """The views of a batch; the generator lives on the batch's device."""
        recipe = _recipe(self.config)
        refuse_oblong(recipe.view_size(value))
        turns = permutations(generator, len(value), TURNS)
        made = []
        for number in range(self.config.count):
            plain = make_view(recipe, value, generator, "view")
            turn = turns[:, number]
            meta = {**plain.meta, "transformation": turn}
            made.append(View(value=quarter_turned(plain.value, turn), meta=meta))
        return tuple(made)


@dataclass(frozen=True, kw_only=True)
class RelatedConfig(ColourConfig):
    """Settings of :class:`Related`.

    Args:
        degrees: greatest angle either way that a view is turned by.
        scale: least and greatest share of the image's area in the box, which stays unknown.
        flip_probability: of mirroring, which stays unknown.
        jitter_strength: of the colours, which stay unknown; SimCLR's on small images.

    Raises:
        ValueError: a setting is out of its range; says which.
    """

    degrees: float = 90.0
    scale: tuple[float, float] = (0.5, 1.0)
    jitter_strength: float = 0.5

    def __post_init__(self) -> None:
        super().__post_init__()
        if not 0 < self.degrees <= 180:
            raise ValueError(f"degrees: wanted more than 0, at most 180; got {self.degrees}")


class Related(Augmentation):
    """Two views of each image, both turned, and by how much the second is turned from the first.

    Takes uint8 images (batch, 1 or 3, height, width), all of one size; makes two square float32
    views with role ``view``. Their ``meta`` holds ``angle`` in radians, to the left, and
    ``relation``: cosine and sine of the angle from the first view to this one. Corners that turn
    into the image are the nearest edge's.

    Source: Garrido et al. 2023 (arXiv 2302.10283) section 3. Where we differ: there an object is
    rendered from another side; here an image is turned in its plane.
    """

    Config = RelatedConfig
    roles = ("view", "view")
    tasks: Mapping[str, Task] = {"relation": Numbers(2)}

    def __init__(self, config: RelatedConfig | None = None) -> None:
        self.config = config or RelatedConfig()
        self.meta = meta_keys((_recipe(self.config),)) | {"angle", "relation"}

    def __call__(self, value: Tensor, generator: Generator) -> tuple[View, ...]:
        """The two views of a batch; the generator lives on the batch's device."""
        recipe, reach = _recipe(self.config), math.radians(self.config.degrees)
        refuse_oblong(recipe.view_size(value))
        angles = uniform(generator, (2, len(value)), -reach, reach)
        return tuple(self._view(recipe, value, generator, angle, angles[0]) for angle in angles)

    def _view(
        self, recipe: Recipe, value: Tensor, generator: Generator, angle: Tensor, first: Tensor
    ) -> View:
        plain = make_view(recipe, value, generator, "view")
        between = angle - first
        relation = torch.stack([between.cos(), between.sin()], dim=1)
        meta = {**plain.meta, "angle": angle, "relation": relation}
        return View(value=turned(plain.value, angle), meta=meta)


def quarter_turned(
    images: Float[Tensor, "batch channels side side"], turn: Int[Tensor, " batch"]
) -> Float[Tensor, "batch channels side side"]:
    """Each image turned to the left by its own number of quarters, exactly."""
    result = images
    for number in range(1, TURNS):
        chosen = (turn == number)[:, None, None, None]
        result = torch.where(chosen, images.rot90(number, (2, 3)), result)
    return result


def turned(
    images: Float[Tensor, "batch channels side side"], angle: Float[Tensor, " batch"]
) -> Float[Tensor, "batch channels side side"]:
    """Each image turned to the left by its own angle in radians; bilinear."""
    cosine, sine, none = angle.cos(), angle.sin(), torch.zeros_like(angle)
    rows = [torch.stack([cosine, -sine, none], 1), torch.stack([sine, cosine, none], 1)]
    with torch.autocast(images.device.type, enabled=False):
        places = functional.affine_grid(
            torch.stack(rows, 1), list(images.shape), align_corners=False
        )
        return functional.grid_sample(images, places, padding_mode="border", align_corners=False)


def refuse_oblong(size: tuple[int, int]) -> None:
    """Refuse views that have another shape once they are turned."""
    if size[0] != size[1]:
        raise ValueError(
            f"views that are turned must be square; got {size[0]} x {size[1]}: set size="
        )


def _recipe(config: ColourConfig) -> Recipe:
    shared: dict[str, Any] = {f.name: getattr(config, f.name) for f in fields(ColourConfig)}
    return Recipe(**shared)
