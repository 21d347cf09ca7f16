"""Digits in front of photographs: a small data set on which an encoder can show it learned."""

from __future__ import annotations

import io
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from jaxtyping import Float, UInt8
from torch import Tensor

from tacit.data import mixed_seed
from tacit_vision.data.digits import Split, bundled_bytes, bundled_digits, digit_positions
from tacit_vision.data.memory import ImagesInMemory

SIDE = 32
SMALLEST, LARGEST = 16, 28  # side of the square a digit is drawn in
BACKGROUND_ZOOM = 4  # backgrounds are crops of up to SIDE x this, shrunk to SIDE
INKS = 8  # colours tried; the one that stands out most is used
SEED = 0


@dataclass(frozen=True, kw_only=True)
class DigitScenesConfig:
    """Which scenes, and how many.

    Args:
        split: scenes of the digits of `vision/digits`: `train`, `test` or `all`; no digit is in
            both `train` and `test`.
        copies: scenes made of each digit; with 1 there are 1437 to train and 360 to test.

    Raises:
        ValueError: no copies.
    """

    split: Split = "train"
    copies: int = 1

    def __post_init__(self) -> None:
        if self.copies < 1:
            raise ValueError(f"copies: wanted at least 1; got {self.copies}")


class DigitScenes(ImagesInMemory):
    """32 x 32 colour scenes: a digit of random size, place and ink over a crop of a photograph.

    The label is the digit, the group says which handwritten digit a scene was made of. Made from
    data that comes with scikit-learn (its digits and its two sample photographs) and the same
    on every machine, up to how the JPEG library there decodes the photographs. The scene of a
    digit and copy number does not depend on `copies`.
    """

    Config = DigitScenesConfig

    @classmethod
    def splits(cls, _: DigitScenesConfig) -> tuple[str, ...]:
        """See `tacit.data.Source.splits`."""
        return ("train", "test", "all")

    def __init__(self, config: DigitScenesConfig) -> None:
        self.config = config
        digits, labels = bundled_digits()
        chosen = digit_positions(config.split).repeat_interleave(config.copies)
        copy = torch.arange(config.copies).repeat(len(chosen) // config.copies)
        photographs = _photographs()
        scenes = [
            _scene(digits[digit], photographs, mixed_seed(SEED, digit, number))
            for digit, number in zip(chosen.tolist(), copy.tolist(), strict=True)
        ]
        super().__init__(
            torch.stack(scenes),
            labels=labels[chosen],
            label_names=tuple(map(str, range(10))),
            groups=chosen,
        )


def _photographs() -> list[Float[Tensor, "3 height width"]]:
    from PIL import Image

    files = [bundled_bytes("images", name) for name in ("china.jpg", "flower.jpg")]
    images = [np.array(Image.open(io.BytesIO(file)).convert("RGB")) for file in files]
    return [torch.from_numpy(image).permute(2, 0, 1) / 255 for image in images]


def _scene(
    digit: UInt8[Tensor, "1 _ _"], photographs: list[Tensor], seed: int
) -> UInt8[Tensor, "3 height width"]:
    generator = torch.Generator().manual_seed(seed)
    scene = _background(photographs, generator)
    side = _between(SMALLEST, LARGEST, generator)
    top, left = (_between(0, SIDE - side, generator) for _ in range(2))
    under = scene[:, top : top + side, left : left + side]
    ink = _ink(under, generator)[:, None, None]
    cover = _resized(digit / 255, side, "bilinear")
    under.copy_(under + cover * (ink - under))
    return (scene * 255).round().to(torch.uint8)


def _background(
    photographs: list[Tensor], generator: torch.Generator
) -> Float[Tensor, "3 height width"]:
    photograph = photographs[_between(0, len(photographs) - 1, generator)]
    side = _between(SIDE, SIDE * BACKGROUND_ZOOM, generator)
    top, left = (_between(0, length - side, generator) for length in photograph.shape[1:])
    return _resized(photograph[:, top : top + side, left : left + side], SIDE, "area").clone()


def _ink(under: Float[Tensor, "3 _ _"], generator: torch.Generator) -> Float[Tensor, 3]:
    inks = torch.rand(INKS, 3, generator=generator)
    distance = (inks - under.mean(dim=(1, 2))).norm(dim=1)
    return inks[distance.argmax()]


def _resized(
    image: Float[Tensor, "channels _ _"], side: int, mode: Literal["bilinear", "area"]
) -> Float[Tensor, "channels {side} {side}"]:
    return torch.nn.functional.interpolate(image[None], size=(side, side), mode=mode)[0]


def _between(low: int, high: int, generator: torch.Generator) -> int:
    return int(torch.randint(low, high + 1, (), generator=generator))
