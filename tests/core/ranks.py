"""Several processes at once that import torch once: how tests of distribution start theirs.

A test calls `answers_of` with the name of a worker module; that module's `__main__` does what all
processes share, and then calls `fork`.
"""

from __future__ import annotations

import json
import multiprocessing
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import torch.distributed as dist

ROOT = Path(__file__).parents[2]
PATIENCE = 560  # seconds: machines may be busy


def answers_of(worker: str, folder: Path, ranks: int) -> list[dict[str, Any]]:
    """What each process of a worker module wrote into its file."""
    command = [sys.executable, "-m", worker, str(folder)]
    done = subprocess.run(
        command, stderr=subprocess.PIPE, text=True, cwd=ROOT, timeout=PATIENCE, check=False
    )
    assert done.returncode == 0, done.stderr
    assert "Warning" not in done.stderr, done.stderr
    return [json.loads((folder / f"answer{rank}.json").read_text()) for rank in range(ranks)]


def fork(work: Callable[[int, Path], dict[Any, Any]], ranks: int) -> None:
    """In a worker: become several processes, each of which writes what `work` answers."""
    folder = Path(sys.argv[1])

    def run(rank: int) -> None:
        answer = work(rank, folder)
        (folder / f"answer{rank}.json").write_text(json.dumps(answer))

    context = multiprocessing.get_context("fork")
    processes = [context.Process(target=run, args=(rank,)) for rank in range(ranks)]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    sys.exit(int(any(process.exitcode for process in processes)))


@contextmanager
def together(folder: Path, rank: int, world: int) -> Iterator[None]:
    """In one of several processes: a process group of the first `world` of them."""
    dist.init_process_group(
        "gloo",
        init_method=f"file://{folder}/meet{world}",
        rank=rank,
        world_size=world,
        timeout=timedelta(seconds=200),
    )
    yield
    dist.destroy_process_group()
