from __future__ import annotations

import numpy as np
import pytest
import torch
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler
from torch import Tensor

from tacit.evaluation import (
    LinearProbeConfig,
    LogisticConfig,
    accuracy,
    fit_logistic,
    linear,
    linear_probe,
    logistic,
)
from tacit.evaluation.standardise import Standardiser, standardiser

EXACT = LogisticConfig(precision="float64", tolerance=1e-7, max_iterations=1000)


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def digits() -> tuple[Tensor, Tensor]:
    images, labels = load_digits(return_X_y=True)
    return torch.tensor(images, dtype=torch.float32), torch.tensor(labels)


def clusters(instances: int = 120, width: int = 6, seed: int = 0) -> tuple[Tensor, Tensor]:
    labels = torch.arange(instances) % 3
    centres = torch.randn(3, width, generator=seeded(99))
    return centres[labels] + torch.randn(instances, width, generator=seeded(seed)), labels


@pytest.mark.parametrize("penalty", [10.0, 1.0, 1e-2])
def test_the_fit_is_that_of_scikit_learn(penalty: float) -> None:
    features, labels = digits()
    ours = fit_logistic(features, labels, classes=10, penalty=penalty, config=EXACT)
    scaled = StandardScaler().fit_transform(features.numpy().astype(np.float64))
    theirs = LogisticRegression(C=1 / (penalty * len(labels)), tol=1e-9, max_iter=5000)
    theirs.fit(scaled, labels.numpy())
    # The softmax cannot tell a common shift of the biases: compare them centred.
    bias = ours.bias - ours.bias.mean()
    assert np.allclose(ours.weight.numpy(), theirs.coef_, atol=1e-4)
    assert np.allclose(bias.numpy(), theirs.intercept_ - theirs.intercept_.mean(), atol=1e-4)
    assert np.array_equal(ours.predict(features).numpy(), theirs.predict(scaled))


def test_a_weak_penalty_reaches_the_loss_of_scikit_learn() -> None:
    features, labels = digits()
    penalty = 1e-4
    fine = LogisticConfig(tolerance=1e-5)
    ours = fit_logistic(features, labels, classes=10, penalty=penalty, config=fine)
    scaled = ours.standardise(features).double()
    theirs = LogisticRegression(C=1 / (penalty * len(labels)), tol=1e-8, max_iter=5000)
    theirs.fit(scaled.numpy(), labels.numpy())

    def objective(weight: Tensor, bias: Tensor) -> float:
        logits = scaled @ weight.double().T + bias.double()
        loss = torch.nn.functional.cross_entropy(logits, labels)
        return float(loss + penalty / 2 * weight.double().square().sum())

    best = objective(torch.tensor(theirs.coef_), torch.tensor(theirs.intercept_))
    assert objective(ours.weight, ours.bias) == pytest.approx(best, rel=1e-3)


def test_single_precision_gives_the_same_predictions() -> None:
    features, labels = digits()
    exact = fit_logistic(features, labels, classes=10, penalty=0.1, config=EXACT)
    fast = fit_logistic(features, labels, classes=10, penalty=0.1)
    assert accuracy(fast.predict(features), exact.predict(features)) > 0.998


def test_preconditioning_does_not_move_the_minimum(monkeypatch: pytest.MonkeyPatch) -> None:
    features, labels = clusters()
    features = features @ torch.randn(6, 6, generator=seeded(1))
    with_curvature = fit_logistic(features, labels, classes=3, penalty=1e-3, config=EXACT)
    monkeypatch.setattr(logistic, "_PRECONDITIONED_WIDTH", 0)
    without = fit_logistic(features, labels, classes=3, penalty=1e-3, config=EXACT)
    assert torch.allclose(with_curvature.weight, without.weight, atol=1e-4)
    assert torch.allclose(with_curvature.bias, without.bias, atol=1e-4)


def test_more_features_than_instances_and_constant_ones_are_fitted() -> None:
    features, labels = clusters(30, width=80)
    features[:, 7] = 0.1
    fitted = fit_logistic(features, labels, classes=3, penalty=1e-3)
    assert accuracy(fitted.predict(features), labels) == 1
    assert fitted.weight[:, 7].abs().max() < 1e-6


