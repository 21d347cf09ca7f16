"""Collapse figures against a singular value decomposition, and on embeddings of known rank."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from tacit.functional import effective_rank, normalised_deviation


def noise(rows: int, width: int) -> Tensor:
    return torch.randn(rows, width, generator=torch.Generator().manual_seed(0), dtype=torch.float64)


@pytest.mark.parametrize("shape", [(40, 6), (6, 40), (9, 9)])
def test_effective_rank_is_the_exponential_of_the_spectrums_entropy(shape: tuple[int, int]) -> None:
    x = noise(*shape)
    values = torch.linalg.svdvals(x).tolist()
    shares = [v / sum(values) + 1e-7 for v in values]
    expected = math.exp(-sum(p * math.log(p) for p in shares))
    assert float(effective_rank(x)) == pytest.approx(expected, rel=1e-9)
    assert float(effective_rank(x.float())) == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("rank", [1, 3, 8])
def test_effective_rank_counts_directions_used_equally(rank: int) -> None:
    x = torch.eye(8)[:rank].repeat(5, 1)
    assert float(effective_rank(x)) == pytest.approx(rank, rel=1e-3)


def test_low_rank_in_single_precision_is_not_hidden_by_rounding() -> None:
    x = (noise(512, 2) @ noise(2, 256)).float()
    assert float(effective_rank(x)) < 2.05


@pytest.mark.parametrize("x", [torch.zeros(5, 3), torch.ones(5, 3), torch.ones(1, 3)])
def test_collapsed_embeddings_have_rank_one(x: Tensor) -> None:
    assert float(effective_rank(x)) == pytest.approx(1, abs=1e-3)


def test_deviation_is_zero_when_collapsed_and_one_when_spread() -> None:
    assert normalised_deviation(torch.ones(6, 4)) < 1e-6
    assert float(normalised_deviation(noise(4000, 64))) == pytest.approx(1, rel=0.02)


def test_deviation_is_that_of_normalised_rows() -> None:
    x = noise(5, 3)
    rows = [[v / math.sqrt(sum(w * w for w in row)) for v in row] for row in x.tolist()]
    columns = list(zip(*rows, strict=True))
    means = [sum(c) / 5 for c in columns]
    deviations = [
        math.sqrt(sum((v - m) ** 2 for v in c) / 5) for c, m in zip(columns, means, strict=True)
    ]
    expected = sum(deviations) / 3 * math.sqrt(3)
    assert float(normalised_deviation(x)) == pytest.approx(expected, rel=1e-12)


def test_one_embedding_has_no_deviation() -> None:
    with pytest.raises(ValueError, match="at least 2 embeddings"):
        normalised_deviation(torch.ones(1, 3))


def test_figures_carry_no_gradient() -> None:
    x = noise(6, 3).requires_grad_()
    assert not effective_rank(x).requires_grad
    assert not normalised_deviation(x).requires_grad
