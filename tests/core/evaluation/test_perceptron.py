from __future__ import annotations

import pytest
import torch
from torch import Tensor

from tacit.evaluation import (
    LinearProbe,
    PerceptronConfig,
    PerceptronProbe,
    Sample,
    Target,
    named_probes,
    perceptron_probe,
)


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def exclusive_or(instances: int, seed: int) -> tuple[Tensor, Tensor]:
    features = torch.randn(instances, 2, generator=seeded(seed))
    return features, (features.prod(1) > 0).long()


def test_classes_no_line_can_tell_apart_are_told_apart() -> None:
    (train, labels), (test, wanted) = exclusive_or(400, 0), exclusive_or(400, 1)
    target = Target(train=labels, test=wanted, classes=2)
    sample = Sample(train=train, test=test, target=target)
    assert LinearProbe()(sample, seeded())["accuracy"] < 0.65
    assert named_probes()["mlp"](sample, seeded())["accuracy"] > 0.9


def test_numbers_are_answered_on_their_own_scale() -> None:
    train, test = (torch.randn(400, 1, generator=seeded(seed)) for seed in (0, 1))
    target = Target(train=1000 + 50 * train.square(), test=1000 + 50 * test.square())
    scores = PerceptronProbe()(Sample(train=train, test=test, target=target), seeded())
    assert scores["r2"] > 0.9
    assert scores["rmse"] < 25


def test_the_same_generator_gives_the_same_probe_and_the_global_one_is_untouched() -> None:
    features, labels = exclusive_or(100, 0)
    config = PerceptronConfig(epochs=3)
    before = torch.get_rng_state()
    first, second = (
        perceptron_probe(features, labels, classes=2, generator=seeded(), config=config)
        for _ in range(2)
    )
    assert first.validation == second.validation
    assert torch.equal(before, torch.get_rng_state())


def test_it_stops_where_validation_no_longer_gains_and_keeps_the_best_weights() -> None:
    features = torch.randn(60, 5, generator=seeded(0))
    labels = torch.randint(2, (60,), generator=seeded(1))  # nothing to learn
    short, longer = (
        perceptron_probe(
            features,
            labels,
            classes=2,
            generator=seeded(),
            config=PerceptronConfig(patience=patience, lr=1e-2),
        )
        for patience in (3, 30)
    )
    best = min(range(len(short.validation)), key=lambda at: short.validation[at])
    assert len(short.validation) == best + 1 + 3 < 100
    assert longer.validation[: len(short.validation)] == short.validation


def test_settings_that_cannot_be_are_refused() -> None:
    with pytest.raises(ValueError, match="positive settings"):
        PerceptronConfig(epochs=0)
