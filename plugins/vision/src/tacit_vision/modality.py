"""Images as a modality: how they are collated, what raw features they have, what fits an encoder.

Who normalises: sources yield `uint8`, views make `float32` in [0, 1], and the **encoder** subtracts
the mean and divides by the standard deviation of its own `Preprocessing`. So the one place is the
same in training, evaluation, embedding and export, and no caller can forget it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Float, Shaped
from torch import Tensor

from tacit.contract import Modality
from tacit_vision.pixels import unit


@dataclass(frozen=True, kw_only=True)
class Preprocessing:
    """What an image encoder takes, and how it normalises what it takes.

    Args:
        size: `(height, width)` in pixels of the images an encoder is made for; None means any.
        channels: 1 for grey, 3 for RGB; any number for other sensors.
        mean: subtracted by the encoder, one number per channel or one for all, on the scale [0, 1].
        std: divided by after that, likewise.

    Raises:
        ValueError: sizes or channels below 1, a `std` that is not positive, or a wrong number of
            means or deviations.
    """

    size: tuple[int, int] | None = None
    channels: int = 3
    mean: tuple[float, ...] = (0.5,)
    std: tuple[float, ...] = (0.5,)

    def __post_init__(self) -> None:
        if self.channels < 1:
            raise ValueError(f"channels: wanted at least 1; got {self.channels}")
        if self.size is not None and min(self.size) < 1:
            raise ValueError(f"size: wanted (height, width) of at least 1 pixel; got {self.size}")
        for name in ("mean", "std"):
            if len(numbers := getattr(self, name)) not in (1, self.channels):
                raise ValueError(
                    f"{name}: wanted 1 number or {self.channels}, one per channel; got {numbers}"
                )
        if min(self.std) <= 0:
            raise ValueError(f"std: wanted positive numbers; got {self.std}")


class Image(Modality):
    """Images `(batch, channels, height, width)`: uint8 of sources, floats in [0, 1] of views."""

    name = "image"
    default_encoder = "vision/vit"
    mixes = True

    def collate(self, samples: Sequence[Any]) -> Shaped[Tensor, "batch channels height width"]:
        """Images `(channels, height, width)` of one size, as one batch.

        Raises:
            ValueError: no image, not an image, or images that differ in size, channels or type.
        """
        if not samples:
            raise ValueError("image: wanted at least one image to collate; got none")
        for position, sample in enumerate(samples):
            self._refuse_unlike(samples[0], sample, position)
        return torch.stack(list(samples))

    def raw_features(
        self, value: Shaped[Tensor, "batch channels height width"]
    ) -> Float[Tensor, "batch features"]:
        """All pixels of an image, in [0, 1]."""
        return unit(value).flatten(1).float()

    def suggest(self, value: Any) -> Mapping[str, object]:
        """The size of square images, and their number of channels."""
        _, channels, height, width = value.shape
        return {"channels": channels, **({"size": height} if height == width else {})}

    def fit(self, preprocessing: object | None, value: Any) -> None:
        """Refuse images of another size or other channels than the encoder is made for.

        Raises:
            ValueError: wanted and got, and which setting mends it.
        """
        if preprocessing is None:
            return
        if not isinstance(preprocessing, Preprocessing):
            raise ValueError(
                "image: wanted an encoder with tacit_vision.modality.Preprocessing; "
                f"got {type(preprocessing).__name__}"
            )
        _, channels, height, width = value.shape
        if channels != preprocessing.channels:
            raise ValueError(
                f"image: the encoder takes {preprocessing.channels} channels; got {channels}: "
                f"give the source channels={preprocessing.channels}, "
                f"or the encoder channels={channels}"
            )
        size = preprocessing.size
        if size is not None and size != (height, width):
            raise ValueError(
                f"image: the encoder takes {size[0]} x {size[1]} pixels; got {height} x {width}: "
                f"give the source size={max(size)}, or the encoder size={height}"
            )

    def _refuse_unlike(self, first: Any, sample: Any, position: int) -> None:
        if not isinstance(sample, Tensor) or sample.ndim != 3:
            got = tuple(sample.shape) if isinstance(sample, Tensor) else type(sample).__name__
            raise ValueError(
                f"image: wanted tensors (channels, height, width); got {got} at {position}"
            )
        shapes = f"{tuple(first.shape)} at 0 and {tuple(sample.shape)} at {position}"
        if sample.shape[0] != first.shape[0]:
            raise ValueError(
                f"image: channels of one batch differ: {shapes}: give the source "
                "channels=3 (or 1) to convert them"
            )
        if sample.shape != first.shape:
            raise ValueError(
                f"image: sizes of one batch differ: {shapes}: give the source size= to resize them"
            )
        if sample.dtype != first.dtype:
            raise ValueError(
                f"image: types of one batch differ: {first.dtype} at 0, {sample.dtype} at "
                f"{position}: wanted torch.uint8 from a source"
            )


IMAGE = Image()
"""The one instance a catalogue needs: images carry no settings."""
