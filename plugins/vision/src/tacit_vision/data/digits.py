"""Handwritten digits that come with scikit-learn: no network, no files."""

from __future__ import annotations

import base64
import gzip
from dataclasses import dataclass
from functools import cache
from importlib import resources
from importlib.util import find_spec
from pathlib import Path
from typing import Literal, TypeAlias

import numpy as np
import torch
from jaxtyping import Int, UInt8
from torch import Tensor

from tacit_vision.data.memory import ImagesInMemory

Split: TypeAlias = Literal["train", "test", "all"]

DIGITS = 1797
TEST = """
AAAEiDUkEEAABkEAk0IFABoACAEAJAAoBiwSABAAlAoAkBkSBCD4oAKBEKAACAqIIEQVJElCQKAKAAAAQATYAACB
gCAASAXEABBACKAQAAVASAAwEAACDsQJAAIkhACDqAE8IKaYCgAAAAsIQAgEoBhIAgJAQcEAgARARoQ3aoECFgBE
gABAQqCkGApQAIQLhWHGCBCACABMgMAgBAaOAAEIggCBADgIA8AIGQAAEA4BAIQQoCEAMygpBMBEwIBoDgECgwCC
AIgipkAsJAQhCKhggJCBoAwCggJCEgE4pBUA
"""
"""A bit a digit: 360 that scikit-learn's `train_test_split` drew, stratified, of random state 0."""


@cache
def bundled_digits() -> tuple[UInt8[Tensor, "instances 1 height width"], Int[Tensor, " instances"]]:
    """All 1797 digits, 8 x 8 in grey, and what they are, in scikit-learn's order.

    The 17 levels of the data (0 to 16) are spread over 0 to 255. Not to be written to.

    Source: `sklearn.datasets.load_digits`; the test part of E. Alpaydin and C. Kaynak, Optical
    Recognition of Handwritten Digits, UCI 1998.
    """
    text = gzip.decompress(bundled_bytes("data", "digits.csv.gz")).decode()
    table = torch.from_numpy(np.loadtxt(text.splitlines(), delimiter=","))
    images = (table[:, :-1] * (255 / 16)).round().to(torch.uint8)
    return images.reshape(-1, 1, 8, 8), table[:, -1].long()


def bundled_bytes(folder: str, name: str) -> bytes:
    """A file that comes with scikit-learn, whose import would take seconds.

    Args:
        folder: below `sklearn/datasets`.
        name: of the file.
    """
    found = find_spec("sklearn")
    if found is not None and found.origin is not None:
        file = Path(found.origin).parent / "datasets" / folder / name
        if file.is_file():
            return file.read_bytes()
    # Installed in a way that keeps no such folder, or not at all: which this says.
    return resources.files(f"sklearn.datasets.{folder}").joinpath(name).read_bytes()


def digit_positions(split: Split) -> Int[Tensor, " instances"]:
    """Which digits a split holds, ascending: 1437 to train, 360 to test, each class in proportion.

    The split is fixed. scikit-learn's data does not say who wrote which digit, so that one hand
    may be in both parts.
    """
    packed = np.frombuffer(base64.b64decode(TEST), dtype=np.uint8)
    test = torch.from_numpy(np.unpackbits(packed, count=DIGITS)).bool()
    chosen = {"train": ~test, "test": test, "all": torch.ones_like(test)}[split]
    return chosen.nonzero()[:, 0]


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
