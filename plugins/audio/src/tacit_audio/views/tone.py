"""What is done to a clip's sound: equaliser, frequency masks, rooms, noise, level, mixing."""

from __future__ import annotations

import math

import torch
from jaxtyping import Float
from torch import Generator, Tensor

from tacit_audio.features.mel import to_mel
from tacit_audio.sound import Sound
from tacit_audio.views.config import ChangeConfig
from tacit_audio.views.draws import chance, normal, uniform

TAPS = 256  # of the equaliser: 16 ms at 16 kHz, resolving 62 Hz
KNOTS = 9
MASKED = -60.0  # dB in a masked band
SIXTY_DB = math.log(1000.0)  # how far a room's tail falls in its reverberation time


def convolve(
    wave: Float[Tensor, "batch channels samples"], filters: Float[Tensor, "batch taps"], lead: int
) -> Float[Tensor, "batch channels samples"]:
    """Each clip with a filter of its own, whose centre lies at tap `lead`.

    Linear, whatever the length: padding at the end changes nothing before it.
    """
    samples = wave.shape[2]
    size = 2 ** math.ceil(math.log2(samples + filters.shape[1]))
    spectrum = torch.fft.rfft(wave, size) * torch.fft.rfft(filters, size)[:, None]
    whole: Tensor = torch.fft.irfft(spectrum, size)
    return whole[..., lead : lead + samples]


def equalise(sound: Sound, config: ChangeConfig, generator: Generator) -> Sound:
    """A random equaliser with masked bands, as one filter without delay."""
    batch, device = len(sound), generator.device
    hertz = torch.linspace(0, sound.rate / 2, TAPS // 2 + 1, device=device)
    mel = to_mel(hertz)
    pitch = mel / mel[-1]
    level = _curve(normal(generator, (batch, KNOTS)) * config.equalise, pitch)
    level = level * chance(generator, batch, config.equalise_probability)[:, None]
    if config.bands:
        draws = uniform(generator, (2, batch, config.bands, 1))
        width = draws[0] * config.band
        start = draws[1] * (1 - width)
        masked = ((pitch >= start) & (pitch < start + width)).any(1)
        level = level.masked_fill(masked, MASKED)
    response = torch.fft.irfft(10 ** (level / 20), TAPS).roll(TAPS // 2, 1)
    filters = response * torch.hann_window(TAPS, periodic=True, device=device)
    return _with(sound, convolve(sound.silenced(), filters, TAPS // 2))


def _curve(
    knots: Float[Tensor, "batch knots"], pitch: Float[Tensor, " bins"]
) -> Float[Tensor, "batch bins"]:
    """Straight lines between knots evenly spaced over [0, 1]."""
    place = pitch * (knots.shape[1] - 1)
    left = place.long().clamp(max=knots.shape[1] - 2)
    share = place - left
    return knots[:, left] * (1 - share) + knots[:, left + 1] * share


def reverberate(sound: Sound, config: ChangeConfig, generator: Generator) -> Sound:
    """A random room: decaying noise behind the sound itself, a tenth to half of its level."""
    batch = len(sound)
    taps = max(2, int(config.reverb[1] * sound.rate))
    seconds = torch.arange(taps, device=generator.device) / sound.rate
    decay = uniform(generator, (batch, 1), *config.reverb)
    tail = normal(generator, (batch, taps)) * torch.exp(-SIXTY_DB * seconds / decay)
    wet = uniform(generator, (batch, 1), 0.1, 0.5)
    wet = wet * chance(generator, batch, config.reverb_probability)[:, None]
    room = wet * tail / tail.square().sum(1, keepdim=True).sqrt()
    room = torch.cat([torch.ones_like(room[:, :1]), room[:, 1:]], dim=1)
    return _with(sound, convolve(sound.silenced(), room, 0))


def add_noise(sound: Sound, config: ChangeConfig, generator: Generator) -> Sound:
    """White noise at a level of its own below each clip's; to silence nothing is added."""
    batch = len(sound)
    below = uniform(generator, (batch,), *config.noise)
    heard = chance(generator, batch, config.noise_probability)
    level = loudness(sound) * 10 ** (-below / 20) * heard
    white = normal(generator, tuple(sound.wave.shape))
    return _with(sound, sound.wave + level[:, None, None] * white)


def change_level(sound: Sound, config: ChangeConfig, generator: Generator) -> Sound:
    """Each clip louder or softer, and some upside down."""
    batch = len(sound)
    factor = 10 ** (uniform(generator, (batch,), *config.gain) / 20)
    flipped = chance(generator, batch, config.flip_probability)
    factor = torch.where(flipped, -factor, factor)
    return _with(sound, sound.wave * factor[:, None, None])


def mix(sound: Sound, most: float, generator: Generator) -> tuple[Sound, Float[Tensor, " batch"]]:
    """Another clip of the batch under each, at up to a share of the power; and that share.

    Source: BYOL-A (arXiv:2103.06695), section III-B.1: powers are added in the ratio 1 - a to a,
    with a uniform in [0, ratio]. Differs: waveforms are added, and the donor is another clip of
    the batch in place of a memory of earlier ones.
    """
    share = uniform(generator, (len(sound),), 0.0, most)
    donor = Sound(
        wave=sound.wave.roll(1, 0),
        rate=sound.rate,
        lengths=None if sound.lengths is None else sound.lengths.roll(1, 0),
    )
    own, other = loudness(sound), loudness(donor)
    level = own * (share / (1 - share)).sqrt() / other.clamp(min=1e-8)
    level = level * (other > 0)
    return _with(sound, sound.wave + level[:, None, None] * donor.silenced()), share


def loudness(sound: Sound) -> Float[Tensor, " batch"]:
    """Root of the mean square of each clip, padding left out."""
    wave = sound.silenced()
    power = wave.square().sum((1, 2)) / (sound.counts * wave.shape[1])
    return power.sqrt()


def _with(sound: Sound, wave: Tensor) -> Sound:
    """The changed wave, silent where the clip has ended."""
    changed = Sound(wave=wave, rate=sound.rate, lengths=sound.lengths)
    return Sound(wave=changed.silenced(), rate=sound.rate, lengths=sound.lengths)
