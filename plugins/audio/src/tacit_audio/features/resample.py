"""Another sampling rate, by a windowed sinc."""

from __future__ import annotations

import math
from functools import lru_cache

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional

WIDTH = 16  # zero crossings on either side: stop band below -60 dB with this window
ROLLOFF = 0.95  # of the lower Nyquist frequency, to leave the filter room to fall


@lru_cache(maxsize=16)
def _kernel(up: int, down: int) -> tuple[Tensor, int]:
    """One filter for each of the `up` phases, and how far it reaches before its sample."""
    cutoff = min(up, down) * ROLLOFF / down  # of the old rate's Nyquist frequency
    reach = math.ceil(WIDTH / cutoff)
    place = torch.arange(-reach, reach + down, dtype=torch.float64)
    phase = torch.arange(up, dtype=torch.float64)[:, None] * down / up
    time = (place - phase) * cutoff
    window = torch.cos((time / WIDTH).clamp(-1, 1) * math.pi / 2).square()
    return (torch.sinc(time) * window * cutoff).float()[:, None], reach


def resample(
    wave: Float[Tensor, "channels samples"], rate: int, wanted: int
) -> Float[Tensor, "channels new_samples"]:
    """The recording at another rate, of `ceil(samples * wanted / rate)` samples.

    Source: band-limited interpolation, Smith 2002. The same polyphase form as
    `torchaudio.functional.resample`, which agrees with it below the cut-off; see the tests.
    """
    if rate == wanted:
        return wave
    shared = math.gcd(rate, wanted)
    down, up = rate // shared, wanted // shared
    kernel, reach = _kernel(up, down)
    samples = wave.shape[1]
    padded = functional.pad(wave[:, None], (reach, reach + down))
    phases = functional.conv1d(padded, kernel.to(wave), stride=down)
    size = math.ceil(samples * up / down)
    return phases.transpose(1, 2).reshape(wave.shape[0], -1)[:, :size]
