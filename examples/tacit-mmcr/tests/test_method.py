"""What is true of manifold capacity in particular."""

from __future__ import annotations

import torch
from tacit_mmcr.objective import capacity_loss


def test_orthogonal_centroids_reach_the_largest_capacity() -> None:
    loss = capacity_loss([torch.eye(8), torch.eye(8)])
    torch.testing.assert_close(loss, torch.tensor(-1.0))


def test_collapsed_rows_have_the_capacity_of_one_axis() -> None:
    rows = torch.ones(16, 8)
    wanted = -torch.tensor(1 / 8).sqrt()  # nuclear norm 4 of at most sqrt(16 x 8)
    torch.testing.assert_close(capacity_loss([rows, rows]), wanted)


def test_views_that_disagree_have_less() -> None:
    rows = torch.randn(32, 8, generator=torch.Generator().manual_seed(0))
    assert capacity_loss([rows, rows]) < capacity_loss([rows, rows.flip(0)])
