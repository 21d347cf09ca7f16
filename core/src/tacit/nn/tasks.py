"""The usual pretext tasks: which of several, and which numbers."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.nn import functional

from tacit.contract import Task
from tacit.functional import all_reduce_sum, global_mean
from tacit.functional.precision import full, no_autocast


@dataclass(frozen=True)
class WhichOf(Task):
    """One of several, as an integer from 0: which turn, which order of pieces.

    Args:
        count: of how many; 2 or more.

    Raises:
        ValueError: fewer than two.
    """

    count: int

    def __post_init__(self) -> None:
        if self.count < 2:
            raise ValueError(f"WhichOf: wanted at least 2 answers to choose of; got {self.count}")

    @property
    def width(self) -> int:  # type: ignore[override]
        """One logit an answer."""
        return self.count

    def loss(
        self, predicted: Float[Tensor, "rows width"], answer: Int[Tensor, " rows"]
    ) -> Float[Tensor, ""]:
        """Cross-entropy; `log(count)` for a prediction that knows nothing."""
        with no_autocast(predicted):
            total = functional.cross_entropy(full(predicted), answer, reduction="sum")
            return global_mean(total, answer.numel())

    @torch.no_grad()
    def score(
        self, predicted: Float[Tensor, "rows width"], answer: Int[Tensor, " rows"]
    ) -> dict[str, Float[Tensor, ""]]:
        """`accuracy`, beside `chance`."""
        right = (predicted.argmax(1) == answer).float().sum()
        chance = right.new_full((), 1 / self.count)
        return {"accuracy": global_mean(right, answer.numel()), "chance": chance}


@dataclass(frozen=True)
class Numbers(Task):
    """Numbers, on a scale near 1: an angle's cosine and sine, a shift, a gain.

    Args:
        width: how many.

    Raises:
        ValueError: fewer than one.
    """

    width: int

    def __post_init__(self) -> None:
        if self.width < 1:
            raise ValueError(f"Numbers: wanted at least 1 number; got {self.width}")

    def loss(
        self, predicted: Float[Tensor, "rows width"], answer: Float[Tensor, "rows width"]
    ) -> Float[Tensor, ""]:
        """Mean squared error."""
        with no_autocast(predicted):
            apart = full(predicted) - answer.to(full(predicted).dtype)
            return global_mean(apart.square().sum(), answer.numel())

    @torch.no_grad()
    def score(
        self, predicted: Float[Tensor, "rows width"], answer: Float[Tensor, "rows width"]
    ) -> dict[str, Float[Tensor, ""]]:
        """`r2`: the share of the numbers' variance that is predicted, 0 for their mean."""
        predicted = full(predicted)
        wanted = answer.to(predicted.dtype)
        count = wanted.new_full((1,), float(wanted.shape[0]))
        parts = [(predicted - wanted).square().sum()[None], wanted.square().sum()[None], count]
        error, size, rows, mean = all_reduce_sum(torch.cat([*parts, wanted.sum(0)])).split(
            [1, 1, 1, self.width]
        )
        variance = size - mean.square().sum() / rows
        return {"r2": (1 - error / variance.clamp_min(torch.finfo(variance.dtype).tiny))[0]}
