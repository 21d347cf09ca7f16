"""Losses on predictions against the same sums written token by token."""

from __future__ import annotations

import math
from collections.abc import Callable

import pytest
import torch
from torch import Tensor
from torch.autograd import gradcheck

from tacit.functional import (
    masked_l1,
    masked_mean_squared_error,
    masked_smooth_l1,
    negative_cosine,
    normalise_tokens,
    scaled_cosine_error,
)

Loss = Callable[[Tensor, Tensor, Tensor], Tensor]

DENSE, PACKED = (2, 5, 3), (7, 3)


def example(shape: tuple[int, ...]) -> tuple[Tensor, Tensor, Tensor]:
    generator = torch.Generator().manual_seed(0)
    prediction, target = torch.randn(2, *shape, generator=generator, dtype=torch.float64) * 1.5
    hidden = torch.rand(shape[:-1], generator=generator) < 0.6
    return prediction.requires_grad_(), target, hidden


def smooth(difference: float, beta: float) -> float:
    size = abs(difference)
    return size**2 / (2 * beta) if size < beta else size - beta / 2


def over_width(error: Callable[[float], float]) -> Callable[[list[float], list[float]], float]:
    return lambda p, t: sum(error(x - y) for x, y in zip(p, t, strict=True)) / len(p)


def cosine(p: list[float], t: list[float]) -> float:
    product = sum(x * y for x, y in zip(p, t, strict=True))
    return product / math.sqrt(sum(x * x for x in p) * sum(y * y for y in t))


CASES: dict[str, tuple[Loss, Callable[[list[float], list[float]], float]]] = {
    "mean squared error": (masked_mean_squared_error, over_width(lambda d: d * d)),
    "l1": (masked_l1, over_width(abs)),
    "smooth l1": (
        lambda p, t, h: masked_smooth_l1(p, t, h, beta=0.5),
        over_width(lambda d: smooth(d, 0.5)),
    ),
    "scaled cosine": (
        lambda p, t, h: scaled_cosine_error(p, t, h, gamma=2.5),
        lambda p, t: (1 - cosine(p, t)) ** 2.5,
    ),
}


@pytest.mark.parametrize("shape", [DENSE, PACKED], ids=["dense", "packed"])
@pytest.mark.parametrize("name", CASES)
def test_only_hidden_tokens_count_and_each_counts_once(name: str, shape: tuple[int, ...]) -> None:
    loss, of_token = CASES[name]
    prediction, target, hidden = example(shape)
    tokens = zip(
        prediction.detach().flatten(0, -2).tolist(),
        target.flatten(0, -2).tolist(),
        hidden.flatten().tolist(),
        strict=True,
    )
    losses = [of_token(p, t) for p, t, h in tokens if h]
    found = loss(prediction, target, hidden)
    assert 1 < len(losses) < hidden.numel()
    assert float(found.detach()) == pytest.approx(sum(losses) / len(losses), rel=1e-12)
    assert gradcheck(lambda p: loss(p, target, hidden), (prediction,))
    (slope,) = torch.autograd.grad(found, prediction)
    assert (slope[~hidden] == 0).all()
    assert (slope[hidden] != 0).any(-1).all()


@pytest.mark.parametrize("name", CASES)
def test_nothing_hidden_costs_nothing(name: str) -> None:
    loss, _ = CASES[name]
    prediction, target, hidden = example(DENSE)
    found = loss(prediction, target, torch.zeros_like(hidden))
    (slope,) = torch.autograd.grad(found, prediction)
    assert found == 0
    assert (slope == 0).all()


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
@pytest.mark.parametrize("name", CASES)
def test_half_precision_is_summed_in_single(name: str, dtype: torch.dtype) -> None:
    loss, _ = CASES[name]
    prediction, target, hidden = example(DENSE)
    p, t = (x.detach().mul(300).to(dtype) for x in (prediction, target))  # squares overflow float16
    with torch.autocast("cpu", dtype=torch.bfloat16):
        found = loss(p, t, hidden)
    assert found.dtype == torch.float32
    torch.testing.assert_close(
        found.double(), loss(p.double(), t.double(), hidden), rtol=1e-4, atol=1e-5
    )


