"""Barlow Twins and VICReg against sums over dimensions written out, in both of their forms."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor
from torch.autograd import gradcheck, gradgradcheck

from tacit.functional import barlow_twins, vicreg

SHAPES = [(7, 3), (5, 5), (4, 5), (3, 12)]  # more rows than dimensions, as many, fewer, far fewer


def views(rows: int, width: int, seed: int = 0) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(seed)
    a, b = torch.randn(2, rows, width, generator=generator, dtype=torch.float64) * 0.7 + 0.3
    return a.requires_grad_(), b.requires_grad_()


def column(x: Tensor, d: int) -> list[Tensor]:
    return [x[i, d] for i in range(len(x))]


def mean(values: list[Tensor]) -> Tensor:
    return torch.stack(values).sum() / len(values)


def covariance(x: list[Tensor], y: list[Tensor], count: int) -> Tensor:
    products = [(p - mean(x)) * (q - mean(y)) for p, q in zip(x, y, strict=True)]
    return torch.stack(products).sum() / count


def barlow_by_dimensions(a: Tensor, b: Tensor) -> tuple[Tensor, Tensor]:
    rows, width = a.shape
    on, off = torch.zeros(2, dtype=torch.float64)
    for i in range(width):
        for j in range(width):
            x, y = column(a, i), column(b, j)
            scale = ((covariance(x, x, rows) + 1e-5) * (covariance(y, y, rows) + 1e-5)).sqrt()
            c = covariance(x, y, rows) / scale
            on, off = (on + (c - 1) ** 2, off) if i == j else (on, off + c**2)
    return on, off


def vicreg_by_dimensions(a: Tensor, b: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    rows, width = a.shape
    apart = torch.stack([(a[i, d] - b[i, d]) ** 2 for i in range(rows) for d in range(width)])
    narrow, together = torch.zeros(2, dtype=torch.float64)
    for x in (a, b):
        for i in range(width):
            deviation = (covariance(column(x, i), column(x, i), rows - 1) + 1e-4).sqrt()
            narrow = narrow + (1 - deviation).clamp_min(0) / width / 2
            for j in range(width):
                if i != j:
                    c = covariance(column(x, i), column(x, j), rows - 1)
                    together = together + c**2 / width
    return apart.sum() / (rows * width), narrow, together


@pytest.mark.parametrize("shape", SHAPES)
def test_barlow_twins_is_the_sum_over_dimensions(shape: tuple[int, int]) -> None:
    a, b = views(*shape)
    found = barlow_twins(a, b, off_diagonal=0.02)
    on, off = barlow_by_dimensions(a, b)
    torch.testing.assert_close(found.on_diagonal, on, rtol=1e-10, atol=1e-12)
    torch.testing.assert_close(found.off_diagonal, off, rtol=1e-10, atol=1e-12)
    same_gradient(found.loss, on + 0.02 * off, a, b)


@pytest.mark.parametrize("shape", SHAPES)
def test_vicreg_is_the_sum_over_dimensions(shape: tuple[int, int]) -> None:
    a, b = views(*shape)
    found = vicreg(a, b, invariance=3.0, variance=5.0, covariance=7.0)
    apart, narrow, together = vicreg_by_dimensions(a, b)
    torch.testing.assert_close(found.invariance, apart, rtol=1e-10, atol=1e-12)
    torch.testing.assert_close(found.variance, narrow, rtol=1e-10, atol=1e-12)
    torch.testing.assert_close(found.covariance, together, rtol=1e-10, atol=1e-12)
    same_gradient(found.loss, 3 * apart + 5 * narrow + 7 * together, a, b)


def same_gradient(ours: Tensor, theirs: Tensor, *inputs: Tensor) -> None:
    torch.testing.assert_close(ours, theirs, rtol=1e-10, atol=1e-12)
    for x, y in zip(
        torch.autograd.grad(ours, inputs), torch.autograd.grad(theirs, inputs), strict=True
    ):
        torch.testing.assert_close(x, y, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("shape", [(4, 2), (2, 4)])
def test_both_forms_can_be_differentiated_twice(shape: tuple[int, int]) -> None:
    a, b = views(*shape)
    assert gradcheck(lambda a, b: barlow_twins(a, b).loss, (a, b))
    assert gradcheck(lambda a, b: vicreg(a, b).loss, (a, b))
    assert gradgradcheck(lambda a, b: barlow_twins(a, b).loss, (a, b))
    assert gradgradcheck(lambda a, b: vicreg(a, b).loss, (a, b))


def test_views_of_independent_dimensions_cost_nothing() -> None:
    signs = torch.tensor([[1.0, 1.0], [1.0, -1.0], [-1.0, 1.0], [-1.0, -1.0]])
    found = barlow_twins(signs, signs)
    assert found.off_diagonal == 0
    assert found.on_diagonal < 1e-8
    assert vicreg(signs, signs).loss == 0


@pytest.mark.parametrize("rows", [32, 63, 500])
def test_a_small_covariance_is_not_lost_in_the_difference_of_large_sums(rows: int) -> None:
    noise = torch.randn(rows, 64, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    left, _, right = torch.linalg.svd(noise, full_matrices=False)
    x = left @ right  # its dimensions are as little correlated as so many rows allow
    single, double = vicreg(x.float(), x.float()).covariance, vicreg(x, x).covariance
    assert float(single) == pytest.approx(float(double), rel=1e-4)
    apart = [barlow_twins(y, y).off_diagonal for y in (x.float(), x)]
    assert float(apart[0]) == pytest.approx(float(apart[1]), rel=1e-4)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
@pytest.mark.parametrize("shape", [(32, 8), (8, 64)])
def test_half_precision_is_summed_in_single(shape: tuple[int, int], dtype: torch.dtype) -> None:
    a, b = (x.detach().mul(100).to(dtype) for x in views(*shape))  # squares overflow float16
    for loss in (barlow_twins, vicreg):
        found, exact = loss(a, b).loss, loss(a.double(), b.double()).loss
        assert found.dtype == torch.float32
        torch.testing.assert_close(found.double(), exact, rtol=1e-4, atol=1e-4)


def test_autocast_does_not_touch_the_losses() -> None:
    a, b = (x.detach().float() for x in views(4, 16))
    outside = barlow_twins(a, b), vicreg(a, b)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert (barlow_twins(a, b), vicreg(a, b)) == outside


@pytest.mark.parametrize("shape", [(8, 3), (3, 8)])
def test_collapsed_embeddings_give_finite_gradients(shape: tuple[int, int]) -> None:
    for fill in (0.0, 2.5):
        for loss in (barlow_twins, vicreg):
            a = torch.full(shape, fill).requires_grad_()
            found = loss(a, a.detach()).loss
            (slope,) = torch.autograd.grad(found, a)
            assert found.isfinite()
            assert slope.isfinite().all()
    assert float(vicreg(a, a).variance.detach()) == pytest.approx(1 - 0.01)


def test_one_instance_has_no_statistics() -> None:
    x = torch.ones(1, 4)
    for loss in (barlow_twins, vicreg):
        with pytest.raises(ValueError, match="at least 2 instances, got 1"):
            loss(x, x)


def test_fewer_rows_than_dimensions_never_make_a_matrix_over_dimensions() -> None:
    sizes: list[int] = []

    def note(x: Tensor) -> Tensor:
        sizes.append(x.numel())
        return x

    a, b = (x.detach().float().requires_grad_() for x in views(4, 256))
    for loss in (barlow_twins, vicreg):
        with torch.autograd.graph.saved_tensors_hooks(note, lambda x: x):
            torch.autograd.backward(loss(a, b).loss)
    assert max(sizes) <= 4 * 256