def test_the_start_does_not_change_the_result() -> None:
    features, labels = clusters()
    cold = fit_logistic(features, labels, classes=3, penalty=0.01, config=EXACT)
    start = torch.randn(3, 6, dtype=torch.float64, generator=seeded(4))
    warm = fit_logistic(features, labels, classes=3, penalty=0.01, start=start, config=EXACT)
    assert torch.allclose(cold.weight, warm.weight, atol=1e-4)


def test_the_penalty_chosen_is_the_best_on_validation_and_the_stronger_on_a_tie() -> None:
    features, labels = clusters(300)
    fitted = linear_probe(features, labels, classes=3, generator=seeded())
    best = max(score for _, score in fitted.tried)
    assert fitted.penalty == max(penalty for penalty, score in fitted.tried if score == best)


def test_the_grid_ends_when_weaker_penalties_stop_helping() -> None:
    features, labels = clusters(300)
    config = LinearProbeConfig(penalties=tuple(10.0**-p for p in range(7)), patience=2)
    tried = linear_probe(features, labels, classes=3, generator=seeded(), config=config).tried
    scores = [score for _, score in tried]
    assert len(tried) < 7
    assert scores.index(max(scores)) == len(scores) - 3


def test_the_probe_is_fitted_again_on_the_whole_training_set() -> None:
    features, labels = clusters()
    probed = linear_probe(
        features, labels, classes=3, generator=seeded(), config=LinearProbeConfig(solver=EXACT)
    )
    whole = fit_logistic(features, labels, classes=3, penalty=probed.penalty, config=EXACT)
    assert torch.allclose(probed.weight, whole.weight, atol=1e-4)
    assert torch.equal(probed.standardise.mean, features.double().mean(0))


def test_validation_instances_take_no_part_in_choosing_statistics(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    seen: list[int] = []

    def noted(features: Tensor) -> Standardiser:
        seen.append(len(features))
        return standardiser(features)

    monkeypatch.setattr(linear, "standardiser", noted)
    features, labels = clusters(100)
    linear_probe(features, labels, classes=3, generator=seeded())
    assert seen == [80, 100]  # the training part alone, then training and validation part


def test_the_features_given_are_left_as_they_were() -> None:
    features, labels = clusters()
    before = features.clone()
    fitted = linear_probe(features, labels, classes=3, generator=seeded())
    fitted.predict(features)
    assert torch.equal(features, before)


def test_the_same_seed_gives_the_same_probe() -> None:
    features, labels = clusters(90, seed=3)
    first = linear_probe(features, labels, classes=3, generator=seeded(1))
    torch.manual_seed(123)
    again = linear_probe(features, labels, classes=3, generator=seeded(1))
    other = linear_probe(features, labels, classes=3, generator=seeded(2))
    assert torch.equal(first.weight, again.weight)
    assert first.tried == again.tried
    assert first.tried != other.tried


def test_one_penalty_needs_no_validation_part() -> None:
    features, labels = torch.randn(3, 2, generator=seeded()), torch.arange(3)
    config = LinearProbeConfig(penalties=(0.1,))
    fitted = linear_probe(features, labels, classes=3, generator=seeded(), config=config)
    assert fitted.penalty == 0.1
    assert fitted.tried == ()


def test_running_out_of_iterations_is_warned_of() -> None:
    features, labels = clusters()
    config = LogisticConfig(max_iterations=1)
    with pytest.warns(RuntimeWarning, match="still moving after 1 iterations"):
        fit_logistic(features, labels, classes=3, penalty=1e-4, config=config)


@pytest.mark.parametrize(
    ("labels", "message"),
    [([0, 1, 3], "0 to 2, got 0 to 3"), ([-1, 0, 1], "got -1 to 1"), ([1, 1, 1], "only class 1")],
)
def test_unfit_labels_are_refused(labels: list[int], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        linear_probe(torch.randn(3, 2), torch.tensor(labels), classes=3, generator=seeded())


@pytest.mark.parametrize("penalties", [(), (1.0, 0.0), (0.1, 1.0)])
def test_unfit_penalties_are_refused(penalties: tuple[float, ...]) -> None:
    with pytest.raises(ValueError, match="positive penalties, strongest first"):
        LinearProbeConfig(penalties=penalties)
