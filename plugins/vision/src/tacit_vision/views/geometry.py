"""Random resized crop and horizontal flip: which box each image is cut to.

Source: Szegedy et al., "Going deeper with convolutions" (arXiv:1409.4842), section 6, in the form
of torchvision's ``RandomResizedCrop`` (read: ``torchvision/transforms/transforms.py``,
``RandomResizedCrop.get_params``): ten tries of an area and a log-uniform ratio, then the largest
centred box of an allowed ratio. We draw the ten tries of all images at once and keep each
image's first that fits: the same distribution, without a loop.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float, Int
from torch import Generator, Tensor

from tacit_vision.views.draws import chance, uniform

TRIES = 10


@dataclass(frozen=True, kw_only=True)
class Crop:
    """The box every image was cut to, and whether it was mirrored.

    Attributes:
        box: int64, top, left, height, width in pixels of the input.
        flip: true where the cut was mirrored left to right.
    """

    box: Int[Tensor, "batch 4"]
    flip: Bool[Tensor, " batch"]


def draw_crop(
    generator: Generator,
    batch: int,
    *,
    height: int,
    width: int,
    scale: tuple[float, float],
    ratio: tuple[float, float],
    flip_probability: float,
) -> Crop:
    """Draw one box and one flip per image.

    Args:
        generator: source of the numbers; the record lies on its device.
        batch: number of images.
        height: of the input images, in pixels.
        width: of the input images, in pixels.
        scale: least and greatest share of the image's area in the box.
        ratio: least and greatest width / height of the box, drawn log-uniformly.
        flip_probability: of mirroring.
    """
    area = uniform(generator, (TRIES, batch), *scale).mul_(height * width)
    log_ratio = uniform(generator, (TRIES, batch), math.log(ratio[0]), math.log(ratio[1]))
    root = log_ratio.mul_(0.5).exp_()
    side = area.sqrt_()
    widths, heights = (side * root).round_(), (side / root).round_()
    fits = (widths > 0) & (widths <= width) & (heights > 0) & (heights <= height)
    preference = fits * torch.arange(TRIES, 0, -1, device=fits.device)[:, None]
    best, first = preference.max(dim=0, keepdim=True)
    found = (best > 0)[0]
    centred = _centred_box(height, width, ratio)
    box_height = torch.where(found, heights.gather(0, first)[0], centred[0])
    box_width = torch.where(found, widths.gather(0, first)[0], centred[1])
    place = uniform(generator, (2, batch), 0.0, 1.0)
    top = _place(place[0], height - box_height, found)
    left = _place(place[1], width - box_width, found)
    return Crop(
        box=torch.stack((top, left, box_height, box_width), dim=1).long(),
        flip=chance(generator, batch, flip_probability),
    )


def _place(
    place: Float[Tensor, " batch"], room: Float[Tensor, " batch"], found: Bool[Tensor, " batch"]
) -> Float[Tensor, " batch"]:
    """A uniform whole offset in 0 .. room, or the centre where no try fitted."""
    random = torch.minimum((place * (room + 1)).floor_(), room)
    return torch.where(found, random, (room / 2).floor_())


def _centred_box(height: int, width: int, ratio: tuple[float, float]) -> tuple[float, float]:
    """Height and width of the largest box with an allowed ratio."""
    if width / height < ratio[0]:
        return float(round(width / ratio[0])), float(width)
    if width / height > ratio[1]:
        return float(height), float(round(height * ratio[1]))
    return float(height), float(width)
