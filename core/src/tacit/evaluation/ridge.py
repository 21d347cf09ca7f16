"""The linear probe for numbers: ridge regression in closed form on frozen features."""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from jaxtyping import Float, Int
from torch import Tensor

from tacit.evaluation.splits import Split, probe_split
from tacit.evaluation.standardise import Standardiser, standardiser


@dataclass(frozen=True, kw_only=True)
class RidgeProbeConfig:
    """Settings of the ridge probe.

    Attributes:
        penalties: strengths to try. The objective is the *mean* squared error plus penalty times
            the squared norm of the weights on standardised features (the bias goes free);
            scikit-learn's `alpha` is penalty * instances. With one strength nothing is chosen.
        validation_share: part of the training set on which the penalty is chosen.
    """

    penalties: tuple[float, ...] = (100.0, 10.0, 1.0, 0.1, 1e-2, 1e-3, 1e-4, 1e-5, 1e-6)
    validation_share: float = 0.2

    def __post_init__(self) -> None:
        if not self.penalties or min(self.penalties) <= 0:
            raise ValueError(f"wanted at least one penalty, all positive, got {self.penalties}")


@dataclass(frozen=True, kw_only=True)
class LinearRegressor:
    """A fitted probe.

    Attributes:
        weight: on standardised features, in float64.
        bias: the mean of the labels it was fitted on.
        standardise: the statistics of the features it was fitted on.
        penalty: the strength it was fitted with.
        tried: every strength tried with its validation mean squared error; empty if none had to
            be chosen.
    """

    weight: Float[Tensor, "width targets"]
    bias: Float[Tensor, " targets"]
    standardise: Standardiser
    penalty: float
    tried: tuple[tuple[float, float], ...] = ()

    def predict(
        self, features: Float[Tensor, "instances width"]
    ) -> Float[Tensor, "instances targets"]:
        """Estimate every target of every instance, in float64."""
        return self.standardise(features) @ self.weight + self.bias


def ridge_probe(
    features: Float[Tensor, "instances width"],
    labels: Float[Tensor, "instances targets"],
    *,
    generator: torch.Generator,
    groups: Int[Tensor, " instances"] | None = None,
    config: RidgeProbeConfig | None = None,
) -> LinearRegressor:
    """Choose the penalty on a validation part of the training set, then fit on all of it.

    All penalties share one eigendecomposition of the second moments of the features.

    Args:
        features: of the training set, on the device to fit on.
        labels: numbers to predict, finite.
        generator: decides the validation part.
        groups: instances of one group stay on one side of the split.
        config: settings.

    Raises:
        ValueError: for labels that are not finite, or too few instances to split.
    """
    config = config or RidgeProbeConfig()
    if not bool(labels.isfinite().all()):
        raise ValueError("wanted finite labels, got NaN or infinity; leave those instances out")
    labels = labels.to(features.device, torch.float64)
    if len(config.penalties) == 1:
        return fit_ridge(features, labels, penalty=config.penalties[0])
    split = probe_split(labels, groups, share=config.validation_share, generator=generator)
    tried = _try(features, labels, split, config.penalties)
    # The strongest penalty wins a tie.
    penalty, _ = min(tried, key=lambda pair: (pair[1], -pair[0]))
    return replace(fit_ridge(features, labels, penalty=penalty), tried=tried)


def fit_ridge(
    features: Float[Tensor, "instances width"],
    labels: Float[Tensor, "instances targets"],
    *,
    penalty: float,
) -> LinearRegressor:
    """Fit with one given penalty on all that is given; see `RidgeProbeConfig.penalties`."""
    inputs, standardise = _standardised(features)
    targets = labels.to(inputs)
    bias = targets.mean(0)
    moments = inputs.T @ inputs / len(inputs)
    moments.diagonal().add_(penalty)
    weight = torch.linalg.solve(moments, inputs.T @ (targets - bias) / len(inputs))
    return LinearRegressor(weight=weight, bias=bias, standardise=standardise, penalty=penalty)


def _try(
    features: Tensor, labels: Tensor, split: Split, penalties: tuple[float, ...]
) -> tuple[tuple[float, float], ...]:
    """Validation mean squared error of every penalty, fitted on the training part alone."""
    train, validation = split.train.to(features.device), split.held_out.to(features.device)
    inputs, standardise = _standardised(features[train])
    targets, wanted = labels[train], labels[validation]
    bias = targets.mean(0)
    values, vectors = torch.linalg.eigh(inputs.T @ inputs / len(inputs))
    moment = vectors.T @ (inputs.T @ (targets - bias)) / len(inputs)
    held_out = standardise(features[validation]) @ vectors

    def error(penalty: float) -> float:
        # Rounding can leave the moments a slightly negative eigenvalue.
        weight = moment / (values.clamp_min(0)[:, None] + penalty)
        return float((held_out @ weight + bias - wanted).square().mean())

    return tuple((penalty, error(penalty)) for penalty in penalties)


def _standardised(features: Tensor) -> tuple[Tensor, Standardiser]:
    inputs = features.to(torch.float64, copy=True)
    standardise = standardiser(inputs)
    return standardise.apply_(inputs), standardise
