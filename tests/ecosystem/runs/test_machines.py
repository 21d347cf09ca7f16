"""Two machines train as two processes of one: the command of the how-to, started on each."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import processes
import pytest
from tests.ecosystem.blocks import blocks
from tests.ecosystem.house import ROOT

PAGE = ROOT / "docs" / "how-to" / "resume-and-many-processes.md"
TINY = [
    "steps=6",
    "batch=48",
    "checkpoint_every=6",
    "watch_every=0",
    "workers=0",
    "encoder.patch=2",
    "encoder.width=32",
    "encoder.depth=1",
    "encoder.heads=2",
    "objective.projector.widths=[32,16]",
]


def as_the_page_says() -> list[str]:
    """The words of the command for several machines."""
    (block,) = [each for each in blocks(PAGE) if "--nnodes" in each.body]
    return shlex.split(block.body.replace("\\\n", " "))


def on_this_machine(words: Sequence[str], rendezvous: str, out: Path) -> list[str]:
    """The same command for two machines of one process each, which are both this one."""
    mine = {
        "--nnodes": "2",
        "--nproc-per-node": "1",
        "--rdzv-endpoint": rendezvous,
        "--data": "vision/digits",
        "--out": str(out),
    }
    changed = [mine.get(before, word) for before, word in zip(["", *words], words, strict=False)]
    assert changed[0] == "torchrun"
    launch = [sys.executable, "-m", "torch.distributed.run", *changed[1:]]
    return [*(word for word in launch if "=" not in word), "--no-evaluate", *TINY]


@pytest.mark.slow
def test_two_machines_train_as_two_processes_of_one_do(tmp_path: Path) -> None:
    one, two, log = tmp_path / "one", tmp_path / "two", tmp_path / "log"
    data = ["--data", "vision/digits", "--no-evaluate", "--out", str(one)]
    assert processes.finish(processes.start(["pretrain", "simclr", *data, *TINY], log, 2)) == [0, 0]
    command = on_this_machine(as_the_page_says(), f"localhost:{processes.free_port()}", two)
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    with log.open("a") as told:
        machines = [
            subprocess.Popen(command, stdout=told, stderr=told, env=environment) for _ in range(2)
        ]
        assert [each.wait(2 * processes.PATIENCE) for each in machines] == [0, 0], log.read_text()
    processes.assert_same_run(one, two)
