"""Audio as a modality: how clips are put together, what raw features they have, what fits."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Float, Int
from torch import Tensor

from tacit.contract import Modality, Places
from tacit_audio.features import statistics
from tacit_audio.features.frames import plain_frames
from tacit_audio.sound import Sound, concatenated, join


@dataclass(frozen=True, kw_only=True)
class Frames:
    """When the tokens of an encoder are, in samples of the clip.

    Args:
        hop: from one time to the next.
        middle: the middle of the first.
        rows: tokens of each time, one after the other: bands of a spectrogram.
    """

    hop: int
    middle: int
    rows: int = 1


@dataclass(frozen=True, kw_only=True)
class Preprocessing:
    """What an audio encoder takes.

    Args:
        rate: samples a second.
        channels: 1 for mono.
        shortest: samples below which it makes no token, its receptive field.
        frames: when its tokens are, where they are one after the other; None where they are not.

    Raises:
        ValueError: a number below 1.
    """

    rate: int
    channels: int = 1
    shortest: int = 1
    frames: Frames | None = None

    def __post_init__(self) -> None:
        for name in ("rate", "channels", "shortest"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name}: wanted at least 1; got {getattr(self, name)}")

    def check(self, value: Sound) -> None:
        """Refuse recordings of another rate, other channels, or with no room for a token.

        Where lengths lie on an accelerator, the last fails inside the device queue.

        Raises:
            ValueError: wanted and got, and which setting mends it.
        """
        channels, samples = value.wave.shape[1:]
        if value.rate != self.rate:
            raise ValueError(
                f"audio: the encoder takes {self.rate} Hz; got {value.rate} Hz: give the source "
                f"rate={self.rate} to resample, or the encoder rate={value.rate}"
            )
        if channels != self.channels:
            raise ValueError(
                f"audio: the encoder takes {self.channels} channels; got {channels}: give the "
                f"source channels=1 to mix them down, or the encoder channels={channels}"
            )
        self._check_room(samples, value.lengths)

    def _check_room(self, samples: int, lengths: Int[Tensor, " batch"] | None) -> None:
        if self.shortest == 1 or (lengths is None and samples >= self.shortest):
            return
        short = [0]
        if lengths is not None and samples >= self.shortest:
            if lengths.device.type != "cpu":
                torch._assert_async((lengths >= self.shortest).all(), "a clip is too short")
                return
            short = (lengths < self.shortest).nonzero().flatten().tolist()
        if short:
            got = samples if lengths is None else int(lengths[short[0]])
            raise ValueError(
                f"audio: the encoder needs at least {self.shortest} samples; got {got} in clip "
                f"{short[0]} of the batch: give the source shortest="
                f'{self.shortest / self.rate:g} with on_error="skip", or pad clips'
            )


class Audio(Modality):
    """Recordings as `tacit_audio.sound.Sound`."""

    name = "audio"
    default_encoder = "audio/spectrogram-transformer"
    mixes = True

    def collate(self, samples: Sequence[Any]) -> Sound:
        """Values of one clip or more as one.

        Raises:
            ValueError: none, no `Sound`, or values that differ in rate or channels.
        """
        if not samples:
            raise ValueError("audio: wanted at least one clip to collate; got none")
        for position, sample in enumerate(samples):
            if not isinstance(sample, Sound):
                raise ValueError(
                    f"audio: wanted Sound values; got {type(sample).__name__} at {position}: "
                    "tacit_audio.sound.join makes one of tensors (channels, samples)"
                )
        whole = concatenated(samples)
        if whole is None:
            rates = sorted({(sample.rate, sample.wave.shape[1]) for sample in samples})
            raise ValueError(
                f"audio: clips of one batch differ in (rate, channels): {rates}: give the source "
                "rate= to resample them, channels=1 to mix them down"
            )
        return whole

    def size(self, value: Any) -> int:
        """Clips of a value."""
        return len(value)

    def concatenate(self, values: Sequence[Any]) -> Any | None:
        """Values as one, shorter ones padded; None where rates or channels differ."""
        return concatenated(values)

    def mix(
        self, value: Any, other: Any, *, order: Int[Tensor, " clips"], share: Float[Tensor, ""]
    ) -> Sound:
        """Both heard at once, as loud as their shares; as long as the longer of the two.

        Raises:
            ValueError: recordings that differ in rate or channels.
        """
        kinds = [(each.rate, int(each.wave.shape[1])) for each in (value, other)]
        if kinds[0] != kinds[1]:
            raise ValueError(f"audio: wanted views of one (rate, channels) to mix; got {kinds}")
        longest = max(value.wave.shape[2], other.wave.shape[2])
        first, second = value.padded(longest), other.padded(longest)[order]
        wave = torch.lerp(second.silenced(), first.silenced(), share.to(first.wave.dtype))
        full = first.lengths is None and second.lengths is None
        lengths = None if full else torch.maximum(first.counts, second.counts)
        return Sound(wave=wave, rate=value.rate, lengths=lengths)

    def raw_features(self, value: Any) -> Float[Tensor, "instances features"]:
        """Mean and deviation of 20 MFCCs over a clip: what any pretraining must beat."""
        return statistics(value)

    def places(self, preprocessing: object | None, value: Any, tokens: int) -> Places:
        """Seconds from the start of a clip to the middle of each of its frames.

        Bands of one time are one place.

        Raises:
            ValueError: an encoder whose tokens are not one after the other in time.
        """
        frames = _frames(preprocessing)
        number = torch.arange(tokens // frames.rows, device=value.wave.device)
        middle = (frames.middle + frames.hop * number).double() / value.rate
        return Places(middle=middle, each=frames.rows)

    def raw_places(
        self, preprocessing: object | None, value: Any, tokens: int
    ) -> Float[Tensor, "instances places features"]:
        """40 log-mel values of each frame with their first and second differences.

        Raises:
            ValueError: as `places`.
        """
        frames = _frames(preprocessing)
        return plain_frames(value, frames.hop, frames.middle, tokens // frames.rows)

    def suggest(self, value: Any) -> Mapping[str, object]:
        """The sampling rate and the number of channels."""
        return {"rate": value.rate, "channels": int(value.wave.shape[1])}

    def fit(self, preprocessing: object | None, value: Any) -> None:
        """Refuse recordings the encoder is not made for; see `Preprocessing.check`.

        Raises:
            ValueError: wanted and got, and which setting mends it.
        """
        if preprocessing is None:
            return
        if not isinstance(preprocessing, Preprocessing):
            raise ValueError(
                "audio: wanted an encoder with tacit_audio.modality.Preprocessing; "
                f"got {type(preprocessing).__name__}"
            )
        preprocessing.check(value)


def _frames(preprocessing: object | None) -> Frames:
    if not isinstance(preprocessing, Preprocessing) or preprocessing.frames is None:
        raise ValueError(
            "audio: labels along clips want an encoder that says when its tokens are "
            "(Preprocessing.frames), as audio/spectrogram-transformer, audio/wav2vec2 and "
            "audio/cnn do; got one that does not: leave out probes of tokens"
        )
    return preprocessing.frames


__all__ = ["Audio", "Frames", "Preprocessing", "Sound", "join"]
