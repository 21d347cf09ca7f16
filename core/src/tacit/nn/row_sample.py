"""A bounded random sample of rows that a pass over the data brings, for clusters to be made of."""

from __future__ import annotations

from collections.abc import Callable

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from tacit.contract import Batch, Context
from tacit.functional import gather_rows
from tacit.functional.collectives import largest

_MIX = (0xBF58476D1CE4E5B9 - (1 << 64), 0x94D049BB133111EB - (1 << 64))  # as signed numbers
_LAST = torch.iinfo(torch.int64).max


class RowSample:
    """At most so many of the rows that are added, a random part of all, whatever comes.

    Every row has a random key, drawn by its number and the seed, and those with the smallest keys
    stay. Which do depends neither on the order and size of batches nor on the number of processes.

    Args:
        most: rows that are kept, on each process.
        seed: of the keys.
    """

    def __init__(self, most: int, seed: int) -> None:
        self.most, self.seed = most, seed
        self._rows: Tensor | None = None
        self._numbers: Tensor | None = None

    @torch.no_grad()
    def add(self, rows: Float[Tensor, "rows width"], numbers: Int[Tensor, " rows"]) -> None:
        """Take some of the rows, each with a number of its own."""
        if self._rows is not None and self._numbers is not None:
            rows, numbers = torch.cat([self._rows, rows]), torch.cat([self._numbers, numbers])
        self._rows, self._numbers = self._fewest(rows, numbers)

    @torch.no_grad()
    def rows(self) -> Float[Tensor, "rows width"]:
        """What was kept, of all processes together, in the order of the numbers."""
        assert self._rows is not None, "a pass has at least one batch on every process"
        assert self._numbers is not None
        rows, numbers = self._rows, self._numbers
        size = int(largest(torch.tensor(float(len(rows)), device=rows.device)))
        lacking = size - len(rows)
        rows = gather_rows(torch.cat([rows, rows.new_zeros(lacking, rows.shape[1])]))
        numbers = gather_rows(torch.cat([numbers, numbers.new_full((lacking,), -1)]))
        rows, numbers = self._fewest(rows[numbers >= 0], numbers[numbers >= 0])
        return rows[numbers.argsort()]

    def _fewest(
        self, rows: Float[Tensor, "rows width"], numbers: Int[Tensor, " rows"]
    ) -> tuple[Float[Tensor, "kept width"], Int[Tensor, " kept"]]:
        if len(rows) <= self.most:
            return rows, numbers
        kept = keys(numbers, self.seed).topk(self.most, largest=False).indices
        return rows[kept], numbers[kept]


def keys(numbers: Int[Tensor, " rows"], seed: int) -> Int[Tensor, " rows"]:
    """A random number from 0 for each number, the same for the same number and seed.

    Source: the finaliser of splitmix64, Steele et al. 2014, on signed numbers that wrap around.
    """
    return _mixed(numbers + _mixed(torch.full_like(numbers, seed))) & _LAST


def _mixed(numbers: Int[Tensor, " rows"]) -> Int[Tensor, " rows"]:
    numbers = numbers + (0x9E3779B97F4A7C15 - (1 << 64))
    for shift, factor in zip((30, 27), _MIX, strict=True):
        numbers = (numbers ^ _shifted(numbers, shift)) * factor
    return numbers ^ _shifted(numbers, 31)


def _shifted(numbers: Int[Tensor, " rows"], bits: int) -> Int[Tensor, " rows"]:
    """To the right, zeros coming in from the left."""
    return (numbers >> bits) & ((1 << (64 - bits)) - 1)


def sampled_rows(
    ctx: Context,
    modality: str,
    chosen: Callable[[Batch], tuple[Float[Tensor, "rows width"], Bool[Tensor, "instances number"]]],
    *,
    most: int,
    seed: int,
) -> Float[Tensor, "rows width"]:
    """Rows of the whole data set, at most so many, in the order of the instances.

    Args:
        ctx: of the objective.
        modality: whose rows, for messages.
        chosen: the rows of a batch, as many of each instance, one instance after the other; and
            which of them are there.
        most: rows that are held at a time and answered.
        seed: of the choice.

    Raises:
        ValueError: rows that are no finite numbers.
    """
    sample = RowSample(most, seed)

    def take(batch: Batch) -> Float[Tensor, " instances"]:
        rows, there = chosen(batch)
        finite = rows.isfinite().all(1).view(there.shape)
        number = torch.arange(there.shape[1], device=there.device)
        numbers = batch.index[:, None] * there.shape[1] + number
        if batch.rows is not None:
            counts = torch.zeros_like(there[:, :1]).index_fill(0, batch.rows, True)
            there = there & counts
        taken = (there & finite).flatten()
        sample.add(rows[taken], numbers.flatten()[taken])
        return (~finite & there).any(1).to(rows.dtype)

    wrong = ctx.dataset_pass(f"rows of {modality}", take, refresh="always").nonzero().flatten()
    if len(wrong):
        raise ValueError(
            f"k-means: the {modality} features of {len(wrong)} instances are no finite numbers; "
            f"the first are {wrong[:5].tolist()}: mend the data, or the encoder they come from"
        )
    return sample.rows()
