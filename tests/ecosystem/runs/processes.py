"""Training commands in processes that can be killed, forked from one that has imported torch."""

from __future__ import annotations

import csv
import multiprocessing
import os
import signal
import socket
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from multiprocessing.process import BaseProcess
from pathlib import Path

PATIENCE = 120.0  # seconds
_IMPORTED_ONCE = [
    "torch._dynamo",  # what the first optimiser imports
    "tacit.api.pretrain",
    "tacit.api.run",
    "tacit.cli.pretrain",
    "tacit_vision.data",
    "tacit_vision.encoders",
    "tacit_vision.views",
    "torch.utils.tensorboard",
]


def start(arguments: Sequence[str], log: Path, world: int = 1) -> list[BaseProcess]:
    """`tacit ARGUMENTS` in a session of its own, as torchrun would start it on `world` processes.

    Args:
        arguments: what follows `tacit`.
        log: where what they print goes; appended to.
        world: processes.
    """
    os.environ["OMP_NUM_THREADS"] = "1"  # for the process all others are forked from
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(_IMPORTED_ONCE)
    port = free_port()
    started: list[BaseProcess] = [
        context.Process(target=_run, args=(list(arguments), str(log), rank, world, port))
        for rank in range(world)
    ]
    for process in started:
        process.start()
    return started


def finish(processes: Sequence[BaseProcess]) -> list[int | None]:
    """Wait for the end; the exit statuses."""
    for process in processes:
        process.join(PATIENCE)
    return [process.exitcode for process in processes]


def kill(processes: Sequence[BaseProcess]) -> None:
    """SIGKILL, to the processes and the loader workers they started."""
    for process in processes:
        with suppress(ProcessLookupError):
            assert process.pid is not None
            os.killpg(process.pid, signal.SIGKILL)
    codes = finish(processes)
    assert codes == [-signal.SIGKILL] * len(codes), f"ended before they were killed: {codes}"


def wait_for_step(processes: Sequence[BaseProcess], out: Path, step: int) -> None:
    """Wait until the metrics of a step are written."""
    until = time.monotonic() + PATIENCE
    while last_step(out) < step:
        assert all(process.is_alive() for process in processes), "the run ended too early"
        assert time.monotonic() < until, f"step {step} was not reached"
        time.sleep(0.001)


def children(process: int) -> list[int]:
    """The processes a process has started, and theirs."""
    own = Path(f"/proc/{process}/task/{process}/children").read_text().split()
    return [each for child in map(int, own) for each in (child, *children(child))]


def last_step(out: Path) -> int:
    """The last step in the metrics; 0 if there is none yet."""
    with suppress(FileNotFoundError), (out / "metrics.csv").open(newline="") as file:
        rows = [row for row in csv.reader(file) if len(row) == 3 and row[0].isdigit()]
        return int(rows[-1][0]) if rows else 0
    return 0


def contents(folder: Path) -> dict[str, bytes]:
    """The bytes of every file below a folder, by relative path."""
    files = (path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): path.read_bytes() for path in files}


def assert_same_run(one: Path, other: Path) -> None:
    """Weights, optimisers, teachers, random states, metrics and data order, bit for bit."""
    for part in ("encoders", "checkpoints"):
        first, second = contents(one / part), contents(other / part)
        assert first, f"{part} is empty"
        assert sorted(first) == sorted(second)
        differing = [name for name in first if first[name] != second[name]]
        assert not differing, f"{part}: {differing}"
    metrics = (one / "metrics.csv").read_text()
    assert ",order," in metrics
    assert metrics == (other / "metrics.csv").read_text()


def _run(arguments: list[str], log: str, rank: int, world: int, port: int) -> None:
    os.setsid()
    multiprocessing.set_start_method("fork", force=True)  # for the loader's workers
    out = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    os.dup2(out, 1)
    os.dup2(out, 2)
    if world > 1:
        os.environ.update(
            RANK=str(rank),
            LOCAL_RANK=str(rank),
            WORLD_SIZE=str(world),
            MASTER_ADDR="127.0.0.1",
            MASTER_PORT=str(port),
        )
    import torch

    from tacit.cli import main

    torch.set_num_threads(1)
    sys.exit(main(arguments))


def free_port() -> int:
    """A port nothing listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
