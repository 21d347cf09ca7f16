"""View policies for images: two views, multi-crop, and the single view of masked prediction."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any

import torch
from torch import Generator, Tensor

from tacit.contract import Augmentation, View
from tacit_vision.views.config import ColourConfig, CropConfig, Recipe, check_range
from tacit_vision.views.recipe import draw, render


@dataclass(frozen=True, kw_only=True)
class TwoViewsConfig(ColourConfig):
    """Settings of :class:`TwoViews`; the defaults are SimCLR's for ImageNet.

    BYOL and Barlow Twins: ``brightness=0.4, contrast=0.4, saturation=0.2, hue=0.1,
    blur_probability=(1.0, 0.1), solarise_probability=(0.0, 0.2)``. SimCLR on CIFAR-10:
    ``jitter_strength=0.5, blur_probability=(0.0, 0.0)``.

    Args:
        blur_probability: of Gaussian blur, in the first and in the second view.
        solarise_probability: of values from 0.5 upwards being inverted, likewise.
    """

    blur_probability: tuple[float, float] = (0.5, 0.5)
    solarise_probability: tuple[float, float] = (0.0, 0.0)

    def __post_init__(self) -> None:
        super().__post_init__()
        self.recipes()  # refuses what does not fit a view

    def recipes(self) -> tuple[Recipe, Recipe]:
        """The settings of each view."""
        pairs = zip(self.blur_probability, self.solarise_probability, strict=True)
        first, second = (
            Recipe(**_shared(self), blur_probability=blur, solarise_probability=solarise)
            for blur, solarise in pairs
        )
        return first, second


@dataclass(frozen=True, kw_only=True)
class MultiCropConfig(ColourConfig):
    """Settings of :class:`MultiCrop`; the defaults are DINO's.

    SwAV: ``scale=(0.14, 1.0), local_scale=(0.05, 0.14), local_count=6``, jitter as SimCLR's,
    ``blur_probability=(0.5, 0.5), solarise_probability=(0.0, 0.0)``.

    Args:
        local_count: how many local views.
        local_size: their side in pixels; None takes half of the global views' sides, which a
            patch size that divides the one mostly divides too (DINO has 96 of 224).
        local_scale: least and greatest share of the image's area in a local box.
        blur_probability: of Gaussian blur, in the two global views.
        solarise_probability: of values from 0.5 upwards being inverted, likewise.
        local_blur_probability: of Gaussian blur in each local view.
    """

    scale: tuple[float, float] = (0.4, 1.0)
    brightness: float = 0.4
    contrast: float = 0.4
    saturation: float = 0.2
    hue: float = 0.1
    local_count: int = 8
    local_size: int | None = None
    local_scale: tuple[float, float] = (0.05, 0.4)
    blur_probability: tuple[float, float] = (1.0, 0.1)
    solarise_probability: tuple[float, float] = (0.0, 0.2)
    local_blur_probability: float = 0.5

    def __post_init__(self) -> None:
        super().__post_init__()
        check_range("local_scale", self.local_scale, 1.0)
        if self.local_count < 1:
            raise ValueError(
                f"local_count must be at least 1, got {self.local_count}: "
                "for global views alone take TwoViews"
            )
        self.recipes(2)  # refuses what does not fit a view

    def recipes(self, shortest_side: int) -> tuple[Recipe, ...]:
        """The settings of each view of images whose shorter side has this many pixels."""
        pairs = zip(self.blur_probability, self.solarise_probability, strict=True)
        globals_ = tuple(
            Recipe(**_shared(self), blur_probability=blur, solarise_probability=solarise)
            for blur, solarise in pairs
        )
        size = self.local_size or max(1, (self.size or shortest_side) // 2)
        shared = _shared(self) | {"size": size, "scale": self.local_scale}
        local = Recipe(**shared, blur_probability=self.local_blur_probability)
        return globals_ + (local,) * self.local_count


@dataclass(frozen=True, kw_only=True)
class MaskedConfig(CropConfig):
    """Settings of :class:`Masked`; the defaults are MAE's."""

    scale: tuple[float, float] = (0.2, 1.0)

    def recipe(self) -> Recipe:
        """The settings of the view."""
        return Recipe(**_shared(self), jitter_probability=0.0, grayscale_probability=0.0)


