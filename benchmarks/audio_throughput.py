"""Hours of audio an hour: decoding with features beside torchaudio, and a step of every method.

    python benchmarks/audio_throughput.py [--clips 64] [--rounds 5] [--steps 4] [--methods ...]

Decoding: FLAC files of 2 to 6 s at 16 kHz to log-mel spectrograms of 64 bands. Ours reads them as a
source does in training, checks included, and makes the spectrograms of a batch of clips of like
length at once (`training.bucket`); the plain path reads one file after the other and gives each to
torchaudio's `MelSpectrogram`. Both decode with libsndfile: torchaudio 2.11 itself decodes through
torchcodec alone, which needs FFmpeg.

Training: batches of 16 clips of 1 s at 16 kHz in memory, views included (two of 0.6 s where methods
compare them), on the encoder each has in `audio.py`; of methods of several stages the first. A
step is what twice as many take longer, so that what is made before the first, clusters too, is not
counted.

Times are CPU times: hours of audio for each hour of one core.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import soundfile
import torch
from _audio_sets import ON, SETS
from _measure import compare, write
from _training import Parts as Training
from _training import cpu_seconds

from tacit.api.choice import Given
from tacit.api.resolve import resolve_run
from tacit.methods import Method
from tacit.plugin import load_plugins
from tacit_audio.data import Folder, FolderConfig
from tacit_audio.data.memory import SoundsInMemory
from tacit_audio.features import LogMel, LogMelConfig

RATE = 16_000
BANDS = LogMelConfig(rate=RATE, mels=64, normalise="none")
SETTING = replace(SETS["philharmonia"].setting, batch=16)
Row = dict[str, object]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--clips", type=int, default=64)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--steps", type=int, default=4)
    parser.add_argument("--methods", nargs="*", default=list(ON), choices=list(ON))
    args = parser.parse_args()
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as folder:
        decoding = decoded(Path(folder), args.clips, args.rounds)
    training = {name: trained(name, args.steps) for name in args.methods}
    about = "Hours of audio for each CPU hour of one core"
    parts = {"decoding and features": {"cases": decoding}, "training": {"cases": training}}
    for part in parts.values():
        for name, row in part["cases"].items():
            print(f"{name:<28}", *row.values())
    print(write("audio_throughput", {"about": about, **parts}))


def decoded(folder: Path, clips: int, rounds: int) -> dict[str, Row]:
    """Files to spectrograms, both ways."""
    hours = recorded(folder, clips) / 3600
    cases: dict[str, Callable[[], None]] = {"tacit, batches of 16": lambda: ours(folder, clips)}
    if plain := torchaudios(folder):
        cases["torchaudio, file by file"] = plain
    seconds = compare(cases, rounds)
    reference = seconds.get("torchaudio, file by file")
    return {
        name: {"hours an hour": round(hours / (taken / 3600))}
        | ({"times torchaudio": round(reference / taken, 2)} if reference else {})
        for name, taken in seconds.items()
    }


def recorded(folder: Path, clips: int) -> float:
    """Writes files of noise; their seconds."""
    draw = np.random.default_rng(0)
    lengths = draw.uniform(2.0, 6.0, clips)
    for number, seconds in enumerate(lengths):
        wave = 0.1 * draw.standard_normal(int(seconds * RATE))
        soundfile.write(folder / f"{number:04}.flac", wave.astype(np.float32), RATE)
    return float(lengths.sum())


def ours(folder: Path, clips: int) -> None:
    """Opened, looked through, decoded and transformed."""
    source = Folder(FolderConfig(path=folder, cache="off"))
    spectrogram = LogMel(BANDS)
    assert len(source) == clips
    for rows in source.lengths().argsort().split(16):
        spectrogram(source.fetch(rows.tolist()).values["audio"])


def torchaudios(folder: Path) -> Callable[[], None] | None:
    """The same in a loop over the files; None where torchaudio cannot be imported."""
    try:
        from torchaudio.transforms import MelSpectrogram
    except (ImportError, RuntimeError, OSError):  # beside another torch it raises its own
        return None

    def loop() -> None:
        transform = MelSpectrogram(
            sample_rate=RATE, n_fft=512, win_length=400, hop_length=160, n_mels=BANDS.mels
        )
        for file in sorted(folder.iterdir()):
            wave, _ = soundfile.read(file, dtype="float32", always_2d=True)
            (transform(torch.from_numpy(wave.T)) + 1e-6).log()

    return loop


def trained(name: str, steps: int) -> Row:
    """A step of a method's first stage."""
    draw = torch.Generator().manual_seed(0)
    source = SoundsInMemory(0.1 * torch.randn(64, 1, RATE, generator=draw), RATE)
    method: Method = load_plugins().find("methods", name).load()()
    tree = {**SETTING.tree(method, ON[name][0]), "method": name, "data": {"name": "python:noise"}}
    plan = resolve_run(tree, where="the setting", given=Given(source=source))

    def spent(steps: int) -> float:
        stage = plan.stages[0]
        parts = Training(
            encoder=plan.build_encoders()["audio"],
            views=stage.augmentations()["audio"],
            modality=plan.modalities["audio"],
            source=source,
        )
        return cpu_seconds(stage.stage, parts, steps=steps, batch=SETTING.batch)

    step = max(spent(2 * steps) - spent(steps), 1e-6) / steps
    return {
        "encoder": ON[name][0],
        "ms a step": round(1000 * step),
        "hours an hour": round(SETTING.batch / step),
    }


if __name__ == "__main__":
    main()
