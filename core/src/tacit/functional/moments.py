"""Sums over the rows of all ranks that losses on second moments are made of."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from jaxtyping import Bool, Float
from torch import Tensor
from torch.nn import functional

from tacit.functional.collectives import (
    all_reduce_sum,
    gather_rows,
    global_rows,
    world_size,
)


def at_least_two(x: Tensor) -> int:
    """The rows of all ranks, of which a statistic needs two.

    Raises:
        ValueError: fewer, or ranks with different numbers.
    """
    rows = global_rows(x)
    if rows < 2:
        raise ValueError(
            f"statistics over the batch need at least 2 instances, got {rows}: use larger batches "
            "or drop the last incomplete one"
        )
    return rows


def complete(both: Bool[Tensor, " batch"]) -> Float[Tensor, ""]:
    """How many rows of all ranks are complete; 1 where none is, for it is divided by."""
    return all_reduce_sum(both.sum(dtype=torch.float32)).clamp(min=1)


def centred_of(
    views: Sequence[Tensor], both: Bool[Tensor, " batch"], count: Float[Tensor, ""]
) -> list[Tensor]:
    """Each view less its mean over the complete rows of all ranks, and zero in all other rows.

    Rows of zeros add nothing to a sum of products, so statistics are those of the complete rows
    when such sums are divided by their number.
    """
    there = both[:, None]
    kept = [torch.where(there, view, 0.0) for view in views]
    means = all_reduce_sum(torch.stack([view.sum(0) for view in kept])) / count
    return [torch.where(there, x - mean, 0.0) for x, mean in zip(kept, means, strict=True)]


def centred(views: Sequence[Tensor], rows: int) -> list[Tensor]:
    """Each view less its mean over the rows of all ranks."""
    means = all_reduce_sum(torch.stack([view.sum(0) for view in views])) / rows
    return [view - mean for view, mean in zip(views, means, strict=True)]


def standardised(views: Sequence[Tensor], rows: int, eps: float) -> list[Tensor]:
    """Dimensions of mean 0 and biased variance 1 over the rows of all ranks."""
    if world_size() == 1:  # torch's fused form of the lines below: half the time for few dimensions
        return [functional.batch_norm(v, None, None, training=True, eps=eps) for v in views]
    return [x * (squares(x, rows) + eps).rsqrt() for x in centred(views, rows)]


def squares(x: Tensor, count: int | Tensor) -> Tensor:
    """Sum over the rows of all ranks of x squared, over `count`: the variance of centred rows."""
    return all_reduce_sum(x.square().sum(0)) / count


def gram(x: Tensor, y: Tensor) -> Tensor:
    """||X^T Y||_F^2 over the rows of all ranks, in float64: much of it is subtracted again."""
    rows_x = x @ gather_rows(x).T
    rows_y = rows_x if y is x else y @ gather_rows(y).T
    return all_reduce_sum((rows_x * rows_y).sum(dtype=_double(x)))


def sum_of_squares(x: Tensor) -> Tensor:
    """In float64, like `gram`, from which it is taken."""
    return x.square().sum(dtype=_double(x))


def _double(x: Tensor) -> torch.dtype:
    return x.dtype if x.device.type == "mps" else torch.float64  # which has no float64


def off_the_diagonal(square: Float[Tensor, "width width"]) -> Tensor:
    """The entries off the diagonal, as a view: of every width + 1 entries, one is on it."""
    width = len(square)
    return square.flatten()[1:].view(width - 1, width + 1)[:, :-1]
