from __future__ import annotations

import pytest
import torch
from sklearn.linear_model import Ridge
from sklearn.preprocessing import StandardScaler
from torch import Tensor

from tacit.evaluation import RidgeProbeConfig, fit_ridge, r2, ridge_probe, rmse


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def noisy_line(instances: int = 80, width: int = 5) -> tuple[Tensor, Tensor]:
    features = 3 + 2 * torch.randn(instances, width, generator=seeded())
    slopes = torch.randn(width, 2, generator=seeded(1))
    noise = torch.randn(instances, 2, generator=seeded(2))
    return features, features @ slopes + 7 + 0.1 * noise


@pytest.mark.parametrize("penalty", [10.0, 0.1, 1e-6])
def test_the_fit_is_the_closed_form(penalty: float) -> None:
    features, labels = noisy_line()
    fitted = fit_ridge(features, labels, penalty=penalty)
    scaled = StandardScaler().fit_transform(features.double().numpy())
    theirs = Ridge(alpha=penalty * len(features)).fit(scaled, labels.double().numpy())
    assert torch.allclose(fitted.weight, torch.tensor(theirs.coef_.T), atol=1e-8)
    assert torch.allclose(fitted.predict(features), torch.tensor(theirs.predict(scaled)), atol=1e-6)


def test_the_validation_errors_are_those_of_separate_fits() -> None:
    from tacit.evaluation.splits import random_split

    features, labels = noisy_line()
    probed = ridge_probe(features, labels, generator=seeded(5))
    split = random_split(len(features), share=0.2, generator=seeded(5))
    for penalty, error in probed.tried:
        alone = fit_ridge(features[split.train], labels[split.train], penalty=penalty)
        gap = alone.predict(features[split.held_out]) - labels[split.held_out]
        assert error == pytest.approx(float(gap.square().mean()), rel=1e-6)
    assert probed.penalty == min(probed.tried, key=lambda pair: pair[1])[0]


def test_noise_alone_chooses_the_strongest_penalty_and_a_line_a_weak_one() -> None:
    features, labels = noisy_line()
    noise = torch.randn(80, 1, generator=seeded(8))
    assert ridge_probe(features, labels, generator=seeded()).penalty < 0.1
    assert ridge_probe(features, noise, generator=seeded()).penalty >= 1


def test_one_penalty_needs_no_validation_part() -> None:
    features, labels = noisy_line(3)
    config = RidgeProbeConfig(penalties=(1.0,))
    assert ridge_probe(features, labels, generator=seeded(), config=config).tried == ()


def test_labels_that_are_not_finite_are_refused() -> None:
    features, labels = noisy_line()
    labels[3] = float("nan")
    with pytest.raises(ValueError, match="finite labels"):
        ridge_probe(features, labels, generator=seeded())


def test_r2_and_rmse_have_their_known_values() -> None:
    labels = torch.tensor([[1.0], [2.0], [3.0], [6.0]])
    assert r2(labels, labels) == 1
    assert r2(torch.full_like(labels, 3), labels) == 0
    assert rmse(labels + 2, labels) == 2
    with pytest.raises(ValueError, match="constant target"):
        r2(labels, torch.ones_like(labels))
