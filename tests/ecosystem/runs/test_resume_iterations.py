"""HuBERT and BEATs from a folder of recordings: one command, all iterations, also when killed."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import processes
import pytest
import soundfile

import tacit

RATE, CLIPS, STEPS = 8000, 20, 8
COMMON = (
    f"steps={STEPS} batch=8 checkpoint_every=3 keep=2 log_every=1 watch_every=0 workers=0 "
    "encoder.width=16 encoder.depth=2 encoder.heads=2 "
).split()
METHODS = {
    "audio/hubert": [
        *("--encoder", "audio/wav2vec2", "encoder.filters=8"),
        *("encoder.kernels=[10,3,3,3]", "encoder.strides=[5,2,2,2]", "objective.target.codes=6"),
        *("objective.mask.length=2", "objective.decoder.width=8"),
    ],
    "audio/beats": [
        *("--encoder", "audio/spectrogram-transformer", "objective.decoder.width=16"),
        *("objective.decoder.depth=1", "objective.decoder.heads=2"),
    ],
}


def record(folder: Path) -> None:
    """Clips of different lengths and pitches, as files."""
    folder.mkdir()
    draw = np.random.default_rng(0)
    for number in range(CLIPS):
        time = np.arange(int((0.2 + 0.02 * number) * RATE)) / RATE
        wave = 0.3 * np.sin(2 * np.pi * (150 + 40 * number) * time * (1 + time))
        wave = wave + 0.02 * draw.standard_normal(len(time))
        soundfile.write(folder / f"{number:02}.wav", wave.astype(np.float32), RATE)


def command(method: str, folder: Path, out: Path) -> list[str]:
    where = ["--data", str(folder), "--out", str(out)]
    return ["pretrain", method, *where, "--no-evaluate", *METHODS[method], *COMMON]


@pytest.mark.parametrize(
    ("method", "kills", "stages"),
    [
        ("audio/hubert", (4, STEPS + 3), ["sounds", "features"]),
        ("audio/beats", (2 * STEPS + 2,), ["random", "tokenizer", "learnt"]),
    ],
)
def test_from_a_folder_in_one_command_also_when_it_is_killed(
    tmp_path: Path, method: str, kills: tuple[int, ...], stages: list[str]
) -> None:
    recordings = tmp_path / "recordings"
    record(recordings)
    runs = {name: tmp_path / name for name in ("undisturbed", "killed")}
    whole, arguments = (command(method, recordings, out) for out in runs.values())
    log = tmp_path / "log"
    assert processes.finish(processes.start(whole, log)) == [0], log.read_text()
    for step in kills:
        started = processes.start(arguments, log)
        processes.wait_for_step(started, runs["killed"], step)
        processes.kill(started)
    assert processes.finish(processes.start(arguments, log)) == [0], log.read_text()
    processes.assert_same_run(*runs.values())
    run = tacit.load(runs["killed"])
    assert run.finished
    assert [stage.stage.name for stage in run.plan.stages] == stages
