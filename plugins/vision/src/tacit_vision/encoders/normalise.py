"""The first step of every image encoder."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor, nn

from tacit_vision.modality import Preprocessing
from tacit_vision.pixels import unit


class Normalise(nn.Module):
    """Images to [0, 1], minus the mean, divided by the deviation.

    Its buffers are not saved: they repeat the encoder's configuration.

    Args:
        preprocessing: channels, mean and deviation.
    """

    mean: Tensor
    std: Tensor

    def __init__(self, preprocessing: Preprocessing) -> None:
        super().__init__()
        self.channels = preprocessing.channels
        for name in ("mean", "std"):
            numbers = torch.tensor(getattr(preprocessing, name)).reshape(-1, 1, 1)
            self.register_buffer(name, numbers, persistent=False)

    def forward(
        self, images: Tensor, dtype: torch.dtype
    ) -> Float[Tensor, "batch channels height width"]:
        """Normalised images.

        Args:
            images: `(batch, channels, height, width)`, uint8 or floats in [0, 1].
            dtype: of the weights that read them.

        Raises:
            ValueError: not such a tensor, or other channels.
        """
        if images.ndim != 4 or images.shape[1] != self.channels:
            raise ValueError(
                f"image: wanted (batch, {self.channels}, height, width); "
                f"got {tuple(images.shape)}: set the encoder's or the source's channels"
            )
        return ((unit(images) - self.mean) / self.std).to(dtype)
