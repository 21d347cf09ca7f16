"""Settings of one view; every policy's configuration is built from these."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from jaxtyping import UInt8
from torch import Tensor

IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)


@dataclass(frozen=True, kw_only=True)
class CropConfig:
    """Settings of a view that is cut, resized, mirrored and normalised.

    Args:
        size: side of the square view in pixels; None keeps the input's height and width.
        scale: least and greatest share of the image's area in the box.
        ratio: least and greatest width / height of the box.
        flip_probability: of mirroring left to right.
        antialias: widen the resize filter where a box shrinks, as PIL does.
        mean: of each channel on the scale of [0, 1], subtracted. None, together with ``std``,
            leaves values in [0, 1]: the encoders normalise by themselves.
        std: of each channel, divided by.

    Raises:
        ValueError: a setting is out of its range; says which.
    """

    size: int | None = None
    scale: tuple[float, float] = (0.08, 1.0)
    ratio: tuple[float, float] = (3 / 4, 4 / 3)
    flip_probability: float = 0.5
    antialias: bool = True
    mean: tuple[float, ...] | None = None
    std: tuple[float, ...] | None = None

    def __post_init__(self) -> None:
        if self.size is not None and self.size < 1:
            raise ValueError(f"size must be at least 1 or None, got {self.size}")
        for name, limit in (("scale", 1.0), ("ratio", float("inf"))):
            check_range(name, getattr(self, name), limit)
        check_probability("flip_probability", self.flip_probability)
        if (self.mean is None) != (self.std is None):
            raise ValueError("mean and std go together: give both, or None for both")
        if self.mean is not None and self.std is not None and len(self.mean) != len(self.std):
            raise ValueError(f"mean has {len(self.mean)} channels, std {len(self.std)}")


@dataclass(frozen=True, kw_only=True)
class ColourConfig(CropConfig):
    """Settings of a view that is also changed in colour; the defaults are SimCLR's.

    Args:
        jitter_probability: of brightness, contrast, saturation and hue being changed.
        jitter_strength: multiplies the four reaches below; SimCLR has 1, and 0.5 on CIFAR-10.
        brightness: factors are drawn from [max(0, 1 - x), 1 + x]. BYOL has 0.4.
        contrast: likewise. BYOL has 0.4.
        saturation: likewise. BYOL has 0.2.
        hue: shifts are drawn from [-x, x] turns. BYOL has 0.1.
        grayscale_probability: of the colour being removed.
        blur_sigma: least and greatest sigma in pixels; the kernel is a tenth of the view.
        colour: ``exact`` is torchvision's arithmetic. ``fused`` does jitter and grayscale with
            one matrix per image (see :mod:`tacit_vision.views.fused`): faster, and only close.

    Raises:
        ValueError: a setting is out of its range; says which.
    """

    jitter_probability: float = 0.8
    jitter_strength: float = 1.0
    brightness: float = 0.8
    contrast: float = 0.8
    saturation: float = 0.8
    hue: float = 0.2
    grayscale_probability: float = 0.2
    blur_sigma: tuple[float, float] = (0.1, 2.0)
    colour: Literal["exact", "fused"] = "exact"

    def __post_init__(self) -> None:
        super().__post_init__()
        check_probability("jitter_probability", self.jitter_probability)
        check_probability("grayscale_probability", self.grayscale_probability)
        check_range("blur_sigma", self.blur_sigma, float("inf"))
        for name in ("jitter_strength", "brightness", "contrast", "saturation", "hue"):
            if getattr(self, name) < 0:
                raise ValueError(f"{name} must not be negative, got {getattr(self, name)}")
        if self.hue * self.jitter_strength > 0.5:
            raise ValueError(
                f"hue * jitter_strength must be at most 0.5, half a turn either way, "
                f"got {self.hue} * {self.jitter_strength}"
            )
        if self.colour not in ("exact", "fused"):
            raise ValueError(f'colour must be "exact" or "fused", got "{self.colour}"')


@dataclass(frozen=True, kw_only=True)
class Recipe(ColourConfig):
    """Settings of one view.

    Args:
        blur_probability: of Gaussian blur.
        solarise_probability: of values from 0.5 upwards being inverted.

    Raises:
        ValueError: a setting is out of its range; says which.
    """

    blur_probability: float = 0.0
    solarise_probability: float = 0.0

    def __post_init__(self) -> None:
        super().__post_init__()
        check_probability("blur_probability", self.blur_probability)
        check_probability("solarise_probability", self.solarise_probability)

    def view_size(self, images: UInt8[Tensor, "batch channels height width"]) -> tuple[int, int]:
        """Height and width of the views of these images."""
        if self.size is None:
            return images.shape[2], images.shape[3]
        return self.size, self.size


def check_probability(name: str, value: float) -> None:
    """Refuse what is not in [0, 1]."""
    if not 0 <= value <= 1:
        raise ValueError(f"{name} must be in [0, 1], got {value}")


def check_range(name: str, bounds: tuple[float, float], limit: float) -> None:
    """Refuse what is not a least and a greatest positive number within the limit."""
    if not 0 < bounds[0] <= bounds[1] <= limit:
        raise ValueError(f"{name} must be (least, greatest) in (0, {limit}], got {bounds}")
