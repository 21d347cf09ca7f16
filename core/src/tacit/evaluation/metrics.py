"""How right predictions are: for classes and for numbers."""

from __future__ import annotations

from jaxtyping import Float, Int
from torch import Tensor


def accuracy(predicted: Int[Tensor, " instances"], labels: Int[Tensor, " instances"]) -> float:
    """Share of the instances whose class was predicted, in [0, 1]."""
    return float((predicted == labels.to(predicted.device)).double().mean())


def r2(
    predicted: Float[Tensor, "instances targets"], labels: Float[Tensor, "instances targets"]
) -> float:
    """Coefficient of determination, averaged over targets: 1 is exact, 0 as good as the mean.

    The mean is that of the labels given here. A target that does not vary has no such
    coefficient.

    Raises:
        ValueError: if a target is constant.
    """
    wanted = labels.double().to(predicted.device)
    error = (predicted.double() - wanted).square().mean(0)
    spread = wanted.var(0, correction=0)
    if bool((spread == 0).any()):
        raise ValueError(
            "wanted labels that vary, got a constant target: R2 is undefined; use rmse"
        )
    return float((1 - error / spread).mean())


def rmse(
    predicted: Float[Tensor, "instances targets"], labels: Float[Tensor, "instances targets"]
) -> float:
    """Root of the mean squared error over instances and targets, in the unit of the labels."""
    error = predicted.double() - labels.double().to(predicted.device)
    return float(error.square().mean().sqrt())
