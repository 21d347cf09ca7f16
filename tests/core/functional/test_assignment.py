"""Sinkhorn's assignments: shares, limits, and the plain iteration on numbers."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from tacit.functional import sinkhorn


def scores(rows: int = 12, prototypes: int = 4, seed: int = 0) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.rand(rows, prototypes, generator=generator, dtype=torch.float64) * 2 - 1


def by_hand(x: list[list[float]], sharpness: float, iterations: int) -> list[list[float]]:
    """The paper's iteration, as it is written: prototypes to 1 / K, instances to 1 / B."""
    q = [[math.exp(v / sharpness) for v in row] for row in x]
    rows, prototypes = len(q), len(q[0])
    total = sum(map(sum, q))
    q = [[v / total for v in row] for row in q]
    for _ in range(iterations):
        columns = [sum(row[k] for row in q) for k in range(prototypes)]
        q = [[row[k] / columns[k] / prototypes for k in range(prototypes)] for row in q]
        q = [[v / sum(row) / rows for v in row] for row in q]
    return [[v * rows for v in row] for row in q]


def test_it_is_the_paper_s_iteration() -> None:
    x = scores()
    wanted = torch.tensor(by_hand(x.tolist(), 0.2, 3), dtype=torch.float64)
    torch.testing.assert_close(sinkhorn(x, sharpness=0.2, iterations=3), wanted)


def test_rows_are_exact_and_prototypes_get_equal_shares() -> None:
    codes = sinkhorn(scores(), sharpness=0.3, iterations=100)
    torch.testing.assert_close(codes.sum(1), torch.ones(12, dtype=torch.float64))
    torch.testing.assert_close(codes.sum(0), torch.full((4,), 3.0, dtype=torch.float64))


def test_a_collapsed_batch_is_spread_evenly_and_not_given_to_one_prototype() -> None:
    same = scores(1).expand(12, -1)
    torch.testing.assert_close(sinkhorn(same), torch.full((12, 4), 0.25, dtype=torch.float64))


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_sharp_assignments_neither_overflow_nor_vanish(dtype: torch.dtype) -> None:
    codes = sinkhorn(scores().to(dtype), sharpness=0.03)
    assert codes.dtype == torch.float32
    assert codes.isfinite().all()
    torch.testing.assert_close(codes.sum(1), torch.ones(12))


def test_no_gradient_goes_through_an_assignment() -> None:
    assert not sinkhorn(scores().requires_grad_()).requires_grad


def test_settings_that_mean_nothing_are_refused() -> None:
    with pytest.raises(ValueError, match="sharpness=0"):
        sinkhorn(scores(), sharpness=0.0)
    with pytest.raises(ValueError, match="iterations=0"):
        sinkhorn(scores(), iterations=0)
