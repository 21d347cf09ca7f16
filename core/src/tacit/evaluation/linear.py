"""The linear probe: multinomial logistic regression on frozen features.

The features are standardised with the statistics of the part that is fitted, the strength of the
L2 penalty is chosen on a validation part split off the training set, and the model is fitted again
on the whole training set. The test set takes no part: these functions are never given it.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.nn import functional

from tacit.evaluation.logistic import LogisticConfig, LogisticProblem
from tacit.evaluation.metrics import accuracy
from tacit.evaluation.splits import Split, probe_split
from tacit.evaluation.standardise import Standardiser, standardiser


@dataclass(frozen=True, kw_only=True)
class LinearProbeConfig:
    """Settings of the linear probe.

    Attributes:
        penalties: strengths of the L2 penalty to try, strongest first. The objective is the *mean*
            cross-entropy plus penalty / 2 times the squared norm of the weights (the bias goes
            free), so a strength means the same for any number of instances; scikit-learn's `C` is
            1 / (penalty * instances). With one strength nothing is chosen or split off.
        patience: stop after this many weaker penalties in a row that did not improve validation
            accuracy; the weakest take longest to fit and are seldom chosen.
        validation_share: part of the training set on which the penalty is chosen.
        solver: of the single fits.
    """

    penalties: tuple[float, ...] = (10.0, 1.0, 0.1, 1e-2, 1e-3, 1e-4, 1e-5, 1e-6)
    patience: int = 2
    validation_share: float = 0.2
    solver: LogisticConfig = field(default_factory=LogisticConfig)

    def __post_init__(self) -> None:
        strongest_first = tuple(sorted(self.penalties, reverse=True))
        if not self.penalties or min(self.penalties) <= 0 or self.penalties != strongest_first:
            raise ValueError(
                f"wanted positive penalties, strongest first, got {self.penalties}; without a "
                "penalty there is no finite solution once the classes can be separated"
            )
        if self.patience < 1:
            raise ValueError(f"wanted patience of at least 1, got {self.patience}")


@dataclass(frozen=True, kw_only=True)
class LinearClassifier:
    """A fitted probe.

    Attributes:
        weight: on standardised features.
        bias: per class.
        standardise: the statistics of the features it was fitted on.
        penalty: the strength it was fitted with.
        tried: every strength tried with its validation accuracy; empty if none had to be chosen.
    """

    weight: Float[Tensor, "classes width"]
    bias: Float[Tensor, " classes"]
    standardise: Standardiser
    penalty: float
    tried: tuple[tuple[float, float], ...] = ()

    def logits(
        self, features: Float[Tensor, "instances width"]
    ) -> Float[Tensor, "instances classes"]:
        """Score every class, before the softmax."""
        return functional.linear(self.standardise(features), self.weight, self.bias)

    def predict(self, features: Float[Tensor, "instances width"]) -> Int[Tensor, " instances"]:
        """Name the likeliest class of every instance."""
        return self.logits(features).argmax(1)


def linear_probe(
    features: Float[Tensor, "instances width"],
    labels: Int[Tensor, " instances"],
    *,
    classes: int,
    generator: torch.Generator,
    groups: Int[Tensor, " instances"] | None = None,
    config: LinearProbeConfig | None = None,
) -> LinearClassifier:
    """Choose the penalty on a validation part of the training set, then fit on all of it.

    Args:
        features: of the training set, on the device to fit on.
        labels: class of every instance, in [0, classes).
        classes: how many classes there are.
        generator: decides the validation part, and nothing else: the fit itself is convex.
        groups: instances of one group stay on one side of the split.
        config: settings.

    Raises:
        ValueError: for labels out of range, a single class, or too few instances to split.

    Source: the protocol of Kornblith et al. 2019 (arXiv 1805.08974): L-BFGS, warm start along a
        grid of penalties, chosen on a validation part, fitted again on all training data. We
        differ: the grid goes from strong to weak and may end early, and features are standardised.
    """
    config = config or LinearProbeConfig()
    labels = _checked(labels, classes).to(features.device)
    if len(config.penalties) == 1:
        return fit_logistic(
            features, labels, classes=classes, penalty=config.penalties[0], config=config.solver
        )
    split = probe_split(labels, groups, share=config.validation_share, generator=generator)
    best = _choose(features, labels, classes, split, config)
    fitted = fit_logistic(
        features,
        labels,
        classes=classes,
        penalty=best.penalty,
        start=best.weight,
        config=config.solver,
    )
    return replace(fitted, tried=best.tried)


def fit_logistic(
    features: Float[Tensor, "instances width"],
    labels: Int[Tensor, " instances"],
    *,
    classes: int,
    penalty: float,
    start: Float[Tensor, "classes width"] | None = None,
    config: LogisticConfig | None = None,
) -> LinearClassifier:
    """Fit with one given penalty on all that is given.

    Args:
        features: on the device to fit on, not standardised.
        labels: class of every instance, in [0, classes).
        classes: how many classes there are.
        penalty: see `LinearProbeConfig.penalties`.
        start: weights to start from; they change the time, not the result.
        config: settings of the solver.
    """
    config = config or LogisticConfig()
    inputs = features.to(config.dtype, copy=True)
    standardise = standardiser(inputs)
    problem = LogisticProblem.of(standardise.apply_(inputs), labels, classes)
    weight, bias = problem.solve(penalty, start=start, config=config)
    return LinearClassifier(weight=weight, bias=bias, standardise=standardise, penalty=penalty)


def _choose(
    features: Tensor, labels: Tensor, classes: int, split: Split, config: LinearProbeConfig
) -> LinearClassifier:
    """Walk the grid from strong to weak; the best on the validation part, the stronger on a tie."""
    train, validation = split.train.to(features.device), split.held_out.to(features.device)
    inputs = features[train].to(config.solver.dtype)
    standardise = standardiser(inputs)
    problem = LogisticProblem.of(standardise.apply_(inputs), labels[train], classes)
    held_out, wanted = features[validation], labels[validation]
    best: LinearClassifier | None = None
    tried: list[tuple[float, float]] = []
    weight = None
    for penalty in config.penalties:
        weight, bias = problem.solve(penalty, start=weight, config=config.solver)
        model = LinearClassifier(weight=weight, bias=bias, standardise=standardise, penalty=penalty)
        tried.append((penalty, accuracy(model.predict(held_out), wanted)))
        top = max(range(len(tried)), key=lambda place: tried[place][1])
        if top == len(tried) - 1:
            best = model
        if len(tried) - 1 - top >= config.patience:
            break
    assert best is not None, "the grid is never empty"
    return replace(best, tried=tuple(tried))


def _checked(labels: Int[Tensor, " instances"], classes: int) -> Int[Tensor, " instances"]:
    low, high = int(labels.min()), int(labels.max())
    if low < 0 or high >= classes:
        raise ValueError(f"wanted labels in 0 to {classes - 1}, got {low} to {high}")
    if low == high:
        raise ValueError(f"wanted at least two classes to tell apart, got only class {low}")
    return labels.long()
