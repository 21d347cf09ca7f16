"""Orders of pieces that are far from each other, to be told apart."""

from __future__ import annotations

from functools import lru_cache
from itertools import permutations, product
from math import factorial

import torch
from jaxtyping import Int
from torch import Tensor

_ALL = 5040
"""So many orders are looked at whole; of more, as many are drawn."""


@lru_cache(maxsize=8)
def far_orders(pieces: int, count: int) -> Int[Tensor, "count pieces"]:
    """Orders of pieces that differ in as many places as can be; the first is as they are.

    Always the same ones: an order's number is an answer, and means the same in every run.

    Args:
        pieces: how many there are to be ordered.
        count: how many orders.

    Raises:
        ValueError: more orders than there are, or fewer than two.

    Source: Noroozi and Favaro 2016 (arXiv 1603.09246) algorithm 1: the next one is the farthest, in
        Hamming distance, from those taken. Differs: farthest from the nearest of them, where they
        take the mean; of more than 5040 orders a drawn part is looked at; the first is no change.
    """
    if not 2 <= count <= factorial(pieces):
        raise ValueError(f"orders: wanted 2 to {factorial(pieces)} of {pieces} pieces; got {count}")
    candidates = _candidates(pieces)
    taken = [0]
    nearest = (candidates != candidates[0]).sum(1)
    while len(taken) < count:
        taken.append(int(nearest.argmax()))
        nearest = torch.minimum(nearest, (candidates != candidates[taken[-1]]).sum(1))
    return candidates[taken]


def _candidates(pieces: int) -> Int[Tensor, "orders pieces"]:
    """Orders without repetition, the first as they are."""
    if factorial(pieces) <= _ALL:
        return torch.tensor(list(permutations(range(pieces))))
    draws = torch.rand(_ALL, pieces, generator=torch.Generator().manual_seed(0))
    drawn = torch.cat([torch.arange(pieces)[None], draws.argsort(1)])
    return torch.stack([torch.tensor(row) for row in dict.fromkeys(map(tuple, drawn.tolist()))])


def neighbours(orders: Int[Tensor, "count pieces"]) -> int:
    """In how many places the two nearest orders differ."""
    apart = [(a != b).sum() for (i, a), (j, b) in product(enumerate(orders), repeat=2) if i < j]
    return int(torch.stack(apart).min())
