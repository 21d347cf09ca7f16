"""Assignments of a batch to prototypes in equal shares."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor

from tacit.functional.collectives import all_reduce_sum, largest
from tacit.functional.precision import full, no_autocast


@torch.no_grad()
def sinkhorn(
    scores: Float[Tensor, "rows prototypes"], *, sharpness: float = 0.05, iterations: int = 3
) -> Float[Tensor, "rows prototypes"]:
    """Soft assignments of which every prototype gets an equal share of the rows of all ranks.

    Args:
        scores: similarity of each row to each prototype, in [-1, 1] for cosines. Ranks may bring
            different numbers of rows.
        sharpness: the paper's epsilon, above 0; the smaller, the harder the assignment.
        iterations: of scaling prototypes and rows in turn; the paper's 3. The last is of the rows,
            so these are exact and the shares of the prototypes nearly so.

    Returns:
        assignments; each row sums to 1. In float32 at least, without gradient.

    Raises:
        ValueError: sharpness that is not above 0, or fewer than 1 iteration.

    Source: Caron et al. 2020 (arXiv 2006.09882) eq. 3 to 5; Cuturi 2013; facebookresearch/swav,
        main_swav.py (`distributed_sinkhorn`). Differs: the largest score of every prototype and
        then of every row is taken off first, and put back where it matters, which changes nothing
        but that exp neither overflows nor leaves a row of zeros, that is without an assignment.
    """
    if not sharpness > 0 or iterations < 1:
        raise ValueError(
            "wanted a sharpness above 0 and at least 1 iteration; got "
            f"sharpness={sharpness}, iterations={iterations}"
        )
    with no_autocast(scores):
        logits = full(scores) / sharpness
        # A prototype's scale cancels at once; a row's after the first sum over rows, so that it is
        # put back there. The paper's 1 / rows and 1 / prototypes cancel too.
        logits.sub_(largest(logits.amax(0)))
        highest = logits.amax(1, keepdim=True)
        shares, of_row = logits.sub_(highest).exp_(), highest.exp_()
        least = torch.finfo(shares.dtype).tiny
        for _ in range(iterations):  # scales alone: the matrix is read and not written
            of_prototype = all_reduce_sum(shares.T @ of_row).clamp_min(least).reciprocal()
            of_row = (shares @ of_prototype).clamp_min(least).reciprocal()
        return shares.mul_(of_row).mul_(of_prototype.T)
