"""Notes of made-up instruments: no network, no files."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal, TypeAlias

import torch
from jaxtyping import Float, Int
from torch import Generator, Tensor

from tacit_audio.data.memory import SoundsInMemory

Split: TypeAlias = Literal["train", "test", "all"]

RATE = 8_000
TIMBRES = ("plucked", "bowed", "blown", "hollow", "bell", "organ")
PITCHES = 24  # semitones upwards from LOWEST
LOWEST = 110.0
HARMONICS = 12
TRAIN, TEST = 1200, 300


@dataclass(frozen=True, kw_only=True)
class NotesConfig:
    """Which notes, and what is their label.

    Args:
        split: `train` (1200), `test` (300) or `all`.
        label: `timbre` (6 instruments) or `pitch` (12 pitch classes).
        seconds: length of a note.
        noise: level of the noise around every note, as a share of its own. Less of it makes both
            tasks easy for any features, and even for a random encoder: the default was chosen so
            that there is something to learn, so these notes show that a run works and are no
            evidence of how good a method is.

    Raises:
        ValueError: a length or a noise out of range.
    """

    split: Split = "train"
    label: Literal["timbre", "pitch"] = "timbre"
    seconds: float = 0.5
    noise: float = 1.0

    def __post_init__(self) -> None:
        if not 0.05 <= self.seconds <= 10:
            raise ValueError(f"seconds: wanted 0.05 to 10; got {self.seconds}")
        if self.noise < 0:
            raise ValueError(f"noise: wanted at least 0; got {self.noise}")


class Notes(SoundsInMemory):
    """Single notes of six made-up instruments over two octaves, one after another at random.

    What makes an instrument is its harmonics and how they begin and fade; loudness, phase,
    detuning, brightness, vibrato and noise are drawn for every note. The group of a note is its
    instrument and pitch together.
    """

    Config = NotesConfig

    @classmethod
    def splits(cls, _: NotesConfig) -> tuple[str, ...]:
        """See `tacit.data.Source.splits`."""
        return ("train", "test", "all")

    def __init__(self, config: NotesConfig) -> None:
        self.config = config
        wave, timbre, pitch = notes(TRAIN + TEST, config.seconds, config.noise)
        rows = {"train": slice(TRAIN), "test": slice(TRAIN, None), "all": slice(None)}[config.split]
        names = TIMBRES if config.label == "timbre" else tuple(map(str, range(12)))
        labels = timbre if config.label == "timbre" else pitch % 12
        super().__init__(
            wave[rows],
            RATE,
            labels=labels[rows],
            label_names=names,
            groups=(timbre * PITCHES + pitch)[rows],
        )


def notes(
    count: int, seconds: float, noise: float
) -> tuple[Float[Tensor, "count 1 samples"], Int[Tensor, " count"], Int[Tensor, " count"]]:
    """The first `count` notes of an endless row: waves, timbres, and pitches in semitones."""
    generator = Generator().manual_seed(0)
    timbre = torch.randint(len(TIMBRES), (count,), generator=generator)
    pitch = torch.randint(PITCHES, (count,), generator=generator)
    draws = torch.rand(6, count, 1, generator=generator)
    time = torch.arange(round(seconds * RATE)) / RATE
    detuned = (draws[0] - 0.5) / 60  # up to a tenth of a semitone either way
    frequency = LOWEST * 2 ** (pitch[:, None] / 12 + detuned)
    vibrato = 0.1 * draws[1] * torch.sin(2 * math.pi * (4 + 3 * draws[2]) * time)
    turns = frequency * time + vibrato + draws[3]
    tone = torch.zeros(count, len(time))
    for number in range(1, HARMONICS + 1):
        level = _level(timbre, number, 0.5 + draws[4]) * (number * frequency < 0.45 * RATE)
        fade = _envelope(timbre, number, time)
        tone += level * fade * torch.sin(2 * math.pi * number * turns)
    tone = tone / tone.square().mean(1, keepdim=True).sqrt()
    tone += noise * torch.randn(tone.shape, generator=generator)
    loud = 0.02 + 0.08 * draws[5]
    return (loud * tone)[:, None], timbre, pitch


def _level(
    timbre: Int[Tensor, " count"], number: int, brightness: Float[Tensor, "count 1"]
) -> Float[Tensor, "count 1"]:
    """How strong a harmonic is: each instrument has its own shape, each note its brightness."""
    n = float(number)
    odd = number % 2
    shapes = [
        1 / n,
        1 / n**0.7,
        math.exp(-((n - 3) ** 2) / 6),
        odd / n,
        1.0 if number in (1, 4, 7, 11) else 0.1,
        1.0 if number in (1, 2, 4, 8) else 0.05,
    ]
    return torch.tensor(shapes)[timbre, None] * n ** (0.5 - brightness)


def _envelope(
    timbre: Int[Tensor, " count"], number: int, time: Float[Tensor, " samples"]
) -> Float[Tensor, "count samples"]:
    """How a harmonic begins and fades: seconds of its rise, and its decay a second."""
    rise = torch.tensor([0.003, 0.08, 0.04, 0.03, 0.002, 0.01])[timbre, None]
    decay = torch.tensor([6.0, 0.3, 0.8, 0.8, 3.0, 0.0])[timbre, None]
    higher = torch.tensor([0.3, 0.0, 0.05, 0.0, 0.4, 0.0])[timbre, None]
    fading = torch.exp(-decay * (1 + higher * (number - 1)) * time)
    return (time / rise).clamp(max=1) * fading
