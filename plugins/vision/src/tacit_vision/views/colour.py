"""Colour jitter with torchvision's exact arithmetic, one order and one set of factors per image.

Source: torchvision's ``ColorJitter`` on float images in [0, 1] (read:
``torchvision/transforms/v2/functional/_color.py``): brightness, contrast, saturation and hue in
a random order, each clamped. Images of one channel take brightness and contrast; saturation and
hue leave them as they are, as there.

Where we differ: hue is turned without going through HSV. With chroma c = max - min, the distance
on the hue circle from red, in sixths, is ``1 + (g + b - r - min) / c``, its sign that of g - b,
and each turned channel is ``min + c * clamp(2 - distance to the channel's own hue, 0, 1)``: the
same function, in a third of the passes over memory.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import groupby

import torch
from jaxtyping import Bool, Float, Int
from torch import Generator, Tensor

from tacit_vision.views import host
from tacit_vision.views.draws import chance, permutations, uniform

BRIGHTNESS, CONTRAST, SATURATION, HUE = range(4)
GREY = (0.2989, 0.587, 0.114)


@dataclass(frozen=True, kw_only=True)
class Jitter:
    """What colour jitter did to each image.

    Attributes:
        applied: false where the image was left alone.
        brightness: factor, 1 keeps.
        contrast: factor, 1 keeps.
        saturation: factor, 1 keeps.
        hue: shift in turns of the hue circle, in [-0.5, 0.5], 0 keeps.
        order: which adjustment came first, second, ...: 0 brightness, 1 contrast, 2 saturation,
            3 hue.
    """

    applied: Bool[Tensor, " batch"]
    brightness: Float[Tensor, " batch"]
    contrast: Float[Tensor, " batch"]
    saturation: Float[Tensor, " batch"]
    hue: Float[Tensor, " batch"]
    order: Int[Tensor, "batch 4"]


def draw_jitter(
    generator: Generator,
    batch: int,
    *,
    probability: float,
    brightness: float,
    contrast: float,
    saturation: float,
    hue: float,
) -> Jitter:
    """Draw factors in [max(0, 1 - x), 1 + x], a hue shift in [-hue, hue] and an order.

    Args:
        generator: source of the numbers; the record lies on its device.
        batch: number of images.
        probability: of an image being jittered at all.
        brightness: the reach x of the brightness factor.
        contrast: the reach x of the contrast factor.
        saturation: the reach x of the saturation factor.
        hue: the reach of the hue shift, at most 0.5.
    """

    def factor(reach: float) -> Float[Tensor, " batch"]:
        return uniform(generator, (batch,), max(0.0, 1.0 - reach), 1.0 + reach)

    return Jitter(
        applied=chance(generator, batch, probability),
        brightness=factor(brightness),
        contrast=factor(contrast),
        saturation=factor(saturation),
        hue=uniform(generator, (batch,), -hue, hue),
        order=permutations(generator, batch, 4),
    )


def order_key(jitter: Jitter) -> Int[Tensor, " batch"]:
    """A number equal for images that take the same adjustments in the same order; -1 for none."""
    first, second, third, _ = jitter.order.unbind(dim=1)
    return torch.where(jitter.applied, first * 16 + second * 4 + third, -1)


def apply_jitter_(
    images: Float[Tensor, "batch channels height width"], jitter: Jitter
) -> Float[Tensor, "batch channels height width"]:
    """Jitter the images in place, each in its own order.

    On the CPU, neighbours with the same order are worked on together and images that were not
    drawn cost nothing: sort the batch by :func:`order_key` first if it is large. On other devices
    everything is done to everything, with factors that keep where nothing was drawn, as reading
    the orders would make the host wait.
    """
    if host.reads_freely(images):
        return _jitter_runs_(images, jitter)
    return _jitter_masked_(images, jitter)


def _jitter_runs_(
    images: Float[Tensor, "batch channels height width"], jitter: Jitter
) -> Float[Tensor, "batch channels height width"]:
    steps = (
        (adjust_brightness_, jitter.brightness),
        (adjust_contrast_, jitter.contrast),
        (adjust_saturation_, jitter.saturation),
        (adjust_hue_, jitter.hue),
    )
    drawn, orders = jitter.applied.tolist(), jitter.order.tolist()
    runs = groupby(range(len(drawn)), key=lambda index: orders[index] if drawn[index] else [])
    for order, members in runs:
        indices = list(members)
        run = slice(indices[0], indices[-1] + 1)
        for step in order:
            adjust, factor = steps[step]
            adjust(images[run], factor[run])
    return images


def _jitter_masked_(
    images: Float[Tensor, "batch channels height width"], jitter: Jitter
) -> Float[Tensor, "batch channels height width"]:
    """Brightness, contrast and saturation are one blend, so hue is computed only once.

    Each image's blends before its hue run in the first three rounds, those after in the last.
    """
    hue_round = (jitter.order == HUE).long().argmax(dim=1)
    for place in range(3):
        _blend_round_(images, jitter, place, jitter.applied & (hue_round > place))
    adjust_hue_(images, torch.where(jitter.applied, jitter.hue, 0))
    for place in range(1, 4):
        _blend_round_(images, jitter, place, jitter.applied & (hue_round < place))
    return images


def _blend_round_(
    images: Float[Tensor, "batch channels height width"],
    jitter: Jitter,
    place: int,
    active: Bool[Tensor, " batch"],
) -> None:
    step = jitter.order[:, place]
    factors = torch.stack((jitter.brightness, jitter.contrast, jitter.saturation), dim=1)
    factor = factors.gather(1, step.clamp(max=SATURATION)[:, None])[:, 0]
    if images.shape[1] == 1:
        active = active & (step != SATURATION)
    factor = torch.where(active, factor, 1)
    rest = 1 - factor
    grey = weighted_grey(images)
    level = grey.mean(dim=(2, 3), keepdim=True) * _column(rest * (step == CONTRAST))
    level = level + grey.mul_(_column(rest * (step == SATURATION)))
    images.mul_(_column(factor)).add_(level).clamp_(0, 1)


def _column(numbers: Float[Tensor, " batch"]) -> Float[Tensor, "batch 1 1 1"]:
    return numbers[:, None, None, None]


def weighted_grey(
    images: Float[Tensor, "batch channels height width"],
) -> Float[Tensor, "batch 1 height width"]:
    """Luma of RGB images (torchvision's weights); a copy of images of one channel."""
    if images.shape[1] == 1:
        return images.clone()
    red, green, blue = (images[:, channel : channel + 1] for channel in range(3))
    return (red * GREY[0]).add_(green, alpha=GREY[1]).add_(blue, alpha=GREY[2])


def adjust_brightness_(
    images: Float[Tensor, "batch channels height width"], factor: Float[Tensor, " batch"]
) -> Float[Tensor, "batch channels height width"]:
    """Multiply by the factor, in place."""
    return images.mul_(_column(factor)).clamp_(0, 1)


def adjust_contrast_(
    images: Float[Tensor, "batch channels height width"], factor: Float[Tensor, " batch"]
) -> Float[Tensor, "batch channels height width"]:
    """Blend with the mean grey of each image, in place."""
    means = images.mean(dim=(2, 3), keepdim=True)
    level = weighted_grey(means).mul_(_column(1 - factor))
    return images.mul_(_column(factor)).add_(level).clamp_(0, 1)


def adjust_saturation_(
    images: Float[Tensor, "batch channels height width"], factor: Float[Tensor, " batch"]
) -> Float[Tensor, "batch channels height width"]:
    """Blend with the grey image, in place; one channel stays as it is."""
    if images.shape[1] == 1:
        return images
    level = weighted_grey(images).mul_(_column(1 - factor))
    return images.mul_(_column(factor)).add_(level).clamp_(0, 1)


def adjust_hue_(
    images: Float[Tensor, "batch channels height width"], shift: Float[Tensor, " batch"]
) -> Float[Tensor, "batch channels height width"]:
    """Turn the hue by a share of the circle, in place; one channel stays as it is."""
    if images.shape[1] == 1:
        return images
    red, green, blue = images.unbind(dim=1)
    low = torch.minimum(torch.minimum(red, green), blue)
    chroma = torch.maximum(torch.maximum(red, green), blue).sub_(low)
    distance = (green + blue).sub_(red).sub_(low)
    distance.div_(chroma.clamp(min=torch.finfo(images.dtype).tiny)).add_(1)
    angle = torch.copysign(distance, green - blue).add_(6 * shift[:, None, None])
    angle.sub_((angle / 6).round_(), alpha=6)
    low.sub_(chroma)
    for channel, own_hue in enumerate((0, 2, -2)):
        # 3 - |angle - own hue| folded into [-3, 3] is the distance on the circle, whose slope
        # between one and two sixths away carries the channel from its maximum to its minimum.
        plane = torch.sub(angle, own_hue, out=images[:, channel])
        plane.abs_().sub_(3).abs_().clamp_(1, 2).mul_(chroma).add_(low)
    return images
