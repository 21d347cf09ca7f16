"""Pixels: their scale and their patches."""

from __future__ import annotations

import torch
from jaxtyping import Float, Shaped
from torch import Tensor


def unit(
    images: Shaped[Tensor, "batch channels height width"],
) -> Float[Tensor, "batch channels height width"]:
    """Images on the scale [0, 1]: `uint8` divided by 255, floats as they are.

    Raises:
        ValueError: any other type, whose scale cannot be known.
    """
    if images.dtype == torch.uint8:
        return images.float() / 255
    if not images.is_floating_point():
        raise ValueError(
            f"image: wanted uint8 in [0, 255] or floats in [0, 1]; got {images.dtype}: "
            "divide by the greatest value the sensor gives"
        )
    return images


def patches(
    images: Shaped[Tensor, "batch channels height width"], patch: tuple[int, int]
) -> Float[Tensor, "batch tokens content"]:
    """The raw content of every patch, on the scale [0, 1] and not normalised.

    Patches go row by row; within one, numbers go by row, column, channel, as in MAE's `patchify`
    (https://github.com/facebookresearch/mae, models_mae.py, read). So a prediction can be shown as
    an image without knowing the encoder's mean and deviation.

    Args:
        images: sides are multiples of the patch's.
        patch: `(height, width)` in pixels.
    """
    batch, channels, height, width = images.shape
    rows, columns = height // patch[0], width // patch[1]
    cut = unit(images).reshape(batch, channels, rows, patch[0], columns, patch[1])
    return cut.permute(0, 2, 4, 3, 5, 1).reshape(batch, rows * columns, -1)
