"""The three sets of recordings of `audio.py`: their parts and what is held fixed on each."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import pandas as pd
import torch
from _setting import Setting, Subset
from torch import Tensor

from tacit.data import Source
from tacit.evaluation import Split, grouped_split
from tacit_audio.data import Notes, NotesConfig, Parquet, ParquetConfig

FRAMES, PATCHES, WAVES, CNN = "frames", "patches", "waveform", "convolutions"
ON = {
    "audio/audio-mae": (PATCHES,),
    "audio/ssast": (PATCHES,),
    "audio/beats": (PATCHES,),
    "audio/byol-a": (CNN,),
    "audio/clmr": (CNN,),
    "audio/tera": (FRAMES,),
    "audio/best-rq": (FRAMES,),
    "audio/data2vec": (WAVES,),
    "audio/hubert": (WAVES, FRAMES),
    "audio/wav2vec2": (WAVES,),
    "audio/mert": (WAVES,),
}
"""Method to its encoders: that of its paper in kind, and HuBERT also on frames of a spectrogram."""

_KERNELS = (3, 3, 3, 3, 2)  # after the first: a token every 20 ms


def _encoders(
    rate: int, mels: int, frames: int, patch: tuple[int, int], halvings: int, hop: float
) -> dict[str, dict[str, object]]:
    """Three transformers of 3 blocks of 96 features, by what their tokens are cut from; a CNN.

    An excerpt has about 50 tokens in the transformers, so that a step costs about as much.

    Clips are normalised as wholes: with every band normalised over time, as speech work has it,
    both random and trained encoders told fewer digits of a speaker held out of the training part.
    """
    blocks = {"width": 96, "depth": 3}
    spectrogram = {"name": "audio/spectrogram-transformer", "rate": rate, "mels": mels, **blocks}
    # The Base models' convolutions, whose one norm is cheap, but the first as coarse at 16 kHz as
    # at 8: with a norm after each, or finer, they cost more than the transformer.
    first = rate // 800
    waveform = {"filters": 32, "norm": "group", "kernels": (first, *_KERNELS, *[2] * halvings)}
    return {
        FRAMES: {**spectrogram, "frames": frames, "bands": mels},
        PATCHES: {**spectrogram, "frames": patch[0], "bands": patch[1]},
        CNN: {"name": "audio/cnn", "rate": rate, "mels": mels, "hop": hop, "width": 128},
        WAVES: {
            "name": "audio/wav2vec2",
            "rate": rate,
            **blocks,
            **waveform,
            "strides": (first // 2, *[2] * (len(_KERNELS) + halvings)),
        },
    }


def _setting(
    name: str,
    *,
    rate: int,
    mels: int,
    frames: int,
    patch: tuple[int, int],
    halvings: int,
    hop: float,
    seconds: float,
    part: float,
    note: str,
) -> Setting:
    """Views of masked prediction are of `seconds`, of two that are compared each of `part`.

    `frames` and `patch` cut spectrograms of 10 ms a frame into tokens, `halvings` are convolutions
    that make the waveform's tokens as long; `hop` is that of the CNN, whose tokens are 8 of it.
    """
    return Setting(
        name=name,
        modality="audio",
        encoders=_encoders(rate, mels, frames, patch, halvings, hop),
        views={
            "masked": {"seconds": seconds},
            "two-views": {"seconds": part},
            "mixed-views": {"seconds": part},
            "clean-and-mixed": {"seconds": seconds, "snippet": (seconds / 4, seconds / 2)},
        },
        steps=1000,
        batch=32,
        note=note,
    )


@dataclass(frozen=True)
class Recordings:
    """One set of recordings.

    Args:
        setting: what is held fixed on it.
        folder: below `--data`.
        tasks: task to the column of its labels.
        groups: columns; clips alike in all of them stay in one part.
        held_out: the group that a seed leaves out for the test, one after the other; else the
            files say which part is the test.
    """

    setting: Setting
    folder: str
    tasks: dict[str, str]
    groups: tuple[str, ...]
    held_out: bool

    @property
    def mels(self) -> int:
        """Bands of the spectrograms."""
        bands = self.setting.encoders[FRAMES]["mels"]
        assert isinstance(bands, int)
        return bands


SETS = {
    "philharmonia": Recordings(
        setting=_setting(
            "Philharmonia notes",
            rate=16_000,
            mels=64,
            frames=2,
            patch=(16, 8),
            halvings=0,
            hop=0.02,
            seconds=1.0,
            part=0.6,
            note="tested on notes of an instrument at pitches of which it has none in training",
        ),
        folder="music/philharmonia",
        tasks={"instrument": "instrument", "pitch": "pitch_class"},
        groups=("instrument", "midi"),
        held_out=False,
    ),
    "digits": Recordings(
        setting=_setting(
            "Free spoken digits",
            rate=8000,
            mels=40,
            frames=2,
            patch=(8, 8),
            halvings=0,
            hop=0.01,
            seconds=0.6,
            part=0.4,
            note="tested on the speaker whom the seed leaves out",
        ),
        folder="speech/fsdd",
        tasks={"digit": "label"},
        groups=("speaker",),
        held_out=True,
    ),
    "esc10": Recordings(
        setting=_setting(
            "ESC-10",
            rate=16_000,
            mels=64,
            frames=4,
            patch=(16, 16),
            halvings=1,
            hop=0.02,
            seconds=2.0,
            part=1.0,
            note="tested on the fold that the seed leaves out",
        ),
        folder="audio_env/esc10",
        tasks={"sound": "label"},
        groups=("fold",),
        held_out=True,
    ),
}

NOTES = Recordings(
    setting=replace(
        _setting(
            "made-up notes",
            rate=8000,
            mels=32,
            frames=2,
            patch=(8, 8),
            halvings=0,
            hop=0.01,
            seconds=0.3,
            part=0.3,
            note="only to see that it runs",
        ),
        batch=8,
    ),
    folder="",
    tasks={"instrument": "instrument"},
    groups=(),
    held_out=False,
)


@dataclass(frozen=True)
class Parts:
    """A set for one seed.

    Args:
        train: what methods are trained on, without its labels.
        test: what probes are measured on.
        labels: task to the labels of both.
        groups: of the clips of `train`.
    """

    train: Source
    test: Source
    labels: dict[str, tuple[Tensor, Tensor]]
    groups: Tensor

    def split(self) -> Split:
        """A fifth of the training clips held out, in whole groups: one speaker, one fold."""
        return grouped_split(self.groups, share=0.2, generator=torch.Generator().manual_seed(0))

    def inner(self) -> Parts:
        """The training part alone, the held out fifth as its test."""
        split = self.split()
        inside, outside = split.train, split.held_out
        return Parts(
            train=Subset(self.train, inside.tolist()),
            test=Subset(self.train, outside.tolist()),
            labels={
                task: (known[inside], known[outside]) for task, (known, _) in self.labels.items()
            },
            groups=self.groups[inside],
        )


def parts_of(recordings: Recordings, data: Path | None, seed: int) -> Parts:
    """Both parts of a set; `data` is `--data`, None for the embedded notes."""
    if data is None:
        return _embedded()
    folder = data / recordings.folder
    whole = Parquet(ParquetConfig(path=folder, split="all", cache="memory"))
    columns = list(dict.fromkeys([*recordings.tasks.values(), *recordings.groups]))
    files = sorted(folder.glob("*.parquet"))
    tables = [pd.read_parquet(file, columns=columns).assign(file=file.name) for file in files]
    known = pd.concat(tables, ignore_index=True)
    groups = torch.tensor(known.groupby(list(recordings.groups)).ngroup().tolist())
    if recordings.held_out:
        out = groups == seed % (int(groups.max()) + 1)
    else:
        out = torch.tensor(known["file"].str.startswith("test").tolist())
    labels = {
        task: torch.tensor(known[column].tolist()) for task, column in recordings.tasks.items()
    }
    return Parts(
        train=Subset(whole, (~out).nonzero().flatten().tolist()),
        test=Subset(whole, out.nonzero().flatten().tolist()),
        labels={task: (column[~out], column[out]) for task, column in labels.items()},
        groups=groups[~out],
    )


def _embedded() -> Parts:
    train, test = (Notes(NotesConfig(split=part)) for part in ("train", "test"))
    known = train.labels(), test.labels()
    assert known[0] is not None
    assert known[1] is not None
    return Parts(
        train=Subset(train, range(60)),
        test=Subset(test, range(40)),
        labels={"instrument": (known[0][:60], known[1][:40])},
        groups=torch.arange(60),
    )
