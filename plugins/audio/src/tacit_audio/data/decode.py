"""Encoded clips: looked at, and decoded by libsndfile, which soundfile's wheels bring."""

from __future__ import annotations

import io
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple, TypeAlias, TypedDict

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from tacit_audio.data.whole import HEAD, missing
from tacit_audio.features.resample import resample

FloatArray: TypeAlias = np.ndarray[Any, np.dtype[np.float32]]
UNPACKED = frozenset({"WAV", "WAVEX", "AIFF", "AU"})
"""Formats of which libsndfile takes what is there for all there was."""


class Encoded(TypedDict):
    """A clip as Hugging Face's tables hold it: its file's content, its path, or both."""

    bytes: bytes | None
    path: str | None


class Header(NamedTuple):
    """What a file says of itself."""

    rate: int
    channels: int
    samples: int


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """What clips are brought to.

    Args:
        rate: samples a second; None: as they are.
        channels: 1 mixes down; None: as they are.
    """

    rate: int | None = None
    channels: int | None = None


def name(encoded: Encoded, row: int) -> str:
    """What to call a clip in messages."""
    return encoded["path"] or f"row {row}"


def _file(encoded: Encoded) -> Any:
    if encoded["bytes"] is not None:
        return io.BytesIO(encoded["bytes"])
    if encoded["path"] is None:
        raise ValueError("neither content nor path")
    if not Path(encoded["path"]).is_file():
        raise ValueError("no such file")
    return encoded["path"]


def look(encoded: Encoded) -> Header:
    """What the header says, without decoding.

    Raises:
        ValueError: no audio file, one without a sample, or one that has been cut off.
    """
    import soundfile

    file = _file(encoded)
    try:
        info = soundfile.info(file)
    except (soundfile.LibsndfileError, RuntimeError) as error:
        raise ValueError(f"no audio file that libsndfile can read: {_first_line(error)}") from error
    if info.frames == 0:
        raise ValueError("holds no samples")
    if info.format in UNPACKED and (lacking := _lacking(encoded)):
        raise ValueError(f"cut off: {lacking} bytes fewer than its header says")
    return Header(info.samplerate, info.channels, info.frames)


def _lacking(encoded: Encoded) -> int:
    if (content := encoded["bytes"]) is not None:
        return missing(content[:HEAD], len(content))
    assert encoded["path"] is not None, "it has been read"
    with open(encoded["path"], "rb") as file:
        return missing(file.read(HEAD), file.seek(0, io.SEEK_END))


def decode(
    encoded: Encoded, wanted: Wanted, start: int = 0, samples: int | None = None
) -> Float[Tensor, "channels samples"]:
    """The samples of a clip or of an excerpt, as floats.

    Args:
        encoded: the clip.
        wanted: what it is brought to.
        start: first sample, at the file's own rate.
        samples: how many of these; None: to the end.

    Raises:
        ValueError: not decodable, cut off, without samples, or with numbers that are not finite.
    """
    data, rate = _read(encoded, start, samples)
    return brought(torch.from_numpy(np.ascontiguousarray(data.T)), rate, wanted)


def decode_into(encoded: Encoded, place: Float[Tensor, "1 samples"]) -> None:
    """A whole clip of one channel, as it is, to where it is wanted: nothing is copied.

    Args:
        encoded: the clip.
        place: of as many samples as its header says, as floats on the CPU.

    Raises:
        ValueError: as `decode`.
    """
    _read(encoded, 0, place.shape[1], place.numpy().T)


def _read(
    encoded: Encoded, start: int, samples: int | None, out: FloatArray | None = None
) -> tuple[FloatArray, int]:
    """Samples, one row each, in `out` where it is given, and their rate."""
    import soundfile

    try:
        with soundfile.SoundFile(_file(encoded)) as file:
            if start:
                file.seek(start)
            count = len(file) - start if samples is None else samples
            data = file.read(count, dtype="float32", always_2d=True, out=out)
            rate = file.samplerate
    except (soundfile.LibsndfileError, RuntimeError) as error:
        raise ValueError(f"cannot be decoded: {_first_line(error)}") from error
    if len(data) < count:
        raise ValueError(f"cut off: its header says {count} samples; got {len(data)}")
    if not _finite(torch.from_numpy(data)):
        raise ValueError("holds samples that are no finite numbers")
    return data, rate


def brought(
    wave: Float[Tensor, "channels samples"], rate: int, wanted: Wanted
) -> Float[Tensor, "new_channels new_samples"]:
    """Mixed down and resampled, as far as wanted."""
    if wanted.channels == 1 and wave.shape[0] > 1:
        wave = wave.mean(0, keepdim=True)
    return wave if wanted.rate is None else resample(wave, rate, wanted.rate)


def _finite(wave: Tensor) -> bool:
    """A sum tells ten times faster than a look at every sample, unless it overflows."""
    return bool(wave.sum().isfinite()) or bool(wave.isfinite().all())


def _first_line(error: Exception) -> str:
    return str(error).strip().splitlines()[0]
