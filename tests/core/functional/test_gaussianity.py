"""SIGReg against the definition of its statistic, and against what it should tell apart."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor
from torch.autograd import gradcheck

from tacit.functional import gaussianity, sigreg


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def sample(rows: int, width: int = 8, seed: int = 1) -> Tensor:
    return torch.randn(rows, width, generator=seeded(seed), dtype=torch.float64)


def written_out(x: Tensor, slices: int, knots: int, reach: float, seed: int) -> Tensor:
    """One direction and one point at a time."""
    drawn = torch.randn(x.shape[1], slices, generator=seeded(seed), dtype=x.dtype)
    total = torch.zeros((), dtype=x.dtype)
    step = reach / (knots - 1)
    for column in drawn.T:
        along = x @ (column / column.norm())
        for k in range(knots):
            t, weight = k * step, step if 0 < k < knots - 1 else step / 2
            real, imaginary = (along * t).cos().mean(), (along * t).sin().mean()
            gauss = math.exp(-t * t / 2)
            total = total + 2 * weight * gauss * ((real - gauss) ** 2 + imaginary**2)
    return total * len(x) / slices


def test_it_is_the_statistic_s_definition_with_its_gradient() -> None:
    x = (sample(7, 3) * 1.5 + 0.2).requires_grad_()
    found = sigreg(x, slices=5, knots=6, reach=2.5, generator=seeded(3))
    wanted = written_out(x, 5, 6, 2.5, 3)
    torch.testing.assert_close(found, wanted)
    (slope,), (expected,) = torch.autograd.grad(found, x), torch.autograd.grad(wanted, x)
    torch.testing.assert_close(slope, expected)
    assert gradcheck(lambda y: sigreg(y, slices=3, knots=5, generator=seeded()), (x,))


def test_a_gaussian_scores_about_one_whatever_the_batch() -> None:
    scores = [float(sigreg(sample(rows), generator=seeded())) for rows in (64, 512, 4096)]
    assert all(0.3 < score < 2 for score in scores)


@pytest.mark.parametrize("kind", ["constant", "narrow", "few dimensions", "two heaps"])
def test_what_is_not_gaussian_scores_higher(kind: str) -> None:
    x = sample(512)
    other = {
        "constant": torch.zeros_like(x),
        "narrow": 0.3 * x,
        "few dimensions": torch.cat([2 * x[:, :2], torch.zeros_like(x[:, 2:])], dim=1),
        "two heaps": 2 * x.sign() * torch.tensor([1.0] + [0.5] * 7),
    }[kind]
    assert float(sigreg(other, generator=seeded())) > 5 * float(sigreg(x, generator=seeded()))


def test_slices_taken_some_at_a_time_make_no_difference(monkeypatch: pytest.MonkeyPatch) -> None:
    x = sample(16).requires_grad_()
    whole = sigreg(x, slices=10, generator=seeded())
    (slope,) = torch.autograd.grad(whole, x)
    monkeypatch.setattr(gaussianity, "_AT_ONCE", 3 * 17 * 16)
    parts = sigreg(x, slices=10, generator=seeded())
    torch.testing.assert_close(parts, whole)
    torch.testing.assert_close(torch.autograd.grad(parts, x)[0], slope)


def test_half_precision_is_computed_in_full() -> None:
    x = sample(32).bfloat16()
    found = sigreg(x, generator=seeded())
    assert found.dtype == torch.float32
    torch.testing.assert_close(found, sigreg(x.float(), generator=seeded()))


def test_one_knot_or_no_slice_is_refused() -> None:
    with pytest.raises(ValueError, match="knots=1"):
        sigreg(sample(4), knots=1, generator=seeded())
    with pytest.raises(ValueError, match="slices=0"):
        sigreg(sample(4), slices=0, generator=seeded())
