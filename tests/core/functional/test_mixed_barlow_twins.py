"""Mixed Barlow Twins against sums over pairs of dimensions written out, and its limits."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor
from torch.autograd import gradcheck

from tacit.functional import MixedBarlowTwins, barlow_twins, mixed_barlow_twins

SHAPES = [(9, 3), (5, 5), (4, 11)]  # more rows than dimensions, as many, fewer


def embeddings(rows: int, width: int) -> tuple[Tensor, Tensor, Tensor]:
    generator = torch.Generator().manual_seed(0)
    a, b, m = torch.randn(3, rows, width, generator=generator, dtype=torch.float64) * 0.7 + 0.3
    return a.requires_grad_(), b.requires_grad_(), m.requires_grad_()


def loss(a: Tensor, b: Tensor, m: Tensor, share: float = 0.3, **weights: float) -> MixedBarlowTwins:
    order = torch.arange(len(a)).roll(2)
    number = torch.tensor(share, dtype=torch.float64)
    return mixed_barlow_twins(a, b, m, order=order, share=number, **weights)


def by_correlations(a: Tensor, b: Tensor, m: Tensor, share: float) -> Tensor:
    """The authors' way: correlations of the mixed views, and of the views themselves."""
    x, y, z = ((v - v.mean(0)) / (v.var(0, unbiased=False) + 1e-5).sqrt() for v in (a, b, m))
    total = torch.zeros((), dtype=torch.float64)
    for other in (x, y):
        for i in range(a.shape[1]):
            for j in range(a.shape[1]):
                found = (z[:, i] * other[:, j]).mean()
                first = (x[:, i] * other[:, j]).mean()
                second = (y[:, i].roll(2) * other[:, j]).mean()
                total = total + (found - share * first - (1 - share) * second) ** 2
    return total


@pytest.mark.parametrize("shape", SHAPES)
def test_it_is_the_difference_of_the_correlations_of_the_paper(shape: tuple[int, int]) -> None:
    a, b, m = embeddings(*shape)
    found = loss(a, b, m, off_diagonal=0.02, mixing=3.0)
    plain, part = barlow_twins(a, b, off_diagonal=0.02), by_correlations(a, b, m, 0.3)
    torch.testing.assert_close(found.mixing, part, rtol=1e-10, atol=1e-12)
    wanted = plain.loss + 0.02 * 3 * part
    torch.testing.assert_close(found.loss, wanted, rtol=1e-10, atol=1e-12)
    slopes = torch.autograd.grad(found.loss, (a, b, m))
    for own, other in zip(slopes, torch.autograd.grad(wanted, (a, b, m)), strict=True):
        torch.testing.assert_close(own, other, rtol=1e-9, atol=1e-12)
    assert gradcheck(lambda *each: loss(*each).loss, (a, b, m))


@pytest.mark.parametrize("shape", SHAPES)
def test_without_its_weight_it_is_barlow_twins_bit_for_bit(shape: tuple[int, int]) -> None:
    a, b, m = embeddings(*shape)
    found, plain = loss(a, b, m, mixing=0.0), barlow_twins(a, b)
    assert torch.equal(found.loss, plain.loss)
    assert torch.equal(found.on_diagonal, plain.on_diagonal)
    assert torch.equal(found.off_diagonal, plain.off_diagonal)


@pytest.mark.parametrize("shape", SHAPES)
def test_a_mixture_that_is_one_of_the_two_costs_nothing_where_it_is_embedded_there(
    shape: tuple[int, int],
) -> None:
    a, b, _ = embeddings(*shape)
    assert loss(a, b, a, share=1.0).mixing == 0
    assert float(loss(a, b, b.roll(2, 0), share=0.0).mixing.detach()) < 1e-20
    assert float(loss(a, b, a, share=0.0).mixing.detach()) > 0.1


def test_constant_embeddings_have_a_finite_loss_and_gradient() -> None:
    a = torch.ones(6, 4, dtype=torch.float64, requires_grad=True)
    found = loss(a, a, a).loss
    (slope,) = torch.autograd.grad(found, a)
    assert float(found.detach()) == pytest.approx(4.0)
    assert slope.isfinite().all()


def test_half_precision_is_computed_in_full() -> None:
    a, b, m = (1000 * v.detach().bfloat16() for v in embeddings(32, 8))
    order, share = torch.arange(32).roll(2), torch.tensor(0.3)
    found = mixed_barlow_twins(a, b, m, order=order, share=share).loss
    exact = mixed_barlow_twins(a.float(), b.float(), m.float(), order=order, share=share).loss
    torch.testing.assert_close(found, exact)


def test_one_instance_is_refused() -> None:
    with pytest.raises(ValueError, match="at least 2 instances, got 1"):
        loss(*embeddings(1, 3))
