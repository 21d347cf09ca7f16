"""Views of rows."""

from tacit_tabular.views.corruption import (
    Corrupted,
    CorruptedConfig,
    CorruptionConfig,
    Masked,
    MaskedConfig,
    TwoViews,
)
from tacit_tabular.views.mixup import Mixup, MixupConfig
from tacit_tabular.views.permutation import Permuted, PermutedConfig
from tacit_tabular.views.quantiles import QuantileNoise, QuantileNoiseConfig
from tacit_tabular.views.subsets import Subsets, SubsetsConfig

__all__ = [
    "Corrupted",
    "CorruptedConfig",
    "CorruptionConfig",
    "Masked",
    "MaskedConfig",
    "Mixup",
    "MixupConfig",
    "Permuted",
    "PermutedConfig",
    "QuantileNoise",
    "QuantileNoiseConfig",
    "Subsets",
    "SubsetsConfig",
    "TwoViews",
]
