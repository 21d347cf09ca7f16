"""The probe of all layers: a linear classifier on their weighted sum, the weights learnt with it.

Which layer holds what differs from method to method, and the last is often not the best. This probe
asks all at once; what it weighs most says where.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.nn import functional

from tacit.evaluation.metrics import accuracy
from tacit.evaluation.splits import probe_split
from tacit.evaluation.standardise import Standardiser, standardiser


@dataclass(frozen=True, kw_only=True)
class LayersProbeConfig:
    """Settings of the probe of all layers.

    Attributes:
        penalties: strengths of the L2 penalty to try, strongest first; see `LinearProbeConfig`.
        validation_share: part of the training set on which the penalty is chosen.
        iterations: of L-BFGS, at most.

    Raises:
        ValueError: no penalty, or numbers that are not above 0.
    """

    penalties: tuple[float, ...] = (0.1, 1e-2, 1e-3)
    validation_share: float = 0.2
    iterations: int = 200

    def __post_init__(self) -> None:
        if not self.penalties or min(*self.penalties, self.iterations) <= 0:
            raise ValueError(f"wanted penalties and iterations above 0; got {self}")


@dataclass(frozen=True, kw_only=True)
class LayersClassifier:
    """A fitted probe.

    Attributes:
        shares: how much each layer counts, from 0 and together 1.
        weight: on the weighted sum of the standardised layers.
        bias: per class.
        standardise: the statistics of the layers, one after the other, it was fitted on.
        penalty: the strength it was fitted with.
    """

    shares: Float[Tensor, " layers"]
    weight: Float[Tensor, "classes width"]
    bias: Float[Tensor, " classes"]
    standardise: Standardiser
    penalty: float

    def predict(
        self, features: Float[Tensor, "instances layers width"]
    ) -> Int[Tensor, " instances"]:
        """The likeliest class of every instance."""
        layers = self.standardise(features.flatten(1)).unflatten(1, features.shape[1:])
        return functional.linear(_summed(layers, self.shares), self.weight, self.bias).argmax(1)


def layers_probe(
    features: Float[Tensor, "instances layers width"],
    labels: Int[Tensor, " instances"],
    *,
    classes: int,
    generator: torch.Generator,
    groups: Int[Tensor, " instances"] | None = None,
    config: LayersProbeConfig | None = None,
) -> LayersClassifier:
    """Choose the penalty on a validation part of the training set, then fit on all of it.

    Args:
        features: of every layer, on the device to fit on.
        labels: class of every instance, in [0, classes).
        classes: how many classes there are.
        generator: decides the validation part, and nothing else.
        groups: instances of one group stay on one side of the split.
        config: settings.

    Raises:
        ValueError: too few instances to split.

    Source: SUPERB, Yang et al. 2021 (arXiv 2105.01051) section 3.1: softmax weights over the hidden
        states of a frozen model, learnt with a linear classifier on their mean over time. Differs:
        every feature of every layer is standardised first, or layers of large numbers would count
        more; without the input of the first layer; L-BFGS where SUPERB has Adam.
    """
    config = config or LayersProbeConfig()
    labels = labels.to(features.device)
    best, fitted = -1.0, config.penalties[0]
    if len(config.penalties) > 1:
        split = probe_split(labels, groups, share=config.validation_share, generator=generator)
        inside, outside = split.train.to(features.device), split.held_out.to(features.device)
        for penalty in config.penalties:
            model = _fit(features[inside], labels[inside], classes, penalty, config.iterations)
            found = accuracy(model.predict(features[outside]), labels[outside])
            if found > best:
                best, fitted = found, penalty
    return _fit(features, labels, classes, fitted, config.iterations)


def _fit(
    features: Float[Tensor, "instances layers width"],
    labels: Int[Tensor, " instances"],
    classes: int,
    penalty: float,
    iterations: int,
) -> LayersClassifier:
    """Shares begin equal and weights at zero."""
    flat = features.flatten(1).float()
    standardise = standardiser(flat)
    layers = standardise(flat).unflatten(1, features.shape[1:])
    mix = layers.new_zeros(layers.shape[1], requires_grad=True)
    weight = layers.new_zeros(classes, layers.shape[2], requires_grad=True)
    bias = layers.new_zeros(classes, requires_grad=True)
    optimiser = torch.optim.LBFGS(
        [mix, weight, bias], max_iter=iterations, line_search_fn="strong_wolfe"
    )

    def closure() -> Tensor:
        optimiser.zero_grad()
        scores = functional.linear(_summed(layers, mix.softmax(0)), weight, bias)
        loss: Tensor = functional.cross_entropy(scores, labels)
        loss = loss + penalty / 2 * weight.square().sum()
        loss.backward()
        return loss

    optimiser.step(closure)
    return LayersClassifier(
        shares=mix.detach().softmax(0),
        weight=weight.detach(),
        bias=bias.detach(),
        standardise=standardise,
        penalty=penalty,
    )


def _summed(
    layers: Float[Tensor, "instances layers width"], shares: Float[Tensor, " layers"]
) -> Float[Tensor, "instances width"]:
    summed: Tensor = torch.einsum("nlw,l->nw", layers, shares)
    return summed
