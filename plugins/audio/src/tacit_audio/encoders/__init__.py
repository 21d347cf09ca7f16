"""Audio encoders: transformers over spectrograms and over samples, and a small CNN.

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
    from tacit_audio.encoders.transformers import Transformers, TransformersConfig
    from tacit_audio.encoders.wav2vec2 import Wav2Vec2, Wav2Vec2Config

_HOMES = {
    "Cnn": "cnn",
    "SpectrogramTransformer": "spectrogram",
    "Transformers": "transformers",
    "Wav2Vec2": "wav2vec2",
}

__all__ = [
    "Cnn",
    "CnnConfig",
    "SpectrogramTransformer",
    "SpectrogramTransformerConfig",
    "Transformers",
    "TransformersConfig",
    "Wav2Vec2",
    "Wav2Vec2Config",
]


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    home = _HOMES[name.removesuffix("Config")]
    return getattr(import_module(f"{__name__}.{home}"), name)


def __dir__() -> list[str]:
    return sorted(__all__)