def test_negative_cosine_is_minus_the_mean_cosine() -> None:
    prediction, target, _ = example(PACKED)
    rows = zip(prediction.detach().tolist(), target.tolist(), strict=True)
    found = negative_cosine(prediction, target)
    assert float(found.detach()) == pytest.approx(
        -sum(cosine(p, t) for p, t in rows) / 7, rel=1e-12
    )
    assert gradcheck(negative_cosine, (prediction, target))
    assert negative_cosine(target, 3 * target) == pytest.approx(-1)
    assert negative_cosine(target, -target) == pytest.approx(1)


def test_byol_is_the_squared_distance_of_normalised_rows() -> None:
    prediction, target, _ = (x.detach() for x in example(PACKED))
    p, t = (x / x.norm(dim=1, keepdim=True) for x in (prediction, target))
    expected = (p - t).square().sum(1).mean()
    torch.testing.assert_close(2 + 2 * negative_cosine(prediction, target), expected)


def test_zero_vectors_give_finite_gradients() -> None:
    zeros, target = torch.zeros(4, 3).requires_grad_(), torch.ones(4, 3)
    for loss in (negative_cosine(zeros, target), scaled_cosine_error(zeros, target)):
        (slope,) = torch.autograd.grad(loss, zeros)
        assert slope.isfinite().all()


@pytest.mark.parametrize("gamma", [1.0, 1.5, 2.0, 3.0])
def test_a_perfect_direction_costs_nothing_and_pulls_finitely(gamma: float) -> None:
    x = (torch.arange(30.0).reshape(10, 3) / 7 + 0.1).requires_grad_()
    loss = scaled_cosine_error(x, 5 * x.detach(), gamma=gamma)
    (slope,) = torch.autograd.grad(loss, x)
    assert 0 <= loss < 1e-6
    assert slope.isfinite().all()


def test_smooth_l1_with_its_default_is_torchs() -> None:
    prediction, target, hidden = example(DENSE)
    everything = torch.ones_like(hidden)
    torch.testing.assert_close(
        masked_smooth_l1(prediction, target, everything),
        torch.nn.functional.smooth_l1_loss(prediction, target),
    )


def test_tokens_are_normalised_by_their_own_unbiased_variance() -> None:
    _, target, _ = example(DENSE)
    for token, raw in zip(
        normalise_tokens(target).flatten(0, 1).tolist(), target.flatten(0, 1).tolist(), strict=True
    ):
        mean = sum(raw) / 3
        variance = sum((x - mean) ** 2 for x in raw) / 2
        assert token == pytest.approx([(x - mean) / math.sqrt(variance + 1e-6) for x in raw])


def test_a_constant_token_becomes_zero() -> None:
    assert (normalise_tokens(torch.full((2, 4), 0.3)).abs() < 1e-3).all()


def test_normalised_tokens_are_in_single_precision_even_under_autocast() -> None:
    tokens = torch.randn(4, 16, generator=torch.Generator().manual_seed(0)).bfloat16()
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert normalise_tokens(tokens).dtype == torch.float32


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda x, h: masked_smooth_l1(x, x, h, beta=0.0), "masked_l1"),
        (lambda x, h: scaled_cosine_error(x, x, h, gamma=0.5), "gamma must be at least 1"),
        (lambda x, h: normalise_tokens(x[..., :1]), "width of at least 2, got 1"),
    ],
)
def test_mistakes_are_named(call: Callable[[Tensor, Tensor], object], message: str) -> None:
    prediction, _, hidden = example(DENSE)
    with pytest.raises(ValueError, match=message):
        call(prediction, hidden)
