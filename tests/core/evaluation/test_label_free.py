from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from tacit.evaluation import (
    alignment,
    anisotropy,
    collapsed,
    lidar,
    rankme,
    uniformity,
)


def gaussian(instances: int, width: int, seed: int = 0) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(instances, width, generator=generator, dtype=torch.float64)


def test_rankme_is_the_number_of_equal_singular_values() -> None:
    basis = torch.linalg.qr(gaussian(50, 6))[0]
    assert rankme(basis) == pytest.approx(6, rel=1e-4)
    assert rankme(basis[:, :1] @ torch.ones(1, 6).double()) == pytest.approx(1, rel=1e-4)


def test_rankme_of_unequal_singular_values_is_their_entropy() -> None:
    basis = torch.linalg.qr(gaussian(50, 2))[0] * torch.tensor([3.0, 1.0])
    entropy = -(0.75 * math.log(0.75) + 0.25 * math.log(0.25))
    assert rankme(basis) == pytest.approx(math.exp(entropy), rel=1e-4)


def test_alignment_of_known_angles() -> None:
    right = torch.tensor([[5.0, 0.0], [1.0, 0.0]])
    up = torch.tensor([[0.0, 2.0], [0.0, 1.0]])
    assert alignment(right, right) == 0
    assert alignment(right, up) == pytest.approx(2)
    assert alignment(right, -right) == pytest.approx(4)
    assert alignment(right, up, power=1.0) == pytest.approx(math.sqrt(2))


@pytest.mark.parametrize("chunk", [1, 3, 100])
def test_uniformity_is_the_log_mean_potential_over_pairs(chunk: int) -> None:
    x = gaussian(10, 4)
    unit = x / x.norm(dim=1, keepdim=True)
    distances = torch.nn.functional.pdist(unit)
    expected = float(distances.square().mul(-2).exp().mean().log())
    assert uniformity(x, chunk=chunk) == pytest.approx(expected, rel=1e-9)


def test_uniformity_of_known_points() -> None:
    assert uniformity(torch.ones(4, 3)) == pytest.approx(0, abs=1e-6)
    opposite = torch.tensor([[1.0, 0.0], [-1.0, 0.0]])
    assert uniformity(opposite) == pytest.approx(-8)
    assert uniformity(gaussian(500, 400)) == pytest.approx(-4, abs=0.1)


def test_anisotropy_is_the_mean_cosine_of_all_pairs() -> None:
    x = gaussian(12, 5) + 1
    unit = x / x.norm(dim=1, keepdim=True)
    pairs = (unit @ unit.T)[~torch.eye(12, dtype=torch.bool)]
    assert anisotropy(x) == pytest.approx(float(pairs.mean()), rel=1e-9)
    assert anisotropy(torch.ones(4, 3)) == pytest.approx(1)


def test_lidar_counts_directions_that_separate_instances() -> None:
    centres = torch.zeros(200, 8, dtype=torch.float64)
    centres[:, :3] = torch.linalg.qr(gaussian(200, 4) + 0)[0][:, :3] * math.sqrt(200)
    centres -= centres.mean(0)
    views = centres[:, None] + 0.01 * gaussian(200 * 10, 8, 1).view(200, 10, 8)
    assert lidar(views) == pytest.approx(3, abs=0.1)


def test_lidar_ignores_directions_only_the_views_move_in() -> None:
    centres = torch.zeros(200, 8, dtype=torch.float64)
    centres[:, :3] = gaussian(200, 3)
    noise = 0.01 * gaussian(2000, 8, 1).view(200, 10, 8)
    noise[..., 4:] *= 1000
    views = centres[:, None] + noise
    assert lidar(views) == pytest.approx(3, abs=0.2)
    assert rankme(views[:, 0]) > 5


def test_lidar_needs_two_views() -> None:
    with pytest.raises(ValueError, match="two views of two instances, got 1 views of 5"):
        lidar(torch.zeros(5, 1, 3))


def test_healthy_embeddings_have_not_collapsed() -> None:
    found = collapsed(gaussian(200, 16))
    assert not found
    assert found.deviation == pytest.approx(1, abs=0.1)
    assert found.rank > 15
    assert "no collapse" in str(found)


def test_embeddings_all_alike_have_collapsed_completely() -> None:
    found = collapsed(torch.ones(100, 16) + 1e-3 * gaussian(100, 16).float())
    assert found.kind == "complete"
    assert found.anisotropy > 0.99
    assert "collapse: complete" in str(found)


def test_embeddings_on_a_line_have_collapsed_dimensionally() -> None:
    line = gaussian(200, 1) @ gaussian(1, 16, 1) + 1e-6 * gaussian(200, 16, 2)
    found = collapsed(line)
    assert found.kind == "dimensional"
    assert found.rank < 1.1


def test_embeddings_that_are_not_finite_are_named_so() -> None:
    x = gaussian(10, 4)
    x[2, 1] = float("inf")
    assert collapsed(x).kind == "not finite"
    assert collapsed(x)


@pytest.mark.parametrize("measure", [uniformity, anisotropy, collapsed])
def test_one_embedding_is_refused(measure: object) -> None:
    with pytest.raises(ValueError, match=r"at least (two|2) embeddings"):
        measure(torch.ones(1, 4))  # type: ignore[operator]
