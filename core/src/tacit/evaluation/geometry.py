"""How embeddings lie on the unit sphere: alignment, uniformity, anisotropy.

All are taken of the normalised embeddings and need no labels. A vector of zeros has no direction
and is left at the origin.
"""

from __future__ import annotations

import math

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional


@torch.no_grad()
def alignment(
    first: Float[Tensor, "pairs width"], second: Float[Tensor, "pairs width"], *, power: float = 2.0
) -> float:
    """Mean distance of the two members of a positive pair, to a power; 0 is perfect alignment.

    Collapsed embeddings are aligned too: read it beside `uniformity`.

    Args:
        first: embeddings of one view of every instance.
        second: embeddings of another view of the same instances, in the same order.
        power: 2 as in the paper's experiments; the result is then in [0, 4].

    Source: Wang & Isola 2020 (arXiv 2005.10242), section 4.1.1, `L_align`.
    """
    gap = functional.normalize(first, dim=1) - functional.normalize(second, dim=1)
    return float(gap.norm(dim=1).double().pow(power).mean())


@torch.no_grad()
def uniformity(
    embeddings: Float[Tensor, "instances width"], *, sharpness: float = 2.0, chunk: int = 2048
) -> float:
    """Logarithm of the mean Gaussian potential over all pairs; lower is more evenly spread.

    0 where all embeddings point the same way; about -2 * sharpness where they are spread evenly
    over a sphere of many dimensions.

    Args:
        embeddings: at least two; the time grows with their square.
        sharpness: the paper's t, 2 in its experiments.
        chunk: rows compared at a time; changes memory, not the result.

    Raises:
        ValueError: for fewer than two embeddings.

    Source: Wang & Isola 2020 (arXiv 2005.10242), section 4.1.2, `L_uniform`. As in their code, each
        pair of *different* instances counts once.
    """
    count = _at_least_two(embeddings)
    directions = functional.normalize(embeddings, dim=1)
    norms = directions.square().sum(1)
    total = embeddings.new_zeros((), dtype=torch.float64)
    for first in range(0, count, chunk):
        rows = directions[first : first + chunk]
        later = directions[first:]
        squared = norms[first : first + chunk, None] + norms[first:] - 2 * rows @ later.T
        potential = squared.clamp_min_(0).mul_(-sharpness).exp_()
        total += potential.triu_(1).sum(dtype=torch.float64)
    return math.log(float(total) / (count * (count - 1) / 2))


@torch.no_grad()
def anisotropy(embeddings: Float[Tensor, "instances width"]) -> float:
    """Mean cosine similarity of two different instances: 0 is isotropic, 1 all one direction.

    Exact over all pairs, in time linear in their number.

    Args:
        embeddings: at least two.

    Raises:
        ValueError: for fewer than two embeddings.

    Source: Ethayarajh 2019 (arXiv 1909.00512), who samples pairs.
    """
    count = _at_least_two(embeddings)
    directions = functional.normalize(embeddings.double(), dim=1)
    # |sum of u|^2 counts every ordered pair, and every instance with itself.
    everything = directions.sum(0).square().sum() - directions.square().sum()
    return float(everything / (count * (count - 1)))


def _at_least_two(embeddings: Tensor) -> int:
    if len(embeddings) < 2:
        raise ValueError(f"wanted at least two embeddings to compare, got {len(embeddings)}")
    return len(embeddings)
