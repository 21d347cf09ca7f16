"""A differentiable sorting network: which rank each element of a row takes, as probabilities."""

from __future__ import annotations

import math

import torch
from jaxtyping import Float
from torch import Tensor


def soft_ranks(
    scores: Float[Tensor, "batch elements"], *, steepness: float
) -> Float[Tensor, "batch ranks elements"]:
    """A relaxed permutation that sorts each row, largest first, by an odd-even network.

    As many layers as elements compare neighbours, even and odd ones in turn; a comparison swaps
    by the share `arctan(steepness * difference) / pi + 1/2`, of a Cauchy distribution.

    Args:
        scores: one row for each thing to sort.
        steepness: above 0; the larger, the nearer to the true permutation, and the smaller its
            gradient elsewhere than at ties.

    Returns:
        `[b, r, e]`: the share of element e in rank r. Rows and columns sum to 1.

    Raises:
        ValueError: a steepness that is not above 0.

    Source: Petersen et al. 2022 (arXiv 2203.09630) section 3 and eq. 11 (monotonic Cauchy
        relaxation); Felix-Petersen/diffsort.
    """
    if steepness <= 0:
        raise ValueError(f"steepness: wanted above 0; got {steepness}")
    batch, count = scores.shape
    ranks = torch.eye(count, dtype=scores.dtype, device=scores.device).expand(batch, -1, -1)
    for layer in range(count):
        first = layer % 2
        pairs = (count - first) // 2
        if pairs:
            scores, ranks = _compare(scores, ranks, first, pairs, steepness)
    return ranks


def _compare(
    scores: Tensor, ranks: Tensor, first: int, pairs: int, steepness: float
) -> tuple[Tensor, Tensor]:
    """One layer: neighbours from `first` on are ordered, larger first, by shares."""
    inside = slice(first, first + 2 * pairs)
    values = scores[:, inside].unflatten(1, (pairs, 2))
    keep = torch.atan(steepness * (values[..., 0] - values[..., 1])) / math.pi + 0.5
    mix = torch.stack([torch.stack([keep, 1 - keep], -1), torch.stack([1 - keep, keep], -1)], -2)
    mixed = (mix @ values[..., None]).squeeze(-1).flatten(1)
    moved = (mix @ ranks[:, inside].unflatten(1, (pairs, 2))).flatten(1, 2)
    after = first + 2 * pairs
    return (
        torch.cat([scores[:, :first], mixed, scores[:, after:]], 1),
        torch.cat([ranks[:, :first], moved, ranks[:, after:]], 1),
    )
