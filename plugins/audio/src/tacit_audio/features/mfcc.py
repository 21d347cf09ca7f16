"""Mel-frequency cepstral coefficients, and the plain statistics every encoder must beat."""

from __future__ import annotations

import math
from functools import lru_cache

import torch
from jaxtyping import Float
from torch import Tensor, nn

from tacit_audio.features.deltas import deltas
from tacit_audio.features.mel import LogMel, LogMelConfig, Spectrogram
from tacit_audio.sound import Sound, mean_there

COEFFICIENTS = 20


def cosines(coefficients: int, mels: int) -> Float[Tensor, "mels coefficients"]:
    """The orthonormal discrete cosine transform, type II."""
    place = torch.arange(mels, dtype=torch.float64)[:, None] + 0.5
    order = torch.arange(coefficients, dtype=torch.float64)
    basis = torch.cos(math.pi / mels * place * order) * math.sqrt(2.0 / mels)
    basis[:, 0] /= math.sqrt(2.0)
    return basis.float()


class Mfcc(nn.Module):
    """Cosine transform of log-mel values; it has no weights.

    Args:
        coefficients: of each frame, the first (its level) included.
        config: of the spectrogram beneath; it must not normalise.

    Raises:
        ValueError: a spectrogram that normalises, or more coefficients than bands.

    Source: Davis and Mermelstein 1980. Equal to `torchaudio.transforms.MFCC(log_mels=True)` over
    the same spectrogram, see the tests.
    """

    basis: Tensor

    def __init__(self, config: LogMelConfig, coefficients: int = COEFFICIENTS) -> None:
        super().__init__()
        if config.normalise != "none":
            raise ValueError(f"mfcc: wanted normalise='none'; got {config.normalise!r}")
        if not 1 <= coefficients <= config.mels:
            raise ValueError(
                f"coefficients: wanted 1 to {config.mels}, the bands; got {coefficients}"
            )
        self.spectrogram = LogMel(config)
        self.register_buffer("basis", cosines(coefficients, config.mels), persistent=False)

    def forward(self, sound: Sound) -> Spectrogram:
        """Coefficients of every frame, zero where a row is padding."""
        values, valid = self.spectrogram(sound)
        coefficients = torch.einsum("bcft,fk->bckt", values, self.basis)
        return Spectrogram(coefficients, valid)


@lru_cache(maxsize=8)
def _plain(rate: int) -> Mfcc:
    return Mfcc(LogMelConfig(rate=rate, mels=40, normalise="none"))


def statistics(sound: Sound) -> Float[Tensor, "batch features"]:
    """Mean and deviation over each clip of 20 MFCCs and their first and second differences.

    120 numbers, channels averaged. Without differences they tell far fewer instruments apart.
    """
    values, valid = _plain(sound.rate).to(sound.wave.device)(sound)
    level = values.mean(1).transpose(1, 2)
    slope = deltas(level, valid)
    frames = torch.cat([level, slope, deltas(slope, valid)], dim=2)
    mean = mean_there(frames, valid)
    spread = mean_there((frames - mean[:, None]).square(), valid)
    return torch.cat([mean, spread.sqrt()], dim=1)
