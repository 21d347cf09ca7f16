"""Views of rows, of problems made of rows, and of bags."""

from tacit_tabular.views.bags import SubBags, SubBagsConfig, WholeBag, WholeBagConfig
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
from tacit_tabular.views.problems import (
    Asked,
    AskedConfig,
    SamplesConfig,
    TwoSamples,
    Whole,
    WholeConfig,
)
from tacit_tabular.views.quantiles import QuantileNoise, QuantileNoiseConfig
from tacit_tabular.views.subsets import Subsets, SubsetsConfig

__all__ = [
    "Asked",
    "AskedConfig",
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
    "SamplesConfig",
    "SubBags",
    "SubBagsConfig",
    "Subsets",
    "SubsetsConfig",
    "TwoSamples",
    "TwoViews",
    "Whole",
    "WholeBag",
    "WholeBagConfig",
    "WholeConfig",
]
