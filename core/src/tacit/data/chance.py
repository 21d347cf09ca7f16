"""Randomness of data that depends on what is read, never on who reads it or when."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch


def mixed_seed(*parts: int) -> int:
    """One 64-bit seed from several numbers: near numbers give unrelated seeds.

    Args:
        parts: not negative: a run's seed, an epoch, an index ...

    Raises:
        ValueError: a negative number.
    """
    if min(parts) < 0:
        raise ValueError(f"seed: wanted numbers of at least 0; got {parts}")
    return int(np.random.SeedSequence(parts).generate_state(1, np.uint64)[0])


@dataclass(frozen=True, kw_only=True)
class Draw:
    """Where the randomness of an epoch's instances comes from.

    The generator of an instance depends on (seed, epoch, index) alone, so that any number of
    workers and processes, and a resumed run, draw the same.
    """

    seed: int
    epoch: int

    def generator(self, index: int) -> torch.Generator:
        """The generator of one instance in this epoch, on the CPU."""
        return torch.Generator().manual_seed(mixed_seed(self.seed, self.epoch, index))