class TwoViews(Augmentation):
    """Two views of each image, strongly augmented and independently.

    Source: SimCLR (arXiv:2002.05709), appendix A; BYOL (arXiv:2006.07733), appendix B, for the
    asymmetric form.
    Where we differ: bilinear resizing as in SimCLR, where BYOL's is bicubic; the kernel of the
    blur leaves out negligible taps.

    Takes uint8 images (batch, 1 or 3, height, width), all of one size; makes two views with role
    ``global``, float32 and normalised, whose ``meta`` is that of
    :meth:`tacit_vision.views.record.Record.meta`.
    """

    Config = TwoViewsConfig

    def __init__(self, config: TwoViewsConfig | None = None) -> None:
        self.config = config or TwoViewsConfig()
        self.roles = ("global", "global")
        self.meta = meta_keys(self.config.recipes())

    def __call__(self, value: Tensor, generator: Generator) -> tuple[View, ...]:
        """Two views of a batch; the generator lives on the batch's device."""
        return tuple(
            make_view(recipe, value, generator, "global") for recipe in self.config.recipes()
        )


class MultiCrop(Augmentation):
    """Two global views and several smaller local ones of each image.

    Source: SwAV (arXiv:2006.09882), section 3.3; DINO (arXiv:2104.14294), appendix, and its
    ``main_dino.py`` (``DataAugmentationDINO``) for the defaults.
    Where we differ: resizing is bilinear, DINO's is bicubic.

    Takes uint8 images (batch, 1 or 3, height, width), all of one size; makes float32 views,
    first those with role ``global``, then those with role ``local``, whose ``meta`` is that of
    :meth:`tacit_vision.views.record.Record.meta`.
    """

    Config = MultiCropConfig

    def __init__(self, config: MultiCropConfig | None = None) -> None:
        self.config = config or MultiCropConfig()
        self.roles = ("global",) * 2 + ("local",) * self.config.local_count
        self.meta = meta_keys(self.config.recipes(2))

    def __call__(self, value: Tensor, generator: Generator) -> tuple[View, ...]:
        """All views of a batch; the generator lives on the batch's device."""
        recipes = self.config.recipes(min(value.shape[2:]))
        return tuple(
            make_view(recipe, value, generator, role)
            for recipe, role in zip(recipes, self.roles, strict=True)
        )


class Masked(Augmentation):
    """One lightly augmented view: crop and flip, for objectives that hide tokens of it.

    Source: MAE (arXiv:2111.06377), appendix A.1. Where we differ: resizing is bilinear, MAE's
    is bicubic.

    Takes uint8 images (batch, 1 or 3, height, width), all of one size; makes one view with role
    ``view``, float32 and normalised, whose ``meta`` holds ``crop`` and ``flip``.
    """

    Config = MaskedConfig

    def __init__(self, config: MaskedConfig | None = None) -> None:
        self.config = config or MaskedConfig()
        self.roles = ("view",)
        self.meta = meta_keys((self.config.recipe(),))

    def __call__(self, value: Tensor, generator: Generator) -> tuple[View, ...]:
        """The view of a batch; the generator lives on the batch's device."""
        return (make_view(self.config.recipe(), value, generator, "view"),)


def make_view(
    recipe: Recipe,
    images: Tensor,
    generator: Generator,
    role: str,
) -> View:
    """One view of a batch, with its record as ``meta``."""
    record = draw(recipe, images, generator)
    return View(value=render(recipe, images, record), meta=record.meta(), role=role)


def meta_keys(recipes: Sequence[Recipe]) -> frozenset[str]:
    """The keys that the ``meta`` of every one of these views holds, by making a record of each."""
    keys = []
    for recipe in recipes:
        channels = 3 if recipe.mean is None else len(recipe.mean)
        example = torch.zeros(1, channels, 2, 2, dtype=torch.uint8)
        keys.append(frozenset(draw(recipe, example, Generator()).meta()))
    return frozenset.intersection(*keys)


def _shared(config: CropConfig) -> dict[str, Any]:
    """The settings a policy's configuration has in common with a single view's."""
    settings = {item.name: getattr(config, item.name) for item in fields(config)}
    known = {item.name for item in fields(ColourConfig)}
    return {name: value for name, value in settings.items() if name in known}
