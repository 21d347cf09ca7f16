"""A crop, and a crop of that crop."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Int
from torch import Generator, Tensor

from tacit.contract import Augmentation, View
from tacit_vision.views.config import check_range
from tacit_vision.views.geometry import Crop, draw_crop
from tacit_vision.views.policies import MaskedConfig, meta_keys
from tacit_vision.views.recipe import draw, render
from tacit_vision.views.record import Record


@dataclass(frozen=True, kw_only=True)
class WholeAndPartConfig(MaskedConfig):
    """Settings of :class:`WholeAndPart`; the defaults are CropMAE's.

    Args:
        scale: least and greatest share of the image's area in the whole.
        part: least and greatest share of the whole's area in the part.

    Raises:
        ValueError: a setting is out of its range; says which.
    """

    scale: tuple[float, float] = (0.1, 1.0)
    part: tuple[float, float] = (0.3, 0.6)

    def __post_init__(self) -> None:
        super().__post_init__()
        check_range("part", self.part, 1.0)


class WholeAndPart(Augmentation):
    """A crop of each image and a crop inside it, each mirrored or not by itself.

    Source: Eymael et al. 2024 (arXiv 2403.17823) section 3.1, alexandre-eymael/CropMAE,
    data/util/CropMAEStrategies.py (``GlobalToLocal``), and its training script for the defaults.
    Where we differ: the part is cut from the image itself and not from the resized whole, which
    would blur it twice.

    Takes uint8 images (batch, 1 or 3, height, width), all of one size; makes two views of one size
    with roles ``whole`` and ``part``, whose ``meta`` holds ``crop`` and ``flip``: both boxes in
    pixels of the input.
    """

    Config = WholeAndPartConfig
    roles = ("whole", "part")

    def __init__(self, config: WholeAndPartConfig | None = None) -> None:
        self.config = config or WholeAndPartConfig()
        self.meta = meta_keys((self.config.recipe(),))

    def __call__(self, value: Tensor, generator: Generator) -> tuple[View, ...]:
        """The two views of a batch; the generator lives on the batch's device."""
        recipe = self.config.recipe()
        whole = draw(recipe, value, generator)
        height, width = value.shape[2:]
        within = draw_crop(
            generator,
            len(value),
            height=height,
            width=width,
            scale=self.config.part,
            ratio=recipe.ratio,
            flip_probability=recipe.flip_probability,
        )
        box = inner_box(whole.crop.box, within.box, height, width)
        part = Record(crop=Crop(box=box, flip=within.flip))
        return tuple(
            View(value=render(recipe, value, record), meta=record.meta(), role=role)
            for role, record in zip(self.roles, (whole, part), strict=True)
        )


def inner_box(
    outer: Int[Tensor, "batch 4"], inner: Int[Tensor, "batch 4"], height: int, width: int
) -> Int[Tensor, "batch 4"]:
    """A box of an image that ``outer`` was stretched to, as a box of the image it was cut from.

    Args:
        outer: top, left, height, width in pixels of the input.
        inner: likewise, in pixels of the stretched cut.
        height: of the stretched cut.
        width: of the stretched cut.
    """
    top, down = _within(outer[:, 0], outer[:, 2], inner[:, 0], inner[:, 2], height)
    left, across = _within(outer[:, 1], outer[:, 3], inner[:, 1], inner[:, 3], width)
    return torch.stack([top, left, down, across], dim=1)


def _within(
    start: Int[Tensor, " batch"],
    length: Int[Tensor, " batch"],
    inner_start: Int[Tensor, " batch"],
    inner_length: Int[Tensor, " batch"],
    size: int,
) -> tuple[Int[Tensor, " batch"], Int[Tensor, " batch"]]:
    """Start and length along one axis, of at least a pixel and never beyond the outer box."""
    share = length.double() / size
    side = (inner_length * share).round().long().clamp(min=1)
    begin = torch.minimum((inner_start * share).floor().long(), length - side)
    return start + begin, side
