"""Numbers that tell, without labels, whether embeddings use their dimensions or have collapsed.

They describe the embeddings they are given: gather rows first to describe all ranks. On an
accelerator `effective_rank` waits for the device; call it every so many steps, not in each.
"""

from __future__ import annotations

import math

import torch
from jaxtyping import Float
from torch import Tensor

from tacit.functional.precision import full, unit


@torch.no_grad()
def effective_rank(
    embeddings: Float[Tensor, "batch width"], eps: float = 1e-7
) -> Float[Tensor, ""]:
    """RankMe: how many dimensions the embeddings use, counted smoothly.

    The exponential of the entropy of the singular values, taken as shares of their sum: 1 where all
    embeddings lie on one line through the origin, `min(batch, width)` where all directions are used
    equally. The mean is *not* taken away: embeddings that are all alike have rank 1.

    Args:
        embeddings: at least as many as they are wide, to be able to show full rank; the paper uses
            25 600 of them.
        eps: added to each share, the paper's 1e-7.

    Returns:
        about 1 to `min(batch, width)`, without gradient; 1 for embeddings that are all zero.

    Source: Garrido et al. 2023 (arXiv 2210.02885) eq. 1 and 2. Singular values are the roots of the
        eigenvalues of the smaller Gram matrix in float64, which loses shares below 1e-8 only, in a
        fraction of the time of a singular value decomposition.
    """
    x = embeddings.double()
    gram = x.T @ x if x.shape[0] >= x.shape[1] else x @ x.T
    values = torch.linalg.eigvalsh(gram).clamp_min(0).sqrt()
    total = values.sum()
    shares = values / torch.where(total > 0, total, 1.0) + eps
    rank: Tensor = (-(shares * shares.log()).sum()).exp().to(full(embeddings).dtype)
    return rank


@torch.no_grad()
def normalised_deviation(embeddings: Float[Tensor, "batch width"]) -> Float[Tensor, ""]:
    """Mean standard deviation of a dimension of the normalised embeddings, times sqrt(width).

    0 where all embeddings point the same way (complete collapse), about 1 where they point
    everywhere. It misses collapse onto a few dimensions, which `effective_rank` shows.

    Args:
        embeddings: at least 2.

    Returns:
        a number from 0 to about 1, without gradient.

    Raises:
        ValueError: fewer than 2 embeddings.

    Source: Chen & He 2021 (arXiv 2011.10566) section 4.1, who compare it with 1 / sqrt(width).
    """
    if len(embeddings) < 2:
        raise ValueError(f"a deviation needs at least 2 embeddings, got {len(embeddings)}")
    deviations = unit(full(embeddings)).std(0, correction=0)
    return deviations.mean() * math.sqrt(embeddings.shape[1])
