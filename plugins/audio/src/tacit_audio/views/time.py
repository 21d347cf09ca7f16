"""What is done to a clip's time: excerpts, speed, holes."""

from __future__ import annotations

import torch
from jaxtyping import Float, Int
from torch import Generator, Tensor

from tacit_audio.sound import Sound
from tacit_audio.views.config import CropConfig
from tacit_audio.views.draws import uniform


def crop(
    sound: Sound, config: CropConfig, generator: Generator
) -> tuple[Sound, Int[Tensor, "batch 2"]]:
    """A random excerpt of each clip, and where it begins and ends in samples."""
    counts, whole = sound.counts, sound.wave.shape[2]
    draws = uniform(generator, (2, len(sound)))
    fixed = config.samples(sound)
    if fixed is not None:
        size, lengths = fixed, counts.clamp(max=fixed)
    else:
        least, most = config.share
        part = least + (most - least) * draws[0]
        size = max(1, int(most * whole))
        lengths = (counts * part).long().clamp(1, size)
    start = (draws[1] * (counts - lengths + 1)).long()
    # Nothing is read back: only shapes tell that every clip fills the view.
    even = fixed is not None or config.share[0] == config.share[1]
    full = sound.lengths is None and size <= whole and even
    wave = _taken(sound.wave, start, size)
    excerpt = Sound(wave=wave, rate=sound.rate, lengths=None if full else lengths)
    return excerpt, torch.stack([start, start + lengths], dim=1)


def _taken(
    wave: Float[Tensor, "batch channels samples"], start: Int[Tensor, " batch"], size: int
) -> Float[Tensor, "batch channels size"]:
    place = start[:, None] + torch.arange(size, device=start.device)
    place = place.clamp(max=wave.shape[2] - 1)
    return wave.gather(2, place[:, None].expand(-1, wave.shape[1], -1))


def change_speed(sound: Sound, least: float, most: float, generator: Generator) -> Sound:
    """Every clip played at a speed of its own, linearly interpolated; pitch moves with it.

    The axis grows to what the slowest speed could need.
    """
    factor = uniform(generator, (len(sound),), least, most)
    size = max(1, int(sound.wave.shape[2] / least))
    lengths = (sound.counts / factor).long().clamp(1, size)
    place = torch.arange(size, device=factor.device) * factor[:, None]
    last = (sound.counts - 1)[:, None]
    before = place.long().clamp(max=sound.wave.shape[2] - 1).minimum(last)
    after = (before + 1).minimum(last)
    share = (place - before).clamp(0, 1)[:, None]
    channels = sound.wave.shape[1]
    left, right = (
        sound.wave.gather(2, each[:, None].expand(-1, channels, -1)) for each in (before, after)
    )
    return Sound(wave=left + (right - left) * share, rate=sound.rate, lengths=lengths)


def punch(sound: Sound, holes: int, longest: float, generator: Generator) -> Sound:
    """Silence in up to `holes` places of each clip, each up to a share of it long."""
    draws = uniform(generator, (2, len(sound), holes))
    counts = sound.counts[:, None]
    lengths = draws[0] * longest * counts
    start = draws[1] * (counts - lengths)
    place = torch.arange(sound.wave.shape[2], device=draws.device)
    hidden = (place >= start[..., None]) & (place < (start + lengths)[..., None])
    wave = sound.wave * ~hidden.any(1)[:, None]
    return Sound(wave=wave, rate=sound.rate, lengths=sound.lengths)


def trimmed(sound: Sound, size: int) -> Sound:
    """The first `size` samples of the axis, padded to it if there are fewer."""
    if sound.wave.shape[2] < size:
        return sound.padded(size)
    lengths = None if sound.lengths is None else sound.lengths.clamp(max=size)
    return Sound(wave=sound.wave[..., :size], rate=sound.rate, lengths=lengths)
