"""Recordings of a batch: samples side by side, padded where one is shorter."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from jaxtyping import Bool, Float, Int, Shaped
from torch import Tensor
from torch.nn import functional


@dataclass(frozen=True, kw_only=True, eq=False)
class Sound:
    """A batch of recordings of one sampling rate.

    Args:
        wave: samples, mostly in [-1, 1]; whatever lies beyond a recording's length means nothing.
        rate: samples a second.
        lengths: samples of each recording; None where all fill the whole axis, which whoever
            makes the value knows without asking the device.

    Raises:
        ValueError: a rate below 1, or another number of lengths than recordings.
    """

    wave: Float[Tensor, "batch channels samples"]
    rate: int
    lengths: Int[Tensor, " batch"] | None = None

    def __post_init__(self) -> None:
        if self.rate < 1:
            raise ValueError(f"rate: wanted at least 1 sample a second; got {self.rate}")
        if self.lengths is not None and len(self.lengths) != len(self.wave):
            raise ValueError(
                f"lengths: wanted one for each of {len(self.wave)} recordings; "
                f"got {len(self.lengths)}"
            )

    def __len__(self) -> int:
        return int(self.wave.shape[0])

    def __getitem__(self, rows: slice | Tensor) -> Sound:
        lengths = None if self.lengths is None else self.lengths[rows]
        return Sound(wave=self.wave[rows], rate=self.rate, lengths=lengths)

    def to(self, device: torch.device, non_blocking: bool = False) -> Sound:
        """The same on another device."""
        lengths = self.lengths
        return Sound(
            wave=self.wave.to(device, non_blocking=non_blocking),
            rate=self.rate,
            lengths=None if lengths is None else lengths.to(device, non_blocking=non_blocking),
        )

    def pin_memory(self) -> Sound:
        """The same in page-locked memory, from where it is copied to a device without waiting."""
        lengths = None if self.lengths is None else self.lengths.pin_memory()
        return replace(self, wave=self.wave.pin_memory(), lengths=lengths)

    @property
    def counts(self) -> Int[Tensor, " batch"]:
        """Samples of each recording, also where all are full."""
        if self.lengths is not None:
            return self.lengths
        full = self.wave.shape[2]
        return torch.full((len(self),), full, dtype=torch.int64, device=self.wave.device)

    def there(self) -> Bool[Tensor, "batch samples"] | None:
        """Which samples belong to a recording; None where all do."""
        return None if self.lengths is None else within(self.lengths, self.wave.shape[2])

    def silenced(self) -> Float[Tensor, "batch channels samples"]:
        """The samples, with zeros for padding, whatever it held."""
        there = self.there()
        return self.wave if there is None else self.wave.masked_fill(~there[:, None], 0.0)

    def padded(self, samples: int) -> Sound:
        """The same on an axis of at least so many samples."""
        more = samples - self.wave.shape[2]
        if more <= 0:
            return self
        return Sound(wave=functional.pad(self.wave, (0, more)), rate=self.rate, lengths=self.counts)


def within(lengths: Int[Tensor, " batch"], size: int) -> Bool[Tensor, "batch places"]:
    """Which of `size` places each length covers."""
    return torch.arange(size, device=lengths.device) < lengths[:, None]


def join(clips: Sequence[Float[Tensor, "channels _"]], rate: int) -> Sound:
    """Clips of any length as one value; lengths are left out where all are alike.

    Raises:
        ValueError: no clip, or clips of different numbers of channels.
    """
    if not clips:
        raise ValueError("audio: wanted at least one clip to put together; got none")
    channels = {int(clip.shape[0]) for clip in clips}
    if len(channels) > 1:
        raise ValueError(
            f"audio: channels of one batch differ: {sorted(channels)}: give the source channels=1"
        )
    sizes = [int(clip.shape[1]) for clip in clips]
    sound, places = room(clips[0], channels.pop(), sizes, rate)
    for place, clip in zip(places, clips, strict=True):
        place.copy_(clip)
    return sound


def room(
    like: Tensor, channels: int, sizes: Sequence[int], rate: int
) -> tuple[Sound, list[Float[Tensor, "channels _"]]]:
    """A value for clips that are yet to be written, and the place of each; padding is zero.

    Args:
        like: of which dtype and where.
        channels: of every clip.
        sizes: samples of each; lengths are left out where all are alike.
        rate: samples a second.
    """
    wave = like.new_empty(len(sizes), channels, max(sizes))
    places = []
    for row, size in zip(wave, sizes, strict=True):
        row[:, size:] = 0.0
        places.append(row[:, :size])
    lengths = None if len(set(sizes)) == 1 else torch.tensor(sizes)
    return Sound(wave=wave, rate=rate, lengths=lengths), places


def concatenated(sounds: Sequence[Sound]) -> Sound | None:
    """Values as one; None where rates or channels differ."""
    kinds = {(sound.rate, sound.wave.shape[1]) for sound in sounds}
    if len(kinds) > 1:
        return None
    longest = max(sound.wave.shape[2] for sound in sounds)
    padded = [sound.padded(longest) for sound in sounds]
    full = all(sound.lengths is None for sound in padded)
    lengths = None if full else torch.cat([sound.counts for sound in padded])
    return Sound(
        wave=torch.cat([sound.wave for sound in padded]), rate=sounds[0].rate, lengths=lengths
    )


def mean_there(
    values: Shaped[Tensor, "batch places *rest"], valid: Bool[Tensor, "batch places"] | None
) -> Shaped[Tensor, batch * rest]:
    """The mean over the places that are there; zeros where none is."""
    if valid is None:
        return values.mean(1)
    weight = valid.view(*valid.shape, *[1] * (values.ndim - 2)).to(values.dtype)
    return (values * weight).sum(1) / weight.sum(1).clamp(min=1)
