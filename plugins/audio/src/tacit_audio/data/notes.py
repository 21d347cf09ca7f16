"""Notes of made-up instruments: no network, no files."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal, TypeAlias

import torch
from jaxtyping import Float, Int
from torch import Generator, Tensor

from tacit.contract import Spans
from tacit_audio.data.memory import SoundsInMemory

Split: TypeAlias = Literal["train", "test", "all"]

RATE = 8_000
TIMBRES = ("plucked", "bowed", "blown", "hollow", "bell", "organ")
PITCHES = 24  # semitones upwards from LOWEST
LOWEST = 110.0
HARMONICS = 12
TRAIN, TEST = 1200, 300
CLASSES = tuple(map(str, range(12)))  # of pitch: notes an octave apart are of one


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
        melody: notes of a clip, one after the other on one instrument; of several, pitch classes
            are labelled along the clip, for probes of tokens.

    Raises:
        ValueError: a length, a noise or a number of notes out of range, or one pitch to be named
            of clips of several.
    """

    split: Split = "train"
    label: Literal["timbre", "pitch"] = "timbre"
    seconds: float = 0.5
    noise: float = 1.0
    melody: int = 1

    def __post_init__(self) -> None:
        if not 0.05 <= self.seconds <= 10:
            raise ValueError(f"seconds: wanted 0.05 to 10; got {self.seconds}")
        if self.noise < 0:
            raise ValueError(f"noise: wanted at least 0; got {self.noise}")
        if not 1 <= self.melody <= 8:
            raise ValueError(f"melody: wanted 1 to 8 notes; got {self.melody}")
        if self.melody > 1 and self.label == "pitch":
            raise ValueError(
                f"label: clips of melody={self.melody} notes have no one pitch: wanted "
                "label=timbre; pitches are labelled along them"
            )


class Notes(SoundsInMemory):
    """Single notes of six made-up instruments over two octaves, one after another at random.

    What makes an instrument is its harmonics and how they begin and fade; loudness, phase,
    detuning, brightness, vibrato and noise are drawn for every note. The group of a note is its
    instrument and pitch together. Melodies have no groups, and pitch classes along them.
    """

    Config = NotesConfig

    @classmethod
    def splits(cls, _: NotesConfig) -> tuple[str, ...]:
        """See `tacit.data.Source.splits`."""
        return ("train", "test", "all")

    def __init__(self, config: NotesConfig) -> None:
        self.config = config
        count, melody = TRAIN + TEST, config.melody
        wave, timbre, pitch = notes(count, config.seconds, config.noise, melody)
        rows = {"train": slice(TRAIN), "test": slice(TRAIN, None), "all": slice(None)}[config.split]
        names = TIMBRES if config.label == "timbre" else CLASSES
        labels = timbre if config.label == "timbre" else pitch[:, 0] % 12
        groups = (timbre * PITCHES + pitch[:, 0])[rows] if melody == 1 else None
        super().__init__(
            wave[rows],
            RATE,
            labels=labels[rows],
            label_names=names,
            groups=groups,
            spans=None if melody == 1 else _spans(pitch[rows], wave.shape[2] // melody / RATE),
        )


def _spans(pitch: Int[Tensor, "clips notes"], seconds: float) -> Spans:
    """The pitch class of every note of every clip."""
    clips, melody = pitch.shape
    start = seconds * torch.arange(melody, dtype=torch.float64).repeat(clips)
    return Spans(
        instance=torch.arange(clips).repeat_interleave(melody),
        start=start,
        end=start + seconds,
        label=pitch.flatten() % 12,
        names=CLASSES,
    )


def notes(
    clips: int, seconds: float, noise: float, melody: int = 1
) -> tuple[Float[Tensor, "clips 1 samples"], Int[Tensor, " clips"], Int[Tensor, "clips melody"]]:
    """The first clips of an endless row: waves, timbres, and pitches in semitones.

    Args:
        clips: how many.
        seconds: of every note.
        noise: around every note, as a share of its own level.
        melody: notes of a clip.
    """
    generator, count = Generator().manual_seed(0), clips * melody
    played = torch.randint(len(TIMBRES), (clips,), generator=generator)
    timbre = played.repeat_interleave(melody)
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
    return (loud * tone).view(clips, 1, -1), played, pitch.view(clips, melody)


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
