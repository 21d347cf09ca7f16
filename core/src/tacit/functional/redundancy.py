"""Losses that make the dimensions of an embedding different from each other.

Both look at a matrix over dimensions, C = A^T B / rows (`width` by `width`), and need the sum of
its squared entries off the diagonal. With fewer rows than dimensions it is never made:

    ||A^T B||_F^2 = sum((A A^T) * (B B^T)),

two small matrices over rows instead of one large one over dimensions, and the diagonal, a sum over
rows for each dimension, is taken off. Statistics are those of the *global* batch: under
distribution sums are all-reduced, and each rank makes its own rows of the Gram matrices.
"""

from __future__ import annotations

from typing import NamedTuple

from jaxtyping import Float
from torch import Tensor
from torch.nn import functional

from tacit.functional.collectives import all_reduce_sum, world_size
from tacit.functional.moments import (
    at_least_two,
    centred,
    gram,
    off_the_diagonal,
    squares,
    sum_of_squares,
)
from tacit.functional.precision import full, no_autocast


class BarlowTwins(NamedTuple):
    """The loss and its unweighted parts: `loss = on_diagonal + weight * off_diagonal`.

    Attributes:
        loss: their weighted sum.
        on_diagonal: sum over dimensions of (correlation of the views - 1) squared.
        off_diagonal: sum over pairs of different dimensions of their squared correlation.
    """

    loss: Float[Tensor, ""]
    on_diagonal: Float[Tensor, ""]
    off_diagonal: Float[Tensor, ""]


class VICReg(NamedTuple):
    """The loss and its unweighted parts.

    Attributes:
        loss: their weighted sum.
        invariance: mean squared difference of the views, over instances and dimensions.
        variance: mean over views and dimensions of how far the standard deviation is below 1.
        covariance: sum over pairs of different dimensions of the squared covariance, over `width`,
            the two views added.
    """

    loss: Float[Tensor, ""]
    invariance: Float[Tensor, ""]
    variance: Float[Tensor, ""]
    covariance: Float[Tensor, ""]


def barlow_twins(
    a: Float[Tensor, "batch width"],
    b: Float[Tensor, "batch width"],
    *,
    off_diagonal: float = 0.005,
    eps: float = 1e-5,
) -> BarlowTwins:
    """Make each dimension agree between the views, and with no other dimension.

    Args:
        a: embeddings of the first views, not normalised.
        b: embeddings of the second views, row by row the same instances.
        off_diagonal: weight of that part; the paper's 0.005 (the authors' code has 0.0051).
        eps: added to the variance, as batch normalisation does.

    Returns:
        the loss and its parts, of the global batch, the same on every rank.

    Raises:
        ValueError: fewer than 2 instances over all ranks, or ranks with different numbers.

    Source: Zbontar et al. 2021 (arXiv 2103.03230) eq. 1; facebookresearch/barlowtwins, main.py.
        As there, dimensions are standardised by the biased variance of the global batch. Differs:
        the authors all-reduce the correlation without a gradient, which divides the gradient by
        the number of ranks; here it is the gradient of the whole batch.
    """
    rows = at_least_two(a)
    with no_autocast(a):
        x, y = _standardised(full(a), full(b), rows, eps)
        # Two Gram matrices against one correlation matrix: worth it from twice as many dimensions.
        if 2 * rows <= a.shape[1]:
            diagonal = all_reduce_sum((x * y).sum(0)) / rows
            apart = gram(x, y) / rows**2 - sum_of_squares(diagonal)
        else:
            correlation = all_reduce_sum(x.T @ y) / rows
            diagonal = correlation.diagonal()
            apart = off_the_diagonal(correlation).square().sum()
        together = (diagonal - 1).square().sum()
        apart = apart.to(together.dtype)
        return BarlowTwins(together + off_diagonal * apart, together, apart)


def vicreg(
    a: Float[Tensor, "batch width"],
    b: Float[Tensor, "batch width"],
    *,
    invariance: float = 25.0,
    variance: float = 25.0,
    covariance: float = 1.0,
    eps: float = 1e-4,
) -> VICReg:
    """Make the views agree, every dimension vary, and no two dimensions vary together.

    Args:
        a: embeddings of the first views, not normalised.
        b: embeddings of the second views, row by row the same instances.
        invariance: weight of that part; the paper's and the authors' 25.
        variance: likewise, 25.
        covariance: likewise, 1.
        eps: added to the variance before the root.

    Returns:
        the loss and its parts, of the global batch, the same on every rank.

    Raises:
        ValueError: fewer than 2 instances over all ranks, or ranks with different numbers.

    Source: Bardes et al. 2022 (arXiv 2105.04906) eq. 1 to 6; facebookresearch/vicreg,
        main_vicreg.py. Where the two differ we follow the code, to which the default weights
        belong: the invariance is a mean over dimensions too (eq. 5 adds them up), and the variance
        part is the mean of both views (eq. 6 adds them up); the covariance part is their sum in
        both. Variances are unbiased.
    """
    rows = at_least_two(a)
    with no_autocast(a):
        first, second = full(a), full(b)
        apart = all_reduce_sum((first - second).square().sum()) / (rows * a.shape[1])
        parts = [_spread(x, rows, eps) for x in centred((first, second), rows)]
        narrow = (parts[0][0] + parts[1][0]) / 2
        together = parts[0][1] + parts[1][1]
        loss = invariance * apart + variance * narrow + covariance * together
        return VICReg(loss, apart, narrow, together)


def _spread(x: Tensor, rows: int, eps: float) -> tuple[Tensor, Tensor]:
    """The variance and covariance parts of one view, given its centred rows."""
    width = x.shape[1]
    if rows < width:  # one Gram matrix against one covariance matrix: worth it if it is smaller
        variances = squares(x, rows - 1)
        total = gram(x, x) / (rows - 1) ** 2
        together = (total - sum_of_squares(variances)) / width
    else:
        covariances = all_reduce_sum(x.T @ x) / (rows - 1)
        variances = covariances.diagonal()
        together = off_the_diagonal(covariances).square().sum() / width
    narrow = functional.relu(1 - (variances + eps).sqrt()).mean()
    return narrow, together.to(narrow.dtype)


def _standardised(a: Tensor, b: Tensor, rows: int, eps: float) -> tuple[Tensor, Tensor]:
    """Dimensions of mean 0 and biased variance 1 over the rows of all ranks."""
    if world_size() == 1:  # torch's fused form of the lines below: half the time for few dimensions
        x, y = (functional.batch_norm(v, None, None, training=True, eps=eps) for v in (a, b))
        return x, y
    x, y = centred((a, b), rows)
    return x * (squares(x, rows) + eps).rsqrt(), y * (squares(y, rows) + eps).rsqrt()
