"""Data that are one value are read once a pass."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from tests.core.needs.toys import signals

from tacit.contract import Batch
from tacit.data import Loader, Source


class Whole(Source):
    """One value with nine instances, and how often it was fetched."""

    modalities = ("signal",)
    whole = True

    def __init__(self) -> None:
        self.value, self.fetched = signals(9), 0

    def __len__(self) -> int:
        return 9

    def fetch(self, indices: Sequence[int]) -> Batch:
        self.fetched += 1
        rows = torch.tensor(indices)
        return Batch(values={"signal": self.value}, index=torch.arange(9), rows=rows)


def test_a_pass_reads_one_value_once_whatever_the_batch() -> None:
    source = Whole()
    with Loader(source) as loader:
        (batch,) = loader.sequential(2)
        assert batch.rows is not None
        assert batch.rows.tolist() == list(range(9))
        (some,) = loader.sequential(2, indices=[1, 5, 7])
    assert some.rows is not None
    assert some.rows.tolist() == [1, 5, 7]
    assert source.fetched == 2


def test_processes_share_the_instances_of_a_pass() -> None:
    with Loader(Whole()) as loader:
        parts = [next(loader.sequential(2, rank=rank, world=2)).rows for rank in (0, 1)]
    assert [part.tolist() for part in parts if part is not None] == [[0, 1, 2, 3], [4, 5, 6, 7, 8]]
