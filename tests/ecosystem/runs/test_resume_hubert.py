"""HuBERT from a folder of recordings: one command, both iterations, killed in each of them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import processes
import soundfile

import tacit

RATE, CLIPS, STEPS = 8000, 20, 8
COMMON = (
    f"steps={STEPS} batch=8 checkpoint_every=3 keep=2 log_every=1 watch_every=0 workers=0 "
    "encoder.width=16 encoder.depth=2 encoder.heads=2 "
).split()
OWN = [
    *("--encoder", "audio/wav2vec2", "encoder.filters=8"),
    *("encoder.kernels=[10,3,3,3]", "encoder.strides=[5,2,2,2]", "objective.target.codes=6"),
    *("objective.mask.length=2", "objective.decoder.width=8"),
]


def record(folder: Path) -> None:
    """Clips of different lengths and pitches, as files."""
    folder.mkdir()
    draw = np.random.default_rng(0)
    for number in range(CLIPS):
        time = np.arange(int((0.2 + 0.02 * number) * RATE)) / RATE
        wave = 0.3 * np.sin(2 * np.pi * (150 + 40 * number) * time * (1 + time))
        wave = wave + 0.02 * draw.standard_normal(len(time))
        soundfile.write(folder / f"{number:02}.wav", wave.astype(np.float32), RATE)


def command(folder: Path, out: Path) -> list[str]:
    where = ["--data", str(folder), "--out", str(out)]
    return ["pretrain", "audio/hubert", *where, "--no-evaluate", *OWN, *COMMON]


def test_from_a_folder_in_one_command_also_when_it_is_killed_in_either_stage(
    tmp_path: Path,
) -> None:
    recordings = tmp_path / "recordings"
    record(recordings)
    runs = {name: tmp_path / name for name in ("undisturbed", "killed")}
    whole, arguments = (command(recordings, out) for out in runs.values())
    log = tmp_path / "log"
    assert processes.finish(processes.start(whole, log)) == [0], log.read_text()
    for step in (4, STEPS + 3):
        started = processes.start(arguments, log)
        processes.wait_for_step(started, runs["killed"], step)
        processes.kill(started)
    assert processes.finish(processes.start(arguments, log)) == [0], log.read_text()
    processes.assert_same_run(*runs.values())
    run = tacit.load(runs["killed"])
    assert run.finished
    assert [stage.stage.name for stage in run.plan.stages] == ["sounds", "features"]
