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

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor
from torch.nn import functional

from tacit.functional.collectives import all_reduce_sum
from tacit.functional.moments import (
    at_least_two,
    centred,
    centred_of,
    complete,
    gram,
    off_the_diagonal,
    squares,
    standardised,
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


class MixedBarlowTwins(NamedTuple):
    """The loss and its unweighted parts.

    `loss = on_diagonal + weight * (off_diagonal + mixing weight * mixing)`.

    Attributes:
        loss: their weighted sum.
        on_diagonal: as in `BarlowTwins`.
        off_diagonal: as in `BarlowTwins`.
        mixing: sum of the squared differences between the correlations that the mixed embeddings
            have with both views and those that the mixture of the embeddings has.
    """

    loss: Float[Tensor, ""]
    on_diagonal: Float[Tensor, ""]
    off_diagonal: Float[Tensor, ""]
    mixing: Float[Tensor, ""]


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
        x, y = standardised((full(a), full(b)), rows, eps)
        together, apart = _identity(x, y, rows)
        return BarlowTwins(together + off_diagonal * apart, together, apart)


def _identity(x: Tensor, y: Tensor, rows: int) -> tuple[Tensor, Tensor]:
    """How far the correlation of standardised views is from the identity, on and off its diagonal.

    Two Gram matrices against one correlation matrix: worth it from twice as many dimensions.
    """
    if 2 * rows <= x.shape[1]:
        diagonal = all_reduce_sum((x * y).sum(0)) / rows
        apart = gram(x, y) / rows**2 - sum_of_squares(diagonal)
    else:
        correlation = all_reduce_sum(x.T @ y) / rows
        diagonal = correlation.diagonal()
        apart = off_the_diagonal(correlation).square().sum()
    together = (diagonal - 1).square().sum()
    return together, apart.to(together.dtype)


def mixed_barlow_twins(
    a: Float[Tensor, "batch width"],
    b: Float[Tensor, "batch width"],
    mixed: Float[Tensor, "batch width"],
    *,
    order: Int[Tensor, " batch"],
    share: Float[Tensor, ""],
    off_diagonal: float = 0.005,
    mixing: float = 4.0,
    eps: float = 1e-5,
) -> MixedBarlowTwins:
    """Barlow Twins, and embeddings of mixed instances at the mixture of their embeddings.

    With t = share * A + (1 - share) * B[order], all standardised, the correlations M^T A and M^T B
    of the mixed embeddings are to be t^T A and t^T B: the term is the sum of the squares of
    (M - t)^T A / rows and (M - t)^T B / rows, each matrix made once, or with fewer rows than
    dimensions not at all.

    Args:
        a: embeddings of the first views, not normalised.
        b: embeddings of the second views, row by row the same instances.
        mixed: embeddings of `share` of each first view and the rest of a second one.
        order: whose second view that was, among the rows of this process.
        share: of the first view, in [0, 1]; processes may differ in it.
        off_diagonal: weight of that part; the paper's 0.005.
        mixing: weight of the mixed part, beside `off_diagonal`; the authors' is 4 for a ResNet-18
            on CIFAR-10 and 5 by default.
        eps: added to the variance, as batch normalisation does.

    Returns:
        the loss and its parts, of the global batch, the same on every rank.

    Raises:
        ValueError: fewer than 2 instances over all ranks, or ranks with different numbers.

    Source: Bandara et al. 2023 (arXiv 2312.02151) eq. 3 to 5; wgcban/mix-bt, main.py. Where its
        main_imagenet.py has B^T B for A^T B in the second target we follow the paper and main.py.
        Differs: biased variances of the global batch, as in `barlow_twins`.
    """
    rows = at_least_two(a)
    with no_autocast(a):
        x, y, m = standardised((full(a), full(b), full(mixed)), rows, eps)
        together, apart = _identity(x, y, rows)
        away = m - (share * x + (1 - share) * y[order])
        if rows < x.shape[1]:
            squared = gram(away, x) + gram(away, y)
        else:
            matrices = all_reduce_sum(torch.stack([away.T @ x, away.T @ y]))
            squared = matrices.square().sum()
        part = (squared / rows**2).to(together.dtype)
        loss = together + off_diagonal * (apart + mixing * part)
        return MixedBarlowTwins(loss, together, apart, part)


def vicreg(
    a: Float[Tensor, "batch width"],
    b: Float[Tensor, "batch width"],
    *,
    invariance: float = 25.0,
    variance: float = 25.0,
    covariance: float = 1.0,
    eps: float = 1e-4,
    both: Bool[Tensor, " batch"] | None = None,
) -> VICReg:
    """Make the views agree, every dimension vary, and no two dimensions vary together.

    Args:
        a: embeddings of the first views, not normalised.
        b: embeddings of the second views, row by row the same instances.
        invariance: weight of that part; the paper's and the authors' 25.
        variance: likewise, 25.
        covariance: likewise, 1.
        eps: added to the variance before the root.
        both: the rows whose pair is complete, the others take no part; None: all. Of one complete
            row the variance counts as 0, for ranks cannot refuse a batch without waiting for it.

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
        count: int | Tensor = rows
        free: int | Tensor = rows - 1
        if both is None:
            apart = functional.mse_loss(first, second, reduction="sum")  # keeps no difference
            own = centred((first, second), rows)
        else:
            count = complete(both)
            free = (count - 1).clamp(min=1)
            apart = torch.where(both[:, None], first - second, 0.0).square().sum()
            own = centred_of((first, second), both, count)
        apart = all_reduce_sum(apart) / (count * a.shape[1])
        parts = [_spread(x, rows, free, eps) for x in own]
        narrow = (parts[0][0] + parts[1][0]) / 2
        together = parts[0][1] + parts[1][1]
        loss = invariance * apart + variance * narrow + covariance * together
        return VICReg(loss, apart, narrow, together)


def variance_hinge(x: Float[Tensor, "batch width"], *, eps: float = 1e-4) -> Float[Tensor, ""]:
    """Mean over dimensions of how far the standard deviation is below 1: VICReg's variance part.

    Args:
        x: embeddings of one view.
        eps: added to the variance before the root.

    Raises:
        ValueError: fewer than 2 instances over all ranks, or ranks with different numbers.

    Source: Bardes et al. 2022 (arXiv 2105.04906) eq. 1 and 2. Variances are unbiased, of all ranks.
    """
    rows = at_least_two(x)
    with no_autocast(x):
        (own,) = centred((full(x),), rows)
        return functional.relu(1 - (squares(own, rows - 1) + eps).sqrt()).mean()


def _spread(x: Tensor, rows: int, free: int | Tensor, eps: float) -> tuple[Tensor, Tensor]:
    """The variance and covariance parts of one view, of centred rows; `free` divides sums."""
    width = x.shape[1]
    if rows < width:  # one Gram matrix against one covariance matrix: worth it if it is smaller
        variances = squares(x, free)
        total = gram(x, x) / free**2
        together = (total - sum_of_squares(variances)) / width
    else:
        covariances = all_reduce_sum(x.T @ x) / free
        variances = covariances.diagonal()
        together = off_the_diagonal(covariances).square().sum() / width
    narrow = functional.relu(1 - (variances + eps).sqrt()).mean()
    return narrow, together.to(narrow.dtype)
