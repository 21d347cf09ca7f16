"""Colour jitter and grayscale as one matrix per image: fast, and not quite torchvision's.

Source: the idea of DALI's ``ColorTwist`` (documentation of ``nvidia.dali.fn.color_twist``); the
matrices are our own. Brightness, contrast, saturation and grayscale are linear in the pixel and
the image's mean, so any order of them is ``weight @ pixel + pivot @ mean of the image``.

Where we differ from torchvision: values are clamped once at the end and not after each step, and
hue is a rotation of colour space about its grey axis, which agrees with the turn in HSV at
multiples of a third and in between changes saturation and brightness a little. Where DALI's
contrast has a fixed pivot, ours is the image's own mean grey, as in torchvision.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from tacit_vision.views.colour import BRIGHTNESS, CONTRAST, GREY, HUE, SATURATION, Jitter


@dataclass(frozen=True, kw_only=True)
class ColourMatrices:
    """A colour is taken to ``weight @ colour + pivot @ mean colour of the image``."""

    weight: Float[Tensor, "batch channels channels"]
    pivot: Float[Tensor, "batch channels channels"]


def colour_matrices(
    jitter: Jitter | None, grayscale: Bool[Tensor, " batch"] | None, channels: int
) -> ColourMatrices:
    """What the records do to each image; at least one of the two must be given.

    Args:
        jitter: what colour jitter was drawn; None for none.
        grayscale: which images were drawn to lose their colour; None for none.
        channels: 3, or 1, where only brightness and contrast act.
    """
    drawn = grayscale if jitter is None else jitter.applied
    assert drawn is not None, "colour without jitter and without grayscale"
    unit = torch.eye(channels, device=drawn.device)
    grey = grey_projection(channels, drawn.device)
    weight = unit.expand(len(drawn), -1, -1)
    pivot = torch.zeros_like(weight)
    if jitter is not None:
        weight, pivot = _jitter_matrices(jitter, weight, pivot, grey)
    if grayscale is not None:
        step = torch.where(_block(grayscale), grey, unit)
        weight, pivot = step @ weight, step @ pivot
    return ColourMatrices(weight=weight, pivot=pivot)


def _jitter_matrices(
    jitter: Jitter,
    weight: Float[Tensor, "batch channels channels"],
    pivot: Float[Tensor, "batch channels channels"],
    grey: Float[Tensor, "channels channels"],
) -> tuple[Float[Tensor, "batch channels channels"], Float[Tensor, "batch channels channels"]]:
    steps = step_matrices(jitter, grey.shape[0])
    lift = (1 - jitter.contrast) * jitter.applied
    for place in range(4):
        kind = jitter.order[:, place]
        index = kind[:, None, None, None].expand(-1, 1, *grey.shape)
        step = steps.gather(1, index)[:, 0]
        # The mean grey that contrast blends with is that of the image as the steps so far left it.
        mean_grey = grey @ (weight + pivot)
        pivot = step @ pivot + _block(lift * (kind == CONTRAST)) * mean_grey
        weight = step @ weight
    return weight, pivot


def step_matrices(jitter: Jitter, channels: int) -> Float[Tensor, "batch 4 channels channels"]:
    """The linear part of each adjustment, by its number; the identity where nothing was drawn."""
    unit = torch.eye(channels, device=jitter.hue.device)
    grey = grey_projection(channels, jitter.hue.device)
    saturation = _block(jitter.saturation)
    steps: list[Tensor] = [unit] * 4
    steps[BRIGHTNESS] = _block(jitter.brightness) * unit
    steps[CONTRAST] = _block(jitter.contrast) * unit
    steps[SATURATION] = saturation * unit + (1 - saturation) * grey
    steps[HUE] = hue_rotation(jitter.hue, channels)
    stacked = torch.stack(steps, dim=1)
    return torch.where(jitter.applied[:, None, None, None], stacked, unit)


def grey_projection(channels: int, device: torch.device) -> Float[Tensor, "channels channels"]:
    """The matrix that gives every channel the luma."""
    grey = torch.ones(channels, channels, device=device)
    if channels == 3:
        for channel, share in enumerate(GREY):
            grey[:, channel] = share
    return grey


def hue_rotation(
    shift: Float[Tensor, " batch"], channels: int
) -> Float[Tensor, "batch channels channels"]:
    """Rotation about the grey axis that takes red to green at a third of a turn."""
    if channels == 1:
        return torch.ones_like(shift)[:, None, None]
    angle = shift * (2 * math.pi)
    cosine = torch.cos(angle)
    same = (1 + 2 * cosine) / 3
    rest, sine = (1 - cosine) / 3, torch.sin(angle) / math.sqrt(3)
    after, before = rest - sine, rest + sine
    rows = (same, after, before), (before, same, after), (after, before, same)
    return torch.stack([torch.stack(row, dim=1) for row in rows], dim=1)


def apply_colour(
    images: Float[Tensor, "batch channels height width"],
    matrices: ColourMatrices,
    mean: Sequence[float] | None = None,
    std: Sequence[float] | None = None,
) -> Float[Tensor, "batch channels height width"]:
    """Colour, clamp to [0, 1] and normalise; the normalisation costs nothing, being linear too.

    Args:
        images: in [0, 1].
        matrices: what to do to each image.
        mean: of each channel, subtracted; None for no normalisation.
        std: of each channel, divided by; None for no normalisation.
    """
    level = matrices.pivot @ images.mean(dim=(2, 3))[:, :, None]
    weight = matrices.weight
    if mean is None or std is None:
        return torch.baddbmm(level, weight, images.flatten(2)).clamp_(0, 1).view_as(images)
    weight = weight.clone()
    for channel, (centre, spread) in enumerate(zip(mean, std, strict=True)):
        weight[:, channel].mul_(1 / spread)
        level[:, channel].sub_(centre).mul_(1 / spread)
    result = torch.baddbmm(level, weight, images.flatten(2)).view_as(images)
    for channel, (centre, spread) in enumerate(zip(mean, std, strict=True)):
        result[:, channel].clamp_(-centre / spread, (1 - centre) / spread)
    return result


def _block(numbers: Tensor) -> Tensor:
    return numbers[:, None, None]
