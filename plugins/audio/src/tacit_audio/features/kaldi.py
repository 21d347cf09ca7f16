"""Filter banks as Kaldi makes them, which spectrogram transformers were trained on, in batches."""

from __future__ import annotations

import math

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn

from tacit_audio.sound import Sound, within

PREEMPHASIS, LOW, WINDOW, HOP = 0.97, 20.0, 0.025, 0.010
FLOOR = torch.finfo(torch.float32).eps


class KaldiBank(nn.Module):
    """Log-mel values of whole windows; it has no weights.

    Frames begin at samples 0, `hop`, 2 `hop` ...; a clip has as many as fit into it, none of which
    sees its padding.

    Args:
        rate: samples a second.
        mels: bands.

    Raises:
        ValueError: numbers below 1.

    Source: Povey et al., Kaldi, `feat/feature-fbank.cc`; equal to torchaudio's
    `compliance.kaldi.fbank(window_type="hanning", num_mel_bins=mels)`, see the tests.
    """

    hann: Tensor
    filters: Tensor

    def __init__(self, rate: int, mels: int) -> None:
        super().__init__()
        if rate < 1 or mels < 1:
            raise ValueError(f"rate, mels: wanted at least 1; got {rate} and {mels}")
        self.window, self.hop = int(rate * WINDOW), int(rate * HOP)
        self.fft = 2 ** math.ceil(math.log2(self.window))
        hann = torch.hann_window(self.window, periodic=False)
        self.register_buffer("hann", hann, persistent=False)
        self.register_buffer("filters", triangles(mels, self.fft, rate), persistent=False)

    def forward(
        self, sound: Sound
    ) -> tuple[Float[Tensor, "batch time freq"], Bool[Tensor, "batch time"] | None]:
        """Values of every frame, and which belong to a clip."""
        with torch.autocast(sound.wave.device.type, enabled=False):
            frames = sound.silenced().float().mean(1).unfold(1, self.window, self.hop)
            frames = frames - frames.mean(2, keepdim=True)
            before = torch.cat([frames[..., :1], frames[..., :-1]], dim=2)
            spectrum = torch.fft.rfft((frames - PREEMPHASIS * before) * self.hann, n=self.fft)
            values = (spectrum.abs().square() @ self.filters).clamp(min=FLOOR).log()
        if sound.lengths is None:
            return values, None
        count = (sound.lengths - self.window).div(self.hop, rounding_mode="floor") + 1
        return values, within(count.clamp(min=0), values.shape[1])


def triangles(mels: int, fft: int, rate: int) -> Float[Tensor, "bins mels"]:
    """Triangles that are straight on the mel scale, over the bins of a Fourier transform."""

    def to_mel(hertz: Tensor) -> Tensor:
        return 1127.0 * (1.0 + hertz / 700.0).log()

    ends = to_mel(torch.tensor([LOW, rate / 2], dtype=torch.float64))
    corners = torch.linspace(float(ends[0]), float(ends[1]), mels + 2, dtype=torch.float64)
    bins = to_mel(torch.arange(fft // 2 + 1, dtype=torch.float64) * rate / fft)[:, None]
    width = corners[1] - corners[0]
    rising, falling = (bins - corners[:-2]) / width, (corners[2:] - bins) / width
    return torch.minimum(rising, falling).clamp(min=0).float()
