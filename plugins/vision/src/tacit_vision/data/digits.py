"""Handwritten digits that come with scikit-learn: no network, no files."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

import torch
from jaxtyping import Int, UInt8
from torch import Tensor

from tacit_vision.data.memory import ImagesInMemory

Split: TypeAlias = Literal["train", "test", "all"]

TEST_SIZE = 360


def bundled_digits() -> tuple[UInt8[Tensor, "instances 1 height width"], Int[Tensor, " instances"]]:
    """All 1797 digits, 8 x 8 in grey, and what they are, in scikit-learn's order.

    The 17 levels of the data (0 to 16) are spread over 0 to 255.

    Source: `sklearn.datasets.load_digits`; the test part of E. Alpaydin and C. Kaynak, Optical
    Recognition of Handwritten Digits, UCI 1998.
    """
    from sklearn.datasets import load_digits

    bunch = load_digits()
    levels = torch.from_numpy(bunch.images)
    images = (levels * (255 / 16)).round().to(torch.uint8)
    return images[:, None], torch.from_numpy(bunch.target).long()


def digit_positions(split: Split) -> Int[Tensor, " instances"]:
    """Which digits a split holds, ascending: 1437 to train, 360 to test, each class in proportion.

    The split is fixed. scikit-learn's data does not say who wrote which digit, so that one hand
    may be in both parts.
    """
    from sklearn.model_selection import train_test_split

    _, labels = bundled_digits()
    everything = torch.arange(labels.shape[0])
    if split == "all":
        return everything
    train, test = train_test_split(
        everything.numpy(), test_size=TEST_SIZE, stratify=labels.numpy(), random_state=0
    )
    return torch.from_numpy(train if split == "train" else test).sort().values


@dataclass(frozen=True, kw_only=True)
class DigitsConfig:
    """Which digits, and how large.

    Args:
        split: `train` (1437), `test` (360) or `all` (1797).
        size: height and width; 8 is how they come, larger ones are interpolated.

    Raises:
        ValueError: a size below 8.
    """

    split: Split = "train"
    size: int = 8

    def __post_init__(self) -> None:
        if self.size < 8:
            raise ValueError(f"size: wanted at least 8, the size of the digits; got {self.size}")


class Digits(ImagesInMemory):
    """scikit-learn's 8 x 8 digits in grey, with the digit as label."""

    Config = DigitsConfig

    @classmethod
    def splits(cls, _: DigitsConfig) -> tuple[str, ...]:
        """See `tacit.data.Source.splits`."""
        return ("train", "test", "all")

    def __init__(self, config: DigitsConfig) -> None:
        self.config = config
        images, labels = bundled_digits()
        chosen = digit_positions(config.split)
        super().__init__(
            enlarged(images[chosen], config.size),
            labels=labels[chosen],
            label_names=tuple(map(str, range(10))),
        )


def enlarged(
    images: UInt8[Tensor, "instances channels _ _"], size: int
) -> UInt8[Tensor, "instances channels {size} {size}"]:
    """Images interpolated bilinearly to a square size; themselves if they have it."""
    if images.shape[-2:] == (size, size):
        return images
    large = torch.nn.functional.interpolate(
        images.float(), size=(size, size), mode="bilinear", align_corners=False
    )
    return large.round().to(torch.uint8)
