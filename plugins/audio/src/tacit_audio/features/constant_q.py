"""Constant-Q transform: as many cycles of every pitch, for music."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from tacit_audio.features.mel import Spectrogram
from tacit_audio.sound import Sound, within


@dataclass(frozen=True, kw_only=True)
class ConstantQConfig:
    """Settings of a constant-Q transform.

    Args:
        rate: samples a second.
        hop: samples from frame to frame.
        low: the lowest pitch, Hz; C1 is 32.7.
        bins: pitches; 84 are seven octaves of semitones, MERT has 336.
        per_octave: pitches of an octave; MERT has 48.

    Raises:
        ValueError: numbers out of range, or pitches above half of the rate.
    """

    rate: int = 16_000
    hop: int = 320
    low: float = 32.703
    bins: int = 84
    per_octave: int = 12

    def __post_init__(self) -> None:
        for name in ("rate", "hop", "low", "bins", "per_octave"):
            if getattr(self, name) <= 0:
                raise ValueError(f"{name}: wanted more than 0; got {getattr(self, name)}")
        highest = self.low * 2 ** ((self.bins - 1) / self.per_octave)
        if highest * (1 + 0.5 / self.quality) > self.rate / 2:
            raise ValueError(
                f"bins: the highest pitch, {highest:.0f} Hz, does not fit under half of the rate, "
                f"{self.rate / 2:g} Hz: wanted fewer bins, or a lower low"
            )

    @property
    def quality(self) -> float:
        """Frequency over bandwidth, the same for all pitches."""
        return 1.0 / (2 ** (1.0 / self.per_octave) - 1.0)


def kernels(config: ConstantQConfig) -> Float[Tensor, "pitches samples"]:
    """Windowed cosines and sines of every pitch, of absolute sum 1, centred; cosines first."""
    pitch = config.low * 2 ** (torch.arange(config.bins, dtype=torch.float64) / config.per_octave)
    length = config.quality * config.rate / pitch
    half = math.ceil(float(length[0]) / 2)
    place = torch.arange(-half, half + 1, dtype=torch.float64)
    turn = 2 * math.pi * pitch[:, None] / config.rate * place
    window = 0.5 + 0.5 * torch.cos(2 * math.pi * place / length[:, None])
    window = window.where(place.abs() <= length[:, None] / 2, 0.0)
    window = window / window.sum(1, keepdim=True) * length.sqrt()[:, None]
    return torch.cat([window * turn.cos(), -window * turn.sin()]).float()


class ConstantQ(nn.Module):
    """Magnitudes of a constant-Q transform, of a batch at once; it has no weights.

    Frames lie as those of `LogMel`: centred on multiples of the hop, silence around a clip.

    Args:
        config: settings; None for the defaults.

    Source: Brown 1991, equations 5 to 7; scaled as `librosa.cqt(scale=True, norm=1)`. Differs: one
    strided convolution in place of librosa's octaves of halved rates, which agree to a few per
    cent; see the tests.
    """

    kernels: Tensor

    def __init__(self, config: ConstantQConfig | None = None) -> None:
        super().__init__()
        self.config = config or ConstantQConfig()
        self.register_buffer("kernels", kernels(self.config)[:, None], persistent=False)

    def forward(self, sound: Sound) -> Spectrogram:
        """Magnitudes, zero where a row is padding.

        Raises:
            ValueError: recordings of another rate.
        """
        if sound.rate != self.config.rate:
            raise ValueError(f"constant-Q: wanted {self.config.rate} Hz; got {sound.rate}")
        wave = sound.silenced().float()
        batch, channels, samples = wave.shape
        frames = max(1, samples // self.config.hop)
        half = self.kernels.shape[2] // 2
        parts = functional.conv1d(
            functional.pad(wave.reshape(-1, 1, samples), (half, half)),
            self.kernels,
            stride=self.config.hop,
        )[..., :frames]
        real, imaginary = parts.unflatten(0, (batch, channels)).chunk(2, dim=2)
        values = (real.square() + imaginary.square()).sqrt()
        if sound.lengths is None:
            return Spectrogram(values, None)
        valid = within((sound.lengths // self.config.hop).clamp(min=1), frames)
        return Spectrogram(values * valid[:, None, None], valid)
