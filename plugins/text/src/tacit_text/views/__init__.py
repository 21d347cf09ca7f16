"""Ways to make views of text."""

from tacit_text.views.edits import Edits, edited
from tacit_text.views.policies import (
    Masked,
    MaskedConfig,
    Mirror,
    MirrorConfig,
    Noisy,
    NoisyConfig,
    TwoViews,
    TwoViewsConfig,
)

__all__ = [
    "Edits",
    "Masked",
    "MaskedConfig",
    "Mirror",
    "MirrorConfig",
    "Noisy",
    "NoisyConfig",
    "TwoViews",
    "TwoViewsConfig",
    "edited",
]
