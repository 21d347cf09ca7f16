"""Batches from a source: here or in worker processes, the same ones either way."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing
from itertools import count, islice
from typing import Any, TypeAlias

import torch
from jaxtyping import Int
from torch import Tensor
from torch.utils.data import DataLoader

from tacit.contract import Batch
from tacit.data.chance import Draw, mixed_seed
from tacit.data.device import onto
from tacit.data.indices import Indices
from tacit.data.order import EpochOrder, slice_of
from tacit.data.source import GeneratedSource, Source
from tacit.data.worker import Answers, Failure, Make, Requests, Take, same

Order: TypeAlias = EpochOrder | Iterable[Int[Tensor, " batch"]]
"""A shuffle, or the global batches of one epoch, first to last."""

CPU = torch.device("cpu")
MOST_AUTO_WORKERS = 8


class Loader:
    """Reads a source; its worker processes, if any, live from the first pass until `close`.

    The batches do not depend on `workers`, `prefetch`, `pin` or `context`. One pass at a time:
    starting another ends the one before.

    Args:
        source: the data.
        device: where the batches are wanted.
        workers: processes that fetch; 0 fetches in this one, which is fastest for data in memory.
        prefetch: batches each worker fetches ahead.
        pin: on CUDA, copy through page-locked memory.
        context: how workers start: `fork`, `spawn` or `forkserver`; None: the platform's way.
    """

    def __init__(
        self,
        source: Source | GeneratedSource,
        *,
        device: torch.device = CPU,
        workers: int = 0,
        prefetch: int = 2,
        pin: bool = True,
        context: str | None = None,
    ) -> None:
        if workers < 0:
            raise ValueError(f"workers: wanted at least 0; got {workers}")
        if prefetch < 1:
            raise ValueError(f"prefetch: wanted at least 1; got {prefetch}")
        self.source = source
        self.device = device
        self.pin = pin
        self._requests = Requests()
        self._workers: DataLoader[Any] | None = None
        if workers:
            self._workers = DataLoader(
                Answers(source),
                batch_size=None,
                sampler=self._requests,
                collate_fn=same,
                num_workers=workers,
                prefetch_factor=prefetch,
                persistent_workers=True,
                multiprocessing_context=context,
                generator=torch.Generator(),  # else it would draw from the global one
            )

    def __enter__(self) -> Loader:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def close(self) -> None:
        """End the workers."""
        self._workers = None

    def batches(
        self,
        order: Order,
        *,
        epoch: int,
        start: int = 0,
        rank: int = 0,
        world: int = 1,
        seed: int | None = None,
    ) -> Iterator[Batch]:
        """One epoch of training; see `batches`."""
        if isinstance(order, EpochOrder):
            seed = order.seed if seed is None else seed
            parts = order.batches(epoch, start)
        else:
            parts = (part.to(CPU, torch.int64) for part in islice(iter(order), start, None))
        if seed is None:
            raise ValueError("batches: an order that is no EpochOrder has no seed: give seed=")
        draw = Draw(seed=seed, epoch=epoch)
        return self._run(Take(Indices(slice_of(part, rank, world)), draw) for part in parts)

    def sequential(
        self,
        batch: int,
        *,
        indices: Sequence[int] | None = None,
        rank: int = 0,
        world: int = 1,
    ) -> Iterator[Batch]:
        """Instances once each, in order; see `sequential`."""
        if batch < 1:
            raise ValueError(f"batch: wanted at least 1; got {batch}")
        assert isinstance(self.source, Source), "a pass needs data of a known size"
        wanted = range(len(self.source)) if indices is None else indices
        if self.source.whole:  # another batch would fetch the same value again
            batch = max(batch, len(wanted))
        first, end = (len(wanted) * part // world for part in (rank, rank + 1))
        starts = range(first, end, batch)
        return self._run(Take(list(wanted[at : min(at + batch, end)]), None) for at in starts)

    def generated(
        self, batch: int, *, seed: int, start: int = 0, rank: int = 0, world: int = 1
    ) -> Iterator[Batch]:
        """Batches of generated data, without end, from step `start` on.

        The batch of a step depends on (seed, step, rank): a resumed run goes on exactly; a run on
        another number of processes sees other instances.

        Raises:
            ValueError: the batch does not divide by the number of processes.
        """
        assert isinstance(self.source, GeneratedSource), "only generated data is endless"
        if batch % world:
            raise ValueError(f"batch: wanted a multiple of the {world} processes; got {batch}")
        size = batch // world
        return self._run(Make(step, size, mixed_seed(seed, step, rank)) for step in count(start))

    def _run(self, requests: Iterator[Any]) -> Iterator[Batch]:
        if self._workers is None:
            fetched: Iterator[Batch] = (request(self.source) for request in requests)
        else:
            fetched = self._answered(self._workers, requests)
        # Sources answer in CPU memory.
        return fetched if self.device == CPU else onto(fetched, self.device, pin=self.pin)

    def _answered(self, workers: DataLoader[Any], requests: Iterator[Any]) -> Iterator[Batch]:
        self._requests.pending = requests
        for answer in workers:
            if isinstance(answer, Failure):
                raise ValueError(answer.message)
            yield answer


def batches(
    source: Source,
    order: Order,
    *,
    epoch: int,
    start: int = 0,
    rank: int = 0,
    world: int = 1,
    seed: int | None = None,
    device: torch.device = CPU,
    workers: int = 0,
    prefetch: int = 2,
    pin: bool = True,
) -> Iterator[Batch]:
    """One process's part of each global batch of one epoch of training.

    Args:
        source: the data.
        order: a shuffle, or the global batches of this epoch.
        epoch: counted from 0.
        start: batches of the epoch that are done already: reading goes on exactly after them.
        rank: this process.
        world: number of processes; the global batches do not depend on it.
        seed: for sources that draw while reading; None: that of the `EpochOrder`.
        device: where the batches are wanted.
        workers: processes that fetch, for this pass alone: `Loader` keeps them over many.
        prefetch: batches each worker fetches ahead.
        pin: on CUDA, copy through page-locked memory.

    Raises:
        ValueError: an instance cannot be read, or the batch does not divide by `world`.
    """
    with closing(
        Loader(source, device=device, workers=workers, prefetch=prefetch, pin=pin)
    ) as loader:
        yield from loader.batches(
            order, epoch=epoch, start=start, rank=rank, world=world, seed=seed
        )


def sequential(
    source: Source,
    batch: int,
    *,
    indices: Sequence[int] | None = None,
    rank: int = 0,
    world: int = 1,
    device: torch.device = CPU,
    workers: int = 0,
    prefetch: int = 2,
    pin: bool = True,
) -> Iterator[Batch]:
    """Instances once each, in order and without randomness: for evaluation and dataset passes.

    Args:
        source: the data.
        batch: most instances of one batch, of one process; the last may be smaller.
        indices: the instances wanted; None: all.
        rank: this process; reads the rank-th contiguous part.
        world: number of processes; their parts differ by at most one instance.
        device: where the batches are wanted.
        workers: processes that fetch.
        prefetch: batches each worker fetches ahead.
        pin: on CUDA, copy through page-locked memory.
    """
    with closing(
        Loader(source, device=device, workers=workers, prefetch=prefetch, pin=pin)
    ) as loader:
        yield from loader.sequential(batch, indices=indices, rank=rank, world=world)


def auto_workers(source: Source | GeneratedSource, world: int = 1) -> int:
    """How many workers suit a source here: none for data in memory, else this process's cores.

    Args:
        source: the data.
        world: processes that share this machine's cores.
    """
    if isinstance(source, GeneratedSource) or not source.decodes:
        return 0
    cores = (
        len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    )
    return max(1, min(MOST_AUTO_WORKERS, cores // world))
