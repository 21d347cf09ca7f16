"""Views of rows."""

from tacit_tabular.views.corruption import (
    Corrupted,
    CorruptedConfig,
    CorruptionConfig,
    Masked,
    MaskedConfig,
    TwoViews,
)

__all__ = [
    "Corrupted",
    "CorruptedConfig",
    "CorruptionConfig",
    "Masked",
    "MaskedConfig",
    "TwoViews",
]
