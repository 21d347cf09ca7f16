"""Rows of length 1: value, gradients of both orders, and the floor."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from tacit.functional.precision import NORM_FLOOR, unit


def rows(scale: float = 1.0) -> Tensor:
    draw = torch.Generator().manual_seed(0)
    return (scale * torch.randn(5, 7, generator=draw, dtype=torch.float64)).requires_grad_()


def test_unit_is_normalize_with_its_gradient() -> None:
    x, direction = rows(), rows().detach().flip(0)
    (found,) = torch.autograd.grad((unit(x) * direction).sum(), x)
    expected = torch.nn.functional.normalize(x, dim=-1, eps=NORM_FLOOR)
    torch.testing.assert_close(unit(x), expected)
    torch.testing.assert_close(found, torch.autograd.grad((expected * direction).sum(), x)[0])


def test_unit_can_be_differentiated_twice() -> None:
    assert torch.autograd.gradcheck(unit, rows())
    assert torch.autograd.gradgradcheck(unit, rows())


@pytest.mark.parametrize("length", [0.0, 1e-3 * NORM_FLOOR])
def test_a_row_below_the_floor_is_divided_by_it_and_its_gradient_is_bounded(length: float) -> None:
    x = torch.zeros(1, 3, dtype=torch.float64)
    x[0, 0] = length
    x.requires_grad_()
    made = unit(x)
    torch.testing.assert_close(made, x / NORM_FLOOR)
    (slope,) = torch.autograd.grad(made.sum(), x, create_graph=True)
    torch.testing.assert_close(slope, torch.full_like(x, 1 / NORM_FLOOR))
    assert torch.autograd.grad(slope.sum(), x)[0].isfinite().all()


def test_unit_keeps_its_result_and_not_its_input() -> None:
    kept: list[Tensor] = []

    def keep(x: Tensor) -> Tensor:
        kept.append(x)
        return x

    with torch.autograd.graph.saved_tensors_hooks(keep, lambda x: x):
        made = unit(rows())
    assert sum(t.numel() for t in kept) == made.numel() + len(made)
