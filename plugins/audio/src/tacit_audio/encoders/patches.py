"""Spectrograms cut into patches, time first."""

from __future__ import annotations

from typing import NamedTuple

from jaxtyping import Bool, Float
from torch import Tensor
from torch.nn import functional

from tacit_audio.features.mel import Spectrogram


class Patches(NamedTuple):
    """The raw content of every patch.

    Attributes:
        values: patches go along time and, within one column of them, up the bands; numbers within
            a patch by channel, frame, band.
        valid: which patches belong to a clip; None where all do.
        grid: patches along time and along the bands.
    """

    values: Float[Tensor, "batch tokens content"]
    valid: Bool[Tensor, "batch tokens"] | None
    grid: tuple[int, int]


def cut(spectrogram: Spectrogram, frames: int, bands: int) -> Patches:
    """Patches of `frames` x `bands`; the last ones are filled up with zeros.

    A patch belongs to a clip if its first frame does, and frames beyond a clip are zeros in any
    case, so a clip is cut alike alone and padded.
    """
    values = spectrogram.values
    batch, channels, freq, time = values.shape
    values = functional.pad(values, (0, -time % frames))
    columns, rows = values.shape[3] // frames, freq // bands
    pieces = values.reshape(batch, channels, rows, bands, columns, frames)
    content = pieces.permute(0, 4, 2, 1, 5, 3).reshape(batch, columns * rows, -1)
    valid = spectrogram.valid
    if valid is not None:
        valid = valid[:, ::frames].repeat_interleave(rows, dim=1)
    return Patches(content, valid, (columns, rows))
