"""The order of an epoch: a function of (seed, epoch), never of workers or processes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

import torch
from jaxtyping import Int
from torch import Tensor

from tacit.data.chance import mixed_seed
from tacit.data.mixture import Mixture


@dataclass(frozen=True)
class EpochOrder:
    """A shuffle per epoch, cut into global batches.

    Every instance occurs at most once in an epoch, unless kinds of instances are mixed by weight.
    An incomplete last batch is left out: another one each epoch.

    Args:
        size: instances of the data set.
        batch: instances of a global batch, over all processes.
        seed: the run's seed.
        lengths: how long every instance is, for batches of instances of like length; None shuffles
            without regard to it.
        pool: batches whose instances are sorted by length together.
        mixture: kinds of instances, and how much of each batch is of which; an epoch has as many
            batches as without it, in which some kinds may come round often and others in part.

    Raises:
        ValueError: no instances, a batch that is larger than the data or too small for a mixture,
            or a mixture together with lengths.
    """

    size: int
    batch: int
    seed: int
    lengths: Int[Tensor, " instances"] | None = field(default=None, compare=False)
    pool: int = 1
    mixture: Mixture | None = field(default=None, compare=False)

    def __post_init__(self) -> None:
        if self.batch < 1:
            raise ValueError(f"batch: wanted at least 1; got {self.batch}")
        if self.size < 1:
            raise ValueError("the data holds no instances: nothing to train on")
        if self.batch > self.size:
            raise ValueError(
                f"batch: wanted at most the {self.size} instances of the data; got {self.batch}. "
                f"Set a batch of {self.size} or smaller"
            )
        if self.mixture is not None:
            self.mixture.counts(self.batch)
            if self.lengths is not None:
                raise ValueError("bucket: data mixed by weight are not sorted by length: set 0")

    def __len__(self) -> int:
        """Batches of an epoch."""
        return self.size // self.batch

    @property
    def left_out(self) -> int:
        """Instances each epoch leaves out because they fill no whole batch; 0 of a mixture."""
        if self.mixture is not None:
            return 0
        return self.size % self.batch

    def permutation(self, epoch: int) -> Int[Tensor, " instances"]:
        """The shuffled data set of one epoch, those left out at the end; a mixture has none."""
        generator = torch.Generator().manual_seed(mixed_seed(self.seed, epoch))
        if self.mixture is not None:
            return self.mixture.draw(len(self), self.batch, generator).flatten()
        order = torch.randperm(self.size, generator=generator)
        return order if self.lengths is None else self._alike(order, self.lengths, generator)

    def _alike(
        self, order: Tensor, lengths: Tensor, generator: torch.Generator
    ) -> Int[Tensor, " instances"]:
        """Instances sorted within pools of batches, and the batches shuffled again."""
        whole = len(self) * self.batch
        pools = order[:whole].split(self.pool * self.batch)
        alike = torch.cat([pool[lengths[pool].argsort(stable=True)] for pool in pools])
        batches = alike.view(len(self), self.batch)
        batches = batches[torch.randperm(len(self), generator=generator)]
        return torch.cat([batches.flatten(), order[whole:]])

    def batches(self, epoch: int, start: int = 0) -> Iterator[Int[Tensor, " batch"]]:
        """The indices of each global batch of an epoch, from batch `start` on."""
        whole = self.permutation(epoch)[: len(self) * self.batch]
        return iter(whole.view(len(self), self.batch)[start:])


def whole_epoch(
    chosen: Iterable[Int[Tensor, " batch"]], wanted: int
) -> Iterator[Int[Tensor, " batch"]]:
    """The batches an objective chose for an epoch, refused when they are not as many as wanted.

    Raises:
        ValueError: fewer or more.
    """
    count = 0
    for count, indices in enumerate(chosen, start=1):
        if count > wanted:
            break
        yield indices
    if count != wanted:
        got = f"more than {wanted}" if count > wanted else str(count)
        raise ValueError(
            f"Objective.batches: wanted the {wanted} batches of an epoch; got {got}: give each "
            "instance to one batch, and leave out what fills none"
        )


def slice_of(indices: Int[Tensor, " batch"], rank: int, world: int) -> Int[Tensor, " part"]:
    """The part of a global batch that one process computes: equal, contiguous, in rank order.

    Raises:
        ValueError: the batch does not divide by the number of processes.
    """
    if world == 1:
        return indices
    total = indices.shape[0]
    if total % world:
        near = total // world * world or world
        raise ValueError(
            f"batch: wanted a multiple of the {world} processes; got {total}. "
            f"Set batch to {near} or {near + world}"
        )
    part = total // world
    return indices[rank * part : (rank + 1) * part]
