"""Two views warped and recoloured by random fields: changes that vary from place to place."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Generator, Tensor
from torch.nn import functional

from tacit.contract import Augmentation, View
from tacit_vision.views.policies import TwoViewsConfig, make_view, meta_keys

WEIGHTS = (0.299, 0.587, 0.114)
"""Of red, green and blue in grey."""


@dataclass(frozen=True, kw_only=True)
class FieldsConfig(TwoViewsConfig):
    """Settings of :class:`Fields`; all reaches 0 is `TwoViews`. Strong ones break images up.

    Args:
        length: over which a field changes, in image sides; `inf`: everywhere the same.
        slope: of the power of a field's frequencies beyond that, minus the exponent.
        shift: deviation of where a pixel is taken from, in image sides.
        turn: deviation of the angle around the centre, degrees.
        zoom: deviation of the logarithm of the scale about the centre.
        light: deviation of what is added to pixels in [0, 1].
        factor: deviation of the logarithm of contrast about the image's mean, and of saturation.

    Raises:
        ValueError: a setting is out of its range; says which.
    """

    length: float = 0.5
    slope: float = 4.0
    shift: float = 0.03
    turn: float = 8.0
    zoom: float = 0.08
    light: float = 0.08
    factor: float = 0.15

    def __post_init__(self) -> None:
        super().__post_init__()
        for name in ("length", "slope"):
            if getattr(self, name) <= 0:
                raise ValueError(f"{name}: wanted above 0; got {getattr(self, name)}")
        for name in ("shift", "turn", "zoom", "light", "factor"):
            if getattr(self, name) < 0:
                raise ValueError(f"{name}: wanted at least 0; got {getattr(self, name)}")


class Fields(Augmentation):
    """Two views as `TwoViews` makes them, each then warped and recoloured by fields of its own.

    Takes uint8 images (batch, 1 or 3, height, width), all of one size; makes two float32 views with
    role ``global`` in [0, 1], whose ``meta`` is that of :class:`TwoViews`.

    Source: Mansfield et al. 2023 (arXiv 2311.03629): affine and colour transformations whose
    parameters are Gaussian random fields. Where we differ: the power of a field is
    `(1 / length^2 + frequency^2) ^ (-slope / 2)`; fields meet at opposite edges; no hue.
    """

    Config = FieldsConfig
    roles = ("global", "global")

    def __init__(self, config: FieldsConfig | None = None) -> None:
        self.config = config or FieldsConfig()
        if self.config.mean is not None:
            raise ValueError("mean and std: fields change pixels in [0, 1]; set them to none")
        self.meta = meta_keys(self.config.recipes())

    def __call__(self, value: Tensor, generator: Generator) -> tuple[View, ...]:
        """The two views of a batch; the generator lives on the batch's device."""
        made = []
        for recipe in self.config.recipes():
            plain = make_view(recipe, value, generator, "global")
            size = (len(value), 7, *plain.value.shape[2:])
            drawn = fields(generator, size, length=self.config.length, slope=self.config.slope)
            with torch.autocast(value.device.type, enabled=False):
                warped = warp(plain.value, drawn[:, :4], self.config)
                changed = recolour(warped, drawn[:, 4:], self.config)
            made.append(View(value=changed, meta=plain.meta, role="global"))
        return tuple(made)


def fields(
    generator: Generator, size: tuple[int, int, int, int], *, length: float, slope: float
) -> Float[Tensor, "batch fields height width"]:
    """Independent Gaussian random fields of mean 0 and variance 1.

    Args:
        generator: of the numbers, on its device.
        size: batch, fields of each, height, width.
        length: over which they change, in sides; `inf`: each is one number.
        slope: power falls with this power of the frequency, beyond `1 / length`.
    """
    device, (batch, count, height, width) = generator.device, size
    if math.isinf(length):
        drawn = torch.randn(batch, count, 1, 1, generator=generator, device=device)
        return drawn.expand(size)
    white = torch.randn(size, generator=generator, device=device)
    down = torch.fft.fftfreq(height, 1 / height, device=device)
    across = torch.fft.fftfreq(width, 1 / width, device=device)
    squared = down[:, None].square() + across.square()
    power = (1 / length**2 + squared) ** (-slope / 2)
    made: Tensor = torch.fft.ifft2(torch.fft.fft2(white) * (power / power.mean()).sqrt()).real
    return made


def warp(
    images: Float[Tensor, "batch channels height width"],
    drawn: Float[Tensor, "batch 4 height width"],
    config: FieldsConfig,
) -> Float[Tensor, "batch channels height width"]:
    """Each pixel taken from where its own shift, angle and scale put it; bilinear."""
    height, width = images.shape[2:]
    down, across = (
        (2 * torch.arange(n, device=images.device) + 1) / n - 1 for n in (height, width)
    )
    y, x = torch.meshgrid(down, across, indexing="ij")  # -1 to 1 from edge to edge
    angle = math.radians(config.turn) * drawn[:, 0]
    scale = (config.zoom * drawn[:, 1]).exp()
    cosine, sine = scale * angle.cos(), scale * angle.sin()
    place_x = cosine * x - sine * y + 2 * config.shift * drawn[:, 2]
    place_y = sine * x + cosine * y + 2 * config.shift * drawn[:, 3]
    places = torch.stack([place_x, place_y], dim=3)
    return functional.grid_sample(images, places, padding_mode="reflection", align_corners=False)


def recolour(
    images: Float[Tensor, "batch channels height width"],
    drawn: Float[Tensor, "batch 3 height width"],
    config: FieldsConfig,
) -> Float[Tensor, "batch channels height width"]:
    """Light, contrast and saturation of each pixel by fields of their own; within [0, 1]."""
    light, contrast, colour = drawn[:, :, None].unbind(1)
    mean = images.mean((1, 2, 3), keepdim=True)
    changed = mean + (images - mean) * (config.factor * contrast).exp() + config.light * light
    if images.shape[1] == 3:
        weights = changed.new_tensor(WEIGHTS)[:, None, None]
        grey = (changed * weights).sum(1, keepdim=True)
        changed = grey + (changed - grey) * (config.factor * colour).exp()
    return changed.clamp(0, 1)
