"""The shortest convex combination of gradients: against closed forms and a search."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from tacit.functional import min_norm


def drawn(terms: int, width: int, seed: int) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(terms, width, generator=generator, dtype=torch.float64) + 0.3


@pytest.mark.parametrize("seed", range(20))
def test_two_gradients_have_the_closed_form(seed: int) -> None:
    a, b = pair = drawn(2, 3, seed)
    share = (((b - a) @ b) / (a - b).square().sum()).clamp(0, 1)
    torch.testing.assert_close(min_norm(pair), torch.stack([share, 1 - share]))


@pytest.mark.parametrize("seed", range(10))
@pytest.mark.parametrize(("terms", "width"), [(3, 2), (3, 8), (5, 4), (6, 20)])
def test_no_other_weights_give_a_shorter_combination(terms: int, width: int, seed: int) -> None:
    gradients = drawn(terms, width, seed)
    weights = min_norm(gradients)
    assert weights.min() >= 0
    assert weights.sum() == pytest.approx(1)
    best = (weights @ gradients).norm()
    generator = torch.Generator().manual_seed(seed)
    others = torch.rand(2000, terms, generator=generator, dtype=torch.float64).log().neg()
    others = torch.cat([others / others.sum(1, keepdim=True), torch.eye(terms).double()])
    assert (others @ gradients).norm(dim=1).min() >= best - 1e-12
    near = 0.999 * weights + 0.001 * others
    assert (near @ gradients).norm(dim=1).min() >= best - 1e-12


@pytest.mark.parametrize("normalise", [False, True])
@pytest.mark.parametrize("seed", range(10))
def test_a_step_along_the_combination_raises_no_loss(seed: int, normalise: bool) -> None:
    gradients = drawn(4, 12, seed) * torch.tensor([1.0, 100.0, 0.01, 3.0])[:, None]
    combined = min_norm(gradients, normalise=normalise) @ gradients
    assert (gradients @ combined).min() >= -1e-9 * gradients.norm()


def test_opposite_gradients_leave_nothing_to_step_along() -> None:
    gradients = torch.tensor([[1.0, 0.0], [-2.0, 0.0], [0.0, 5.0]])
    torch.testing.assert_close(min_norm(gradients) @ gradients, torch.zeros(2))


def test_normalised_gradients_are_weighed_by_direction_alone() -> None:
    gradients = torch.tensor([[3.0, 0.0], [0.0, 0.5]])
    weights = min_norm(gradients, normalise=True)
    combined = weights @ gradients
    assert combined[0] == pytest.approx(combined[1])
    assert weights.sum() == pytest.approx(1)
    torch.testing.assert_close(
        min_norm(gradients, normalise=True), min_norm(7 * gradients, normalise=True)
    )


@pytest.mark.parametrize("normalise", [False, True])
def test_equal_and_vanishing_gradients_are_no_trouble(normalise: bool) -> None:
    equal = torch.tensor([[1.0, 2.0]]).expand(3, 2)
    torch.testing.assert_close(min_norm(equal, normalise=normalise) @ equal, equal[0])
    vanishing = torch.tensor([[1.0, 2.0], [0.0, 0.0]])
    found = min_norm(vanishing, normalise=normalise)
    assert found.isfinite().all()
    assert found.sum() == pytest.approx(1)
    assert min_norm(torch.zeros(2, 4), normalise=normalise).sum() == pytest.approx(1)


def test_one_loss_has_the_weight_one() -> None:
    torch.testing.assert_close(min_norm(torch.tensor([[0.1, -3.0]])), torch.ones(1))


def test_too_many_losses_are_refused() -> None:
    with pytest.raises(ValueError, match="at most 10 losses; got 11"):
        min_norm(torch.ones(11, 2))
