"""Killed at any moment and started again by the same command, a run ends bit for bit the same."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import processes
import pytest

STEPS = 30
# 14 steps an epoch: checkpoints, log lines and kills all fall within epochs; log lines and
# checkpoints do not fall together, so half-gathered metrics must be kept too.
TINY = (
    f"steps={STEPS} batch=96 checkpoint_every=5 keep=2 log_every=2 watch_every=13 watch_size=64 "
    "encoder.patch=2 encoder.width=32 encoder.depth=1 encoder.heads=2"
).split()
HEADS = {
    "simclr": ["objective.projector.widths=[32,16]"],
    "byol": ["objective.projector.widths=[32,16]", "objective.predictor.widths=[32,16]"],
    "moco": ["objective.projector.widths=[32,16]", "objective.queue=256"],
    "sogclr": ["objective.projector.widths=[32,16]"],
    "swav": [
        "objective.projector.trunk.widths=[32,16]",
        "objective.projector.prototypes=16",
        "objective.queue=64",
        "objective.queue_epochs=0",
        "views.image.local_count=1",
        "views.image.local_size=6",
    ],
    "deep-cluster": ["objective.projector.widths=[32,16]", "objective.clusters=[8,8]"],
    "e2mc": ["objective.projector.widths=[32,16]"],
    "g-simclr": ["objective.projector.widths=[32,16]"],
    "sit": ["objective.projector.widths=[32,16]", "objective.balance.kind=min-norm"],
    "bigan": ["objective.critic.widths=[32,16]", "objective.generator.widths=[32,16]"],
    "mae": ["objective.decoder.width=16", "objective.decoder.depth=1", "objective.decoder.heads=2"],
}
STAGES = {"e2mc": 2, "g-simclr": 2}
"""Of other methods one; each takes so many steps."""


def command(method: str, out: Path, *settings: str) -> list[str]:
    data = ["--data", "vision/digits", "--out", str(out), "--no-evaluate"]
    return ["pretrain", method, *data, *TINY, *HEADS[method], *settings]


def whole(arguments: list[str], out: Path, world: int = 1) -> None:
    log = out.with_suffix(".log")
    codes = processes.finish(processes.start(arguments, log, world))
    assert codes == [0] * world, log.read_text()


@pytest.mark.parametrize(
    ("method", "workers", "world", "kills"),
    [
        ("simclr", 0, 1, 3),
        ("byol", 2, 1, 3),
        ("mae", 0, 1, 3),
        ("byol", 0, 2, 3),
        ("moco", 0, 1, 2),
        ("sogclr", 0, 1, 2),
        ("swav", 0, 1, 2),
        ("deep-cluster", 0, 1, 2),
        ("e2mc", 0, 1, 3),
        ("g-simclr", 0, 1, 3),
        ("sit", 0, 1, 2),
        ("sit", 0, 2, 2),
        ("bigan", 0, 1, 2),
        ("bigan", 0, 2, 2),
    ],
)
def test_a_killed_run_ends_as_if_undisturbed(
    tmp_path: Path, method: str, workers: int, world: int, kills: int
) -> None:
    undisturbed, killed = tmp_path / "undisturbed", tmp_path / "killed"
    whole(command(method, undisturbed, "workers=0"), undisturbed, world)
    arguments = command(method, killed, f"workers={workers}")
    moments = random.Random(f"{method} {world}")
    last = STEPS * STAGES.get(method, 1)
    at = sorted(moments.sample(range(2, last - 8, 2), kills))
    for step in at:
        started = processes.start(arguments, tmp_path / "killed.log", world)
        processes.wait_for_step(started, killed, step)
        time.sleep(moments.uniform(0, 0.02))
        processes.kill(started)
    whole(arguments, killed, world)
    processes.assert_same_run(undisturbed, killed)


def test_a_run_killed_before_its_first_checkpoint_starts_anew(tmp_path: Path) -> None:
    undisturbed, killed = tmp_path / "undisturbed", tmp_path / "killed"
    whole(command("simclr", undisturbed), undisturbed)
    started = processes.start(command("simclr", killed), tmp_path / "killed.log")
    processes.wait_for_step(started, killed, 2)
    processes.kill(started)
    whole(command("simclr", killed), killed)
    processes.assert_same_run(undisturbed, killed)


def test_the_same_command_under_torchrun_resumes_exactly(tmp_path: Path) -> None:
    undisturbed, killed = tmp_path / "undisturbed", tmp_path / "killed"
    whole(command("simclr", undisturbed), undisturbed, 2)
    torchrun = ["torch.distributed.run", "--standalone", "--nproc-per-node", "2", "-m", "tacit"]
    launch = [sys.executable, "-m", *torchrun, *command("simclr", killed)]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    first = subprocess.Popen(
        launch, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    until = time.monotonic() + processes.PATIENCE
    while processes.last_step(killed) < 12 and time.monotonic() < until:
        time.sleep(0.001)
    for process in (first.pid, *processes.children(first.pid)):
        os.kill(process, signal.SIGKILL)
    assert first.wait() == -signal.SIGKILL
    done = subprocess.run(launch, env=environment, capture_output=True, text=True, timeout=200)
    assert done.returncode == 0, done.stderr
    assert "find_unused_parameters" not in done.stderr
    processes.assert_same_run(undisturbed, killed)
