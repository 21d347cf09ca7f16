"""Log-mel spectrograms of a batch, blind to padding.

Frame `t` is centred on sample `t * hop`, with silence before the first and after the last sample of
its own clip, so that a clip has the same frames alone and padded in a batch. A clip of `n` samples
has `n // hop` frames, and at least one.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal, NamedTuple

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn
from torch.nn import functional

from tacit_audio.sound import Sound, within

FLOOR = 1e-6  # added before the logarithm, so that silence has one
EPS = 1e-5
CELLS = 1 << 17
"""Cells of complex spectra, 1 MiB, that a CPU makes at once: of more it waits for new memory."""


class Spectrogram(NamedTuple):
    """Features of every frame of a batch.

    Attributes:
        values: one row a frequency.
        valid: which frames belong to a clip; None where all do.
    """

    values: Float[Tensor, "batch channels freq time"]
    valid: Bool[Tensor, "batch time"] | None


@dataclass(frozen=True, kw_only=True)
class LogMelConfig:
    """Settings of a log-mel spectrogram.

    Args:
        rate: samples a second.
        mels: bands.
        window: seconds of a frame (Hann).
        hop: seconds from frame to frame.
        low: lower edge of the lowest band, Hz.
        high: upper edge of the highest, Hz; None: half of the rate.
        normalise: `clip`: the mean of all cells of a clip is 0, their variance 1; `bin`: of every
            band by itself, over time, as speech work has it (it takes away what is constant, so
            not for single notes); `none`: logarithms as they are.

    Raises:
        ValueError: numbers out of range.
    """

    rate: int = 16_000
    mels: int = 64
    window: float = 0.025
    hop: float = 0.010
    low: float = 20.0
    high: float | None = None
    normalise: Literal["clip", "bin", "none"] = "clip"

    def __post_init__(self) -> None:
        for name in ("rate", "mels", "window", "hop"):
            if getattr(self, name) <= 0:
                raise ValueError(f"{name}: wanted more than 0; got {getattr(self, name)}")
        if self.hop_samples < 1 or self.window_samples < 2:
            raise ValueError(
                f"hop, window: at {self.rate} Hz wanted at least 1 and 2 samples; got "
                f"{self.hop} and {self.window} s"
            )
        if not 0 <= self.low < self.highest <= self.rate / 2:
            raise ValueError(
                f"low, high: wanted 0 <= low < high <= {self.rate / 2:g} Hz, half of the rate; "
                f"got {self.low:g} and {self.highest:g}"
            )

    @property
    def highest(self) -> float:
        """Upper edge of the highest band, Hz."""
        return self.rate / 2 if self.high is None else self.high

    @property
    def hop_samples(self) -> int:
        """Samples from frame to frame."""
        return round(self.hop * self.rate)

    @property
    def window_samples(self) -> int:
        """Samples of a frame."""
        return round(self.window * self.rate)


def to_mel(hertz: Tensor) -> Tensor:
    """Hertz to mel: O'Shaughnessy's formula, as in HTK."""
    return 2595.0 * torch.log10(1.0 + hertz / 700.0)


def to_hertz(mel: Tensor) -> Tensor:
    """Mel to Hertz."""
    return 700.0 * (10.0 ** (mel / 2595.0) - 1.0)


def mel_filters(
    mels: int, fft: int, rate: int, low: float, high: float
) -> Float[Tensor, "bins mels"]:
    """Triangles on the mel scale over the bins of a Fourier transform, of height 1.

    Source: HTK's scale and triangles; equal to `torchaudio.functional.melscale_fbanks(norm=None,
    mel_scale="htk")`, see the tests.
    """
    bins = torch.linspace(0, rate / 2, fft // 2 + 1, dtype=torch.float64)
    points = _corners(mels, low, high)
    width = points[1:] - points[:-1]
    distance = points - bins[:, None]
    rising = -distance[:, :-2] / width[:-1]
    falling = distance[:, 2:] / width[1:]
    return torch.minimum(rising, falling).clamp(min=0).float()


def _corners(mels: int, low: float, high: float) -> Float[Tensor, " corners"]:
    """Where the triangles begin, peak and end, Hz: triangle i from corner i to corner i + 2."""
    ends = to_mel(torch.tensor([low, high], dtype=torch.float64))
    return to_hertz(torch.linspace(float(ends[0]), float(ends[1]), mels + 2, dtype=torch.float64))


def _fft_size(config: LogMelConfig) -> int:
    """The least power of two that holds a window and leaves no band empty."""
    size = 2 ** math.ceil(math.log2(config.window_samples))
    corners = _corners(config.mels, config.low, config.highest)
    while size <= 2**16:
        apart = config.rate / size
        first = (torch.floor(corners[:-2] / apart) + 1) * apart  # bin above where a band begins
        if bool((first < corners[2:]).all()):
            return int(size)
        size *= 2
    raise ValueError(
        f"mels: {config.mels} bands between {config.low:g} and {config.highest:g} Hz are too "
        "narrow to hold anything: wanted fewer, or a wider range"
    )


class LogMel(nn.Module):
    """Log-mel spectrogram of a batch of recordings; it has no weights.

    Arithmetic is in float32 whatever the rest of the network computes in: logarithms of small
    powers do not survive half precision.

    Args:
        config: settings; None for the defaults.

    Raises:
        ValueError: bands too narrow to hold anything.

    Source: the usual chain (short-time Fourier transform, power, triangles, logarithm). Equal to
    `torchaudio.transforms.MelSpectrogram(center=True, pad_mode="constant")` plus 1e-6, see the
    tests. Differs: the last frame is left out, so that a second has a round number of frames, and
    statistics are those of a clip's own frames.
    """

    window: Tensor
    filters: Tensor

    def __init__(self, config: LogMelConfig | None = None) -> None:
        super().__init__()
        self.config = config = config or LogMelConfig()
        self.fft = _fft_size(config)
        window = torch.hann_window(config.window_samples, periodic=True)
        filters = mel_filters(config.mels, self.fft, config.rate, config.low, config.highest)
        self.register_buffer("window", window, persistent=False)
        self.register_buffer("filters", filters, persistent=False)

    def frames(self, samples: int) -> int:
        """Frames of a clip of so many samples."""
        return max(1, samples // self.config.hop_samples)

    def forward(self, sound: Sound) -> Spectrogram:
        """Normalised log-mel values, zero where a row is padding."""
        with torch.autocast(sound.wave.device.type, enabled=False):
            step = self._at_once(sound.wave)
            told = sound.wave.device.type == "cpu" and not torch.compiler.is_compiling()
            if step == 1 and sound.lengths is not None and told:  # a device would have to be asked
                values = self._one_by_one(sound.wave, sound.lengths.tolist())
            else:
                starts = range(0, max(1, len(sound)), step)
                parts = (sound[start : start + step] for start in starts)
                values = torch.cat([self._logarithms(part.silenced().float()) for part in parts])
            valid = self._valid(sound.lengths, values.shape[-1])
            return Spectrogram(self._normalised(values, valid), valid)

    def _at_once(self, wave: Float[Tensor, "batch channels samples"]) -> int:
        """Clips whose spectra are made together: all on a device, few where memory is slow."""
        if wave.device.type != "cpu":
            return max(1, len(wave))
        cells = wave.shape[1] * self.frames(wave.shape[2]) * (self.fft // 2 + 1)
        return max(1, CELLS // cells)

    def _one_by_one(
        self, wave: Float[Tensor, "batch channels samples"], lengths: list[int]
    ) -> Float[Tensor, "batch channels freq time"]:
        """Long clips on a CPU, each without its padding, of which nothing is made."""
        frames = self.frames(wave.shape[2])
        rows = []
        for row, length in zip(wave.split(1), lengths, strict=True):
            own = row[..., :length] if length else torch.zeros_like(row[..., :1])
            values = self._logarithms(own.float())
            rows.append(functional.pad(values, (0, frames - values.shape[-1])))
        return torch.cat(rows)

    def _logarithms(
        self, wave: Float[Tensor, "batch channels samples"]
    ) -> Float[Tensor, "batch channels freq time"]:
        values = (self._power(wave).transpose(-1, -2) @ self.filters + FLOOR).log()
        return values.transpose(-1, -2)

    def _power(
        self, wave: Float[Tensor, "batch channels samples"]
    ) -> Float[Tensor, "batch channels bins time"]:
        spectrum = torch.stft(
            wave.flatten(0, 1),
            self.fft,
            hop_length=self.config.hop_samples,
            win_length=len(self.window),
            window=self.window,
            center=True,
            pad_mode="constant",
            return_complex=True,
        )
        frames = self.frames(wave.shape[2])
        spectrum = spectrum[..., :frames]
        power: Tensor = spectrum.real.square() + spectrum.imag.square()  # a root less than abs()
        answer: Tensor = power.unflatten(0, wave.shape[:2])
        return answer

    def _valid(
        self, lengths: Int[Tensor, " batch"] | None, size: int
    ) -> Bool[Tensor, "batch time"] | None:
        if lengths is None:
            return None
        frames = (lengths // self.config.hop_samples).clamp(min=1)
        return within(frames, size)

    def _normalised(
        self,
        values: Float[Tensor, "batch channels freq time"],
        valid: Bool[Tensor, "batch time"] | None,
    ) -> Float[Tensor, "batch channels freq time"]:
        if self.config.normalise == "none":
            return values if valid is None else values.masked_fill(~valid[:, None, None], 0.0)
        over = (1, 2, 3) if self.config.normalise == "clip" else (3,)
        return standardised(values, valid, over)


def standardised(
    values: Float[Tensor, "batch channels freq time"],
    valid: Bool[Tensor, "batch time"] | None,
    over: tuple[int, ...],
) -> Float[Tensor, "batch channels freq time"]:
    """Mean 0 and variance 1 over some axes of each clip, padding left out and set to 0."""
    there = values.new_ones(1, 1, 1, 1)
    if valid is not None:
        there = valid[:, None, None].to(values.dtype)
    weight = there.expand_as(values)
    count = weight.sum(over, keepdim=True).clamp(min=1)
    centred = (values - (values * weight).sum(over, keepdim=True) / count) * weight
    variance = centred.square().sum(over, keepdim=True) / count
    answer: Tensor = centred * (variance + EPS).rsqrt()
    return answer
