"""Views of recordings: batched code on the training device, from waveform to waveform."""

from tacit_audio.views.config import ChangeConfig, CropConfig
from tacit_audio.views.overlay import CleanAndMixed, CleanAndMixedConfig
from tacit_audio.views.policies import (
    Masked,
    MaskedConfig,
    MixedViews,
    MixedViewsConfig,
    MultiCrop,
    MultiCropConfig,
    TwoViews,
    TwoViewsConfig,
)

__all__ = [
    "ChangeConfig",
    "CleanAndMixed",
    "CleanAndMixedConfig",
    "CropConfig",
    "Masked",
    "MaskedConfig",
    "MixedViews",
    "MixedViewsConfig",
    "MultiCrop",
    "MultiCropConfig",
    "TwoViews",
    "TwoViewsConfig",
]
