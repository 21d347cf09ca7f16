"""Grayscale, solarise and normalise: the pixel-wise operations after colour jitter."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from tacit_vision.views import host
from tacit_vision.views.colour import weighted_grey


def grayscale_(
    images: Float[Tensor, "batch channels height width"], drawn: Bool[Tensor, " batch"]
) -> Float[Tensor, "batch channels height width"]:
    """Replace the drawn images by their luma in all channels, in place; one channel stays."""
    if images.shape[1] == 1:
        return images
    if not host.reads_freely(images):
        return torch.where(drawn[:, None, None, None], weighted_grey(images), images)
    for index in drawn.nonzero().flatten().tolist():
        images[index] = weighted_grey(images[index : index + 1])[0]
    return images


def solarise_(
    images: Float[Tensor, "batch channels height width"],
    drawn: Bool[Tensor, " batch"],
) -> Float[Tensor, "batch channels height width"]:
    """Invert the drawn images' values from 0.5 upwards, in place.

    Source: BYOL (arXiv:2006.07733), appendix B. The threshold is torchvision's and PIL's 128 of
    256 on the scale of [0, 1].
    """
    if not host.reads_freely(images):
        inverted = torch.where(images < 0.5, images, 1 - images)
        return torch.where(drawn[:, None, None, None], inverted, images)
    for index in drawn.nonzero().flatten().tolist():
        image = images[index]
        torch.where(image < 0.5, image, 1 - image, out=image)
    return images


def normalise_(
    images: Float[Tensor, "batch channels height width"],
    mean: Sequence[float],
    std: Sequence[float],
) -> Float[Tensor, "batch channels height width"]:
    """Subtract the mean and divide by the deviation of each channel, in place.

    Channel by channel with plain numbers: a tensor of means would have to be copied to the
    device in every call.
    """
    for channel, (centre, spread) in enumerate(zip(mean, std, strict=True)):
        images[:, channel].sub_(centre).mul_(1 / spread)
    return images
