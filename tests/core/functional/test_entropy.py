"""Effective entropy against sums written out, and the estimator against its exact expectation."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor
from torch.autograd import gradcheck
from torch.special import digamma

from tacit.functional import effective_entropy, marginal_entropy


def normal(rows: int, width: int, seed: int = 0) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(rows, width, generator=generator, dtype=torch.float64)


def entropy_of(column: list[float], window: int) -> float:
    ordered, rows = sorted(column), len(column)
    spacings = [ordered[i + window] - ordered[i] for i in range(rows - window)]
    return sum(math.log((rows + 1) / window * s) for s in spacings) / len(spacings)


@pytest.mark.parametrize("shape", [(12, 3), (5, 9)])
def test_it_is_entropies_and_covariances_of_the_squashed_dimensions(shape: tuple[int, int]) -> None:
    rows, width = shape
    x = normal(rows, width).requires_grad_()
    found = effective_entropy(x, entropy=3.0, covariance=2.0)
    cube = x.detach().sigmoid()
    window = round(math.sqrt(rows))
    entropy = sum(entropy_of(cube[:, d].tolist(), window) for d in range(width)) / width
    pairs = [(i, j) for i in range(width) for j in range(width) if i != j]
    middle = cube - cube.mean(0)
    together = sum(float(middle[:, i] @ middle[:, j] / (rows - 1)) ** 2 for i, j in pairs) / width
    assert float(found.entropy.detach()) == pytest.approx(entropy)
    assert float(found.covariance.detach()) == pytest.approx(together)
    assert float(found.loss.detach()) == pytest.approx(2 * together - 3 * entropy)
    assert gradcheck(lambda y: effective_entropy(y).loss, (x,))


def test_on_the_uniform_the_mean_estimate_is_the_known_one() -> None:
    rows, window = 256, 16
    generator = torch.Generator().manual_seed(0)
    drawn = torch.rand(rows, 4000, generator=generator, dtype=torch.float64)
    exact = digamma(torch.tensor(16.0)) - digamma(torch.tensor(257.0)) + math.log(257 / 16)
    assert float(marginal_entropy(drawn).mean()) == pytest.approx(float(exact), abs=0.005)
    assert float(marginal_entropy(drawn, window=window).mean()) == pytest.approx(-0.030, abs=0.005)


def test_what_is_gathered_in_the_middle_has_less() -> None:
    heaped = torch.distributions.Beta(5.0, 5.0).sample((256, 64))
    assert float(marginal_entropy(heaped).mean()) < -0.4


def test_a_constant_embedding_has_a_finite_loss_and_gradient() -> None:
    x = torch.zeros(16, 4, requires_grad=True)
    loss = effective_entropy(x).loss
    (slope,) = torch.autograd.grad(loss, x)
    assert loss.isfinite()
    assert slope.isfinite().all()


def test_half_precision_is_computed_in_full() -> None:
    x = normal(16, 4).bfloat16()
    torch.testing.assert_close(effective_entropy(x).loss, effective_entropy(x.float()).loss)


def test_a_window_wider_than_the_batch_is_refused() -> None:
    with pytest.raises(ValueError, match="1 to 3 for 4 instances"):
        marginal_entropy(normal(4, 2), window=4)
