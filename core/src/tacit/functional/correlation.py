"""Canonical correlations without a constraint: what views have in common, as an eigenproblem."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from tacit.functional.collectives import all_reduce_sum, gather_rows
from tacit.functional.moments import at_least_two, centred, centred_of, complete, gram
from tacit.functional.precision import full, no_autocast


class EckartYoung(NamedTuple):
    """The loss and its parts: `loss = penalty - 2 * shared`.

    Attributes:
        loss: at best minus the sum of the squared canonical correlations found.
        shared: the trace of the covariances between different views, all ordered pairs added.
        penalty: the squared norm of the sum of the covariances within the views.
    """

    loss: Float[Tensor, ""]
    shared: Float[Tensor, ""]
    penalty: Float[Tensor, ""]


def eckart_young(
    views: Sequence[Float[Tensor, "batch width"]],
    *,
    halves: bool = False,
    both: Bool[Tensor, " batch"] | None = None,
) -> EckartYoung:
    """Find the directions in which views vary together: deep CCA by plain gradient descent.

    With `A` the sum of the covariances between different views and `B` the sum of those within
    each, the loss is `-2 tr(A) + tr(B B)`. For linear maps of two views its minimum spans the top
    canonical directions, and is minus the sum of their squared correlations. No part of it grows
    with the square of the batch, or, where the width is larger than the batch, with that of the
    width.

    Args:
        views: at least two, row by row the same instances, of one width, not normalised; of one
            modality or of several.
        halves: take the two `B` of the product from two halves of the batch (even and odd rows),
            which makes the estimate unbiased, as the paper's proofs want it. From the same rows it
            is biased by about 1 / batch, and less noisy.
        both: the rows that all views have, the others take no part; None: all. Of one such row all
            covariances count as 0.

    Returns:
        the loss and its parts, of the global batch, the same on every rank.

    Raises:
        ValueError: fewer than two views, views that differ in shape, fewer than 2 instances over
            all ranks, or halves of an odd number, of fewer than 4, or of rows that are
            not all complete.

    Source: Chapman et al. 2024 (arXiv 2310.01012) eq. 6 to 8 (the loss of Eckart and Young);
        jameschapman19/cca_zoo, deep/objectives. Covariances are unbiased. Differs: no ridge, which
        stochastic data and a finite width do not need.
    """
    rows = _checked(views, halves, both)
    with no_autocast(views[0]):
        whole = [full(view) for view in views]
        free: int | Tensor = rows - 1
        if both is None:
            own = centred(whole, rows)
        else:
            count = complete(both)
            free, own = (count - 1).clamp(min=1), centred_of(whole, both, count)
        together, apart = torch.stack(own).sum(0).square().sum(), sum(x.square().sum() for x in own)
        shared = all_reduce_sum(together - apart) / free
        if halves:
            parts = [[view[start::2] for view in whole] for start in (0, 1)]
            first, second = (torch.cat(centred(part, rows // 2)) for part in parts)
            penalty = _overlap(first, second, rows * len(views) // 2) / (rows // 2 - 1) ** 2
        else:
            every = torch.cat(own)
            penalty = _overlap(every, every, rows * len(views)) / free**2
        penalty = penalty.to(shared.dtype)
        return EckartYoung(penalty - 2 * shared, shared, penalty)


def _overlap(x: Tensor, y: Tensor, rows: int) -> Tensor:
    """`tr((X^T X)(Y^T Y))` over the rows of all ranks, by whichever product is smaller."""
    if rows > x.shape[1]:
        first = all_reduce_sum(x.T @ x)
        return (first * (first if y is x else all_reduce_sum(y.T @ y))).sum()
    if y is x:
        return gram(x, x)
    return all_reduce_sum((x @ gather_rows(y).T).square().sum())


def _checked(views: Sequence[Tensor], halves: bool, both: Tensor | None) -> int:
    if len(views) < 2 or len({view.shape for view in views}) > 1:
        shapes = ", ".join(str(tuple(view.shape)) for view in views)
        raise ValueError(f"wanted two or more views of one shape; got {shapes or 'none'}")
    rows = at_least_two(views[0])
    if halves and (len(views[0]) % 2 or rows < 4):
        raise ValueError(
            f"halves: wanted an even number of instances on every rank, and 4 over all; got "
            f"{len(views[0])} of {rows}: use another batch size, or halves=False"
        )
    if halves and both is not None:
        raise ValueError(
            "halves: with members missing no two halves are sure to be of one size: set "
            "halves=False, or leave incomplete instances out of the data"
        )
    return rows
