"""Views of images: batched augmentations with parameters of their own for every image."""

from tacit_vision.views.colour import Jitter
from tacit_vision.views.config import ColourConfig, CropConfig, Recipe
from tacit_vision.views.fields import Fields, FieldsConfig
from tacit_vision.views.geometry import Crop
from tacit_vision.views.nested import WholeAndPart, WholeAndPartConfig
from tacit_vision.views.noisy import Noisy, NoisyConfig
from tacit_vision.views.policies import (
    Masked,
    MaskedConfig,
    MultiCrop,
    MultiCropConfig,
    TwoViews,
    TwoViewsConfig,
)
from tacit_vision.views.recipe import draw, render
from tacit_vision.views.record import Record
from tacit_vision.views.reordered import Reordered, ReorderedConfig
from tacit_vision.views.styles import OneStyle, OneStyleConfig
from tacit_vision.views.turned import (
    Related,
    RelatedConfig,
    Transformed,
    TransformedConfig,
)

__all__ = [
    "ColourConfig",
    "Crop",
    "CropConfig",
    "Fields",
    "FieldsConfig",
    "Jitter",
    "Masked",
    "MaskedConfig",
    "MultiCrop",
    "MultiCropConfig",
    "Noisy",
    "NoisyConfig",
    "OneStyle",
    "OneStyleConfig",
    "Recipe",
    "Record",
    "Related",
    "RelatedConfig",
    "Reordered",
    "ReorderedConfig",
    "Transformed",
    "TransformedConfig",
    "TwoViews",
    "TwoViewsConfig",
    "WholeAndPart",
    "WholeAndPartConfig",
    "draw",
    "render",
]
