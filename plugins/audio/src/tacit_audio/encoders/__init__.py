"""Audio encoders: a spectrogram transformer and a small CNN.

Each is imported on first use, so that naming one never waits for the others' libraries.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tacit_audio.encoders.cnn import Cnn, CnnConfig
    from tacit_audio.encoders.spectrogram import (
        SpectrogramTransformer,
        SpectrogramTransformerConfig,
    )

_HOMES = {"Cnn": "cnn", "SpectrogramTransformer": "spectrogram"}

__all__ = [
    "Cnn",
    "CnnConfig",
    "SpectrogramTransformer",
    "SpectrogramTransformerConfig",
]


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    home = _HOMES[name.removesuffix("Config")]
    return getattr(import_module(f"{__name__}.{home}"), name)


def __dir__() -> list[str]:
    return sorted(__all__)
