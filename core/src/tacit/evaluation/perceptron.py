"""The perceptron probe: a small network on frozen features, for classes and for numbers.

A linear probe asks what can be read off; a perceptron asks what is there at all. On raw features it
is the supervised network of the same size, the baseline that pretrained features must beat. When to
stop is decided on a validation part split off the training set; the test set is never given.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn import functional

from tacit.evaluation.splits import probe_split
from tacit.evaluation.standardise import Standardiser, standardiser


@dataclass(frozen=True, kw_only=True)
class PerceptronConfig:
    """Settings of the perceptron probe.

    Attributes:
        widths: features of the hidden layers, each followed by a ReLU.
        lr: of AdamW.
        weight_decay: of AdamW, for all parameters.
        batch: instances of a step; all of them where there are fewer.
        epochs: passes over the fitted part, at most.
        patience: stop after this many passes in a row without a better validation loss.
        validation_share: part of the training set that decides when to stop.
    """

    widths: tuple[int, ...] = (256, 256)
    lr: float = 1e-3
    weight_decay: float = 1e-4
    batch: int = 256
    epochs: int = 100
    patience: int = 10
    validation_share: float = 0.2

    def __post_init__(self) -> None:
        whole = (*self.widths, self.batch, self.epochs, self.patience)
        if min(whole) < 1 or self.lr <= 0 or self.weight_decay < 0:
            raise ValueError(f"wanted positive settings, got {self}")


@dataclass(frozen=True, kw_only=True)
class Perceptron:
    """A fitted probe.

    Attributes:
        network: on standardised features.
        standardise: the statistics of the features it was fitted on.
        labels: those of the numbers; None for classes.
        validation: the validation loss after each pass: cross-entropy, or the mean squared error
            of standardised numbers.
    """

    network: nn.Module
    standardise: Standardiser
    labels: Standardiser | None
    validation: tuple[float, ...]

    def predict(self, features: Float[Tensor, "instances width"]) -> Tensor:
        """The likeliest class `(instances,)`, or the numbers `(instances, targets)`."""
        with torch.no_grad():
            answer: Tensor = self.network(self.standardise(features))
        if self.labels is None:
            return answer.argmax(1)
        return answer.double() * self.labels.scale + self.labels.mean


def perceptron_probe(
    features: Float[Tensor, "instances width"],
    labels: Int[Tensor, " instances"] | Float[Tensor, "instances targets"],
    *,
    classes: int | None,
    generator: torch.Generator,
    groups: Int[Tensor, " instances"] | None = None,
    config: PerceptronConfig | None = None,
) -> Perceptron:
    """Train on one part of the training set until the other has not gained for a while.

    Args:
        features: of the training set, on the device to fit on.
        labels: class of every instance, or its numbers.
        classes: how many classes there are; None for numbers.
        generator: decides the validation part, the weights at the start and the order of instances.
        groups: instances of one group stay on one side of the split.
        config: settings.

    Raises:
        ValueError: too few instances to split.
    """
    config = config or PerceptronConfig()
    split = probe_split(labels, groups, share=config.validation_share, generator=generator)
    train, held_out = split.train.to(features.device), split.held_out.to(features.device)
    wanted = labels.to(features.device)
    standardise = standardiser(features[train].float())
    numbers = standardiser(wanted[train].double()) if classes is None else None
    inputs = standardise(features)
    answers = wanted if numbers is None else numbers(wanted).float()
    outputs = classes if classes is not None else answers.shape[1]
    network = _network(inputs.shape[1], config.widths, outputs, generator).to(features.device)

    def loss(part: Tensor) -> Tensor:
        answer = network(inputs[part])
        if classes is not None:
            return functional.cross_entropy(answer, answers[part])
        return functional.mse_loss(answer, answers[part])

    validation = _fit(network, loss, train, held_out, generator, config)
    return Perceptron(
        network=network, standardise=standardise, labels=numbers, validation=validation
    )


def _network(
    width: int, hidden: tuple[int, ...], outputs: int, generator: torch.Generator
) -> nn.Sequential:
    seed = int(torch.randint(2**31, (), generator=generator))
    layers: list[nn.Module] = []
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        for each in hidden:
            layers += [nn.Linear(width, each), nn.ReLU()]
            width = each
        layers.append(nn.Linear(width, outputs))
    return nn.Sequential(*layers)


def _fit(
    network: nn.Module,
    loss: Callable[[Tensor], Tensor],
    train: Tensor,
    held_out: Tensor,
    generator: torch.Generator,
    config: PerceptronConfig,
) -> tuple[float, ...]:
    """Train in place, leave the weights of the best pass, and answer the validation losses."""
    optimiser = torch.optim.AdamW(
        network.parameters(), lr=config.lr, weight_decay=config.weight_decay
    )
    seen: list[float] = []
    best = copy.deepcopy(network.state_dict())
    for _ in range(config.epochs):
        order = torch.randperm(len(train), generator=generator).to(train.device)
        for part in train[order].split(config.batch):
            optimiser.zero_grad()
            loss(part).backward()
            optimiser.step()
        with torch.no_grad():
            seen.append(float(loss(held_out)))
        top = min(range(len(seen)), key=lambda at: seen[at])
        if top == len(seen) - 1:
            best = copy.deepcopy(network.state_dict())
        if len(seen) - 1 - top >= config.patience:
            break
    network.load_state_dict(best)
    return tuple(seen)
