"""The loss of Eckart and Young against covariances written out, and against linear CCA."""

from __future__ import annotations

import numpy
import pytest
import torch
from torch import Tensor
from torch.autograd import gradcheck

from tacit.functional import eckart_young

SHAPES = [(9, 2), (4, 9)]  # fewer dimensions than rows of all views, and more


def some(count: int, rows: int, width: int, seed: int = 0) -> list[Tensor]:
    generator = torch.Generator().manual_seed(seed)
    made = torch.randn(count, rows, width, generator=generator, dtype=torch.float64) + 0.4
    return [view.clone().requires_grad_() for view in made]


def covariance(x: Tensor, y: Tensor) -> Tensor:
    """Entry by entry."""
    rows = len(x)
    p, q = x - sum(x[i] for i in range(rows)) / rows, y - sum(y[i] for i in range(rows)) / rows
    return sum(torch.outer(p[i], q[i]) for i in range(rows)) / (rows - 1)  # type: ignore[return-value]


def written_out(views: list[Tensor]) -> Tensor:
    count = len(views)
    shared = sum(
        covariance(views[i], views[j]).trace() for i in range(count) for j in range(count) if i != j
    )
    within = sum(covariance(view, view) for view in views)
    return (within @ within).trace() - 2 * shared  # type: ignore[union-attr, operator]


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("count", [2, 3])
def test_it_is_the_paper_s_formula_with_its_gradient(count: int, shape: tuple[int, int]) -> None:
    views = some(count, *shape)
    found, wanted = eckart_young(views).loss, written_out(views)
    torch.testing.assert_close(found, wanted)
    slopes = torch.autograd.grad(found, views)
    torch.testing.assert_close(slopes, torch.autograd.grad(wanted, views))


@pytest.mark.parametrize("shape", [(8, 2), (4, 9)])
def test_halves_multiply_the_covariances_of_even_and_odd_rows(shape: tuple[int, int]) -> None:
    views = some(2, *shape)
    found = eckart_young(views, halves=True)
    even, odd = (sum(covariance(v[s::2], v[s::2]) for v in views) for s in (0, 1))
    torch.testing.assert_close(found.penalty, (even @ odd).trace())  # type: ignore[operator, union-attr]
    torch.testing.assert_close(found.shared, eckart_young(views).shared)
    assert gradcheck(lambda *v: eckart_young(v, halves=True).loss, views)


def test_linear_maps_find_the_canonical_correlations() -> None:
    """Gradient descent reaches what the SVD of the whitened cross-covariance gives, within 1 %."""
    generator = torch.Generator().manual_seed(0)
    latent = torch.randn(400, 2, generator=generator, dtype=torch.float64)
    noise = torch.randn(2, 400, 4, generator=generator, dtype=torch.float64)
    maps = torch.randn(2, 2, 4, generator=generator, dtype=torch.float64)
    data = [latent @ maps[v] + 0.7 * noise[v] for v in (0, 1)]
    roots = [numpy.linalg.inv(numpy.linalg.cholesky(numpy.cov(x.numpy().T))) for x in data]
    cross = covariance(*data).numpy()
    correlations = numpy.linalg.svd(roots[0] @ cross @ roots[1].T, compute_uv=False)[:2]
    weights = [torch.randn(4, 2, generator=generator, dtype=torch.float64) for _ in data]
    leaves = [w.div(3).requires_grad_() for w in weights]
    optimizer = torch.optim.LBFGS(leaves, max_iter=200, line_search_fn="strong_wolfe")

    def closure() -> Tensor:
        optimizer.zero_grad()
        loss = eckart_young([x @ w for x, w in zip(data, leaves, strict=True)]).loss
        loss.backward()  # type: ignore[no-untyped-call]
        return loss

    optimizer.step(closure)  # type: ignore[no-untyped-call]
    assert float(closure().detach()) == pytest.approx(-float((correlations**2).sum()), rel=0.01)


def test_a_constant_embedding_gains_nothing() -> None:
    views = [torch.ones(6, 3), torch.ones(6, 3)]
    assert float(eckart_young(views).loss) == 0


def test_half_precision_is_computed_in_full() -> None:
    views = [100 * view.detach().bfloat16() for view in some(2, 8, 3)]
    torch.testing.assert_close(
        eckart_young(views).loss, eckart_young([view.float() for view in views]).loss
    )


def test_what_cannot_be_correlated_is_refused() -> None:
    with pytest.raises(ValueError, match="two or more views"):
        eckart_young([torch.zeros(4, 2)])
    with pytest.raises(ValueError, match=r"\(4, 2\), \(4, 3\)"):
        eckart_young([torch.zeros(4, 2), torch.zeros(4, 3)])
    with pytest.raises(ValueError, match="at least 2 instances"):
        eckart_young([torch.zeros(1, 2), torch.zeros(1, 2)])
    with pytest.raises(ValueError, match="even number"):
        eckart_young([torch.zeros(5, 2), torch.zeros(5, 2)], halves=True)
