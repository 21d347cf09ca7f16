"""Effective entropy: dimensions spread over their range, and no two alike."""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor

from tacit.functional.collectives import all_reduce_sum, gather_rows
from tacit.functional.moments import (
    at_least_two,
    centred,
    gram,
    off_the_diagonal,
    squares,
    sum_of_squares,
)
from tacit.functional.precision import full, no_autocast


class EffectiveEntropy(NamedTuple):
    """The loss and its parts: `loss = weight * covariance - weight * entropy`.

    Attributes:
        loss: to be minimised.
        entropy: the mean marginal entropy of the squashed dimensions, in nats: 0 at most (but for
            the estimator's error), where each is spread evenly over [0, 1].
        covariance: sum over pairs of different dimensions of their squared covariance, over
            `width`.
    """

    loss: Float[Tensor, ""]
    entropy: Float[Tensor, ""]
    covariance: Float[Tensor, ""]


def marginal_entropy(
    values: Float[Tensor, "batch width"], *, window: int | None = None
) -> Float[Tensor, " width"]:
    """The differential entropy of each dimension, in nats, by m-spacings of the global batch.

    Args:
        values: of which the spacings are taken.
        window: how many ranks apart the ends of a spacing lie; None: the rounded root of the
            number of instances.

    Raises:
        ValueError: a window that is not from 1 to the number of instances less 1.

    Source: Vasicek 1976 and Beirlant et al. 1997 for the estimator; deepc94/e2mc,
        main_vicreg_ent_ft.py (`m_spacings_estimator`). It is biased low for distributions with
        thin tails.
    """
    everything = gather_rows(full(values))
    rows = len(everything)
    step = round(math.sqrt(rows)) if window is None else window
    if not 1 <= step < rows:
        raise ValueError(
            f"window: wanted 1 to {rows - 1} for {rows} instances over all processes; got {step}"
        )
    ordered = everything.sort(dim=0).values
    spacings = (ordered[step:] - ordered[:-step]) * ((rows + 1) / step)
    return (spacings + torch.finfo(spacings.dtype).eps).log().mean(0)


def effective_entropy(
    embeddings: Float[Tensor, "batch width"], *, entropy: float = 10.0, covariance: float = 1.0
) -> EffectiveEntropy:
    """Raise the entropy of an embedding where it can be measured: in one and two dimensions.

    Embeddings are squashed into the unit cube by a sigmoid; there the entropy of every dimension
    is raised and the covariance of every pair lowered. Meant for a few more epochs of a model that
    is trained already, added to the loss it was trained with.

    Args:
        embeddings: not normalised.
        entropy: weight of the marginal entropies; the authors' 10 beside VICReg.
        covariance: weight of the covariances; theirs is 1.

    Returns:
        the loss and its parts, of the global batch, the same on every rank.

    Raises:
        ValueError: fewer than 2 instances over all ranks, or ranks with different numbers.

    Source: Chakraborty et al. 2024 (arXiv 2411.15931); deepc94/e2mc, main_vicreg_ent_ft.py.
    """
    rows = at_least_two(embeddings)
    with no_autocast(embeddings):
        cube = full(embeddings).sigmoid()
        spread = marginal_entropy(cube).mean()
        (middle,) = centred((cube,), rows)
        width = middle.shape[1]
        if rows < width:
            total = gram(middle, middle) / (rows - 1) ** 2
            together = (total - sum_of_squares(squares(middle, rows - 1))) / width
        else:
            matrix = all_reduce_sum(middle.T @ middle) / (rows - 1)
            together = off_the_diagonal(matrix).square().sum() / width
        together = together.to(spread.dtype)
        return EffectiveEntropy(covariance * together - entropy * spread, spread, together)
