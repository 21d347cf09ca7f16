"""What travels between a loader and its worker processes: requests out, batches back."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import torch
from torch.utils.data import Dataset

from tacit.contract import Batch
from tacit.data.chance import Draw
from tacit.data.source import GeneratedSource, Source


@dataclass(slots=True)
class Take:
    """A request for instances of a `Source`: small, so that it travels to a worker cheaply."""

    indices: list[int]
    draw: Draw | None

    def __call__(self, source: Source) -> Batch:
        """The instances, by `fetch_random` where there is a draw."""
        if self.draw is None:
            batch = source.fetch(self.indices)
        else:
            batch = source.fetch_random(self.indices, self.draw)
        got = (batch.index if batch.rows is None else batch.rows).shape[0]
        if got != len(self.indices):
            raise ValueError(
                f"{type(source).__name__}.fetch: wanted {len(self.indices)} instances; got {got}"
            )
        return batch


@dataclass(frozen=True)
class Make:
    """A request for one batch of a `GeneratedSource`."""

    step: int
    size: int
    seed: int

    def __call__(self, source: GeneratedSource) -> Batch:
        """The batch, from a generator with the seed."""
        return source.fetch(self.step, self.size, torch.Generator().manual_seed(self.seed))


@dataclass(frozen=True)
class Failure:
    """A user's error on its way home: torch would bury its message in a worker's traceback."""

    message: str


class Answers(Dataset[Any]):
    """What runs in a worker: request in, batch out."""

    def __init__(self, source: Source | GeneratedSource) -> None:
        self.source = source

    def __getitem__(self, request: Callable[[Any], Batch]) -> Batch | Failure:
        try:
            return request(self.source)
        except ValueError as error:
            return Failure(str(error))


class Requests:
    """A sampler whose content is set anew for each pass, so that workers outlive it."""

    pending: Iterable[object] = ()

    def __iter__(self) -> Iterator[object]:
        return iter(self.pending)


def same(value: Any) -> Any:
    """In place of a collate function: a source answers with whole batches."""
    return value
