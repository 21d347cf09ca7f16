"""Streams of data mixed by weight: how much of each batch is of which kind."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Int
from torch import Tensor


@dataclass(frozen=True, kw_only=True, eq=False)
class Mixture:
    """Kinds of instances, and the share of each in every batch.

    Args:
        kind: of every instance, from 0; those of a weight of 0 are never drawn.
        weights: of each kind; their sum need not be 1.

    Raises:
        ValueError: weights below 0, none above it, or one of a kind that has no instance.
    """

    kind: Int[Tensor, " instances"]
    weights: tuple[float, ...]

    def __post_init__(self) -> None:
        if min(self.weights) < 0 or not sum(self.weights):
            raise ValueError(f"weights: wanted at least 0, and one above; got {self.weights}")
        for number, weight in enumerate(self.weights):
            if weight and not bool((self.kind == number).any()):
                raise ValueError(
                    f"weights: no instance is of kind {number}, whose weight is {weight}"
                )

    def counts(self, batch: int) -> tuple[int, ...]:
        """How many of a batch are of each kind: shares rounded so that they add up.

        Raises:
            ValueError: a kind with a weight would have none.
        """
        exact = [batch * weight / sum(self.weights) for weight in self.weights]
        counts = [int(share) for share in exact]
        by_rest = sorted(range(len(exact)), key=lambda i: counts[i] - exact[i])
        for number in by_rest[: batch - sum(counts)]:
            counts[number] += 1
        if any(weight and not count for weight, count in zip(self.weights, counts, strict=True)):
            raise ValueError(
                f"weights: {self.weights} leave a kind without an instance in a batch of {batch}: "
                "make the batch larger, or set that weight to 0"
            )
        return tuple(counts)

    def draw(
        self, batches: int, batch: int, generator: torch.Generator
    ) -> Int[Tensor, "batches batch"]:
        """The instances of some batches: of each kind shuffle after shuffle, mixed within batches.

        A kind of which fewer are wanted than there are gives the first of its shuffle; one that
        runs out begins another.
        """
        parts = []
        for number, count in enumerate(self.counts(batch)):
            own = (self.kind == number).nonzero()[:, 0]
            parts.append(_shuffles(own, batches * count, generator).view(batches, count))
        drawn = torch.cat(parts, 1)
        mixed = torch.rand(drawn.shape, generator=generator).argsort(1)
        return drawn.gather(1, mixed)


def kinds_of(present: Sequence[Int[Tensor, " instances"]], size: int) -> Int[Tensor, " instances"]:
    """Which of several members each instance has, as one number: bit i stands for the i-th."""
    codes = torch.zeros(size, dtype=torch.int64)
    for bit, there in enumerate(present):
        codes |= there << bit
    return codes


def _shuffles(
    own: Int[Tensor, " instances"], wanted: int, generator: torch.Generator
) -> Int[Tensor, " wanted"]:
    rounds = -(-wanted // max(1, len(own)))
    orders = [own[torch.randperm(len(own), generator=generator)] for _ in range(rounds)]
    return torch.cat([own[:0], *orders])[:wanted]
