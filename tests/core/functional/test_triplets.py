"""Mined triplets: who is whose positive and negative, what they cost, whom the gradient reaches."""

from __future__ import annotations

import pytest
import torch
from tests.core.functional.test_across import rows, unit
from tests.core.objectives.test_no_waiting import NothingReadBack
from torch import Tensor

from tacit.functional import Mined, mine_triplets, triplet_margin

LINE = torch.tensor([0.0, 1.0, 3.0, 7.0, 15.0, 31.0])[:, None]
"""Each nearest to the one before it; the farthest of all is the last, or the first."""


def drawn(*numbers: float) -> Tensor:
    return torch.tensor(numbers).expand(len(LINE), -1)


def test_positives_are_the_nearest_by_the_guide_and_never_oneself() -> None:
    mined = mine_triplets(LINE, drawn(0.0), near=2, far=0.4)
    assert mined.positive.tolist() == [[1, 2], [0, 2], [1, 0], [2, 1], [3, 2], [4, 3]]
    assert mined.counts.all()


def test_negatives_are_drawn_from_the_far_part_alone() -> None:
    mined = mine_triplets(LINE, drawn(0.0, 0.5, 0.99), near=1, far=0.4)
    assert mined.negative.tolist() == [[4, 5, 5]] * 4 + [[0, 5, 5], [1, 0, 0]]


def test_what_is_in_the_far_part_is_no_positive() -> None:
    mined = mine_triplets(LINE, drawn(0.0), near=5, far=0.4)
    assert mined.counts.tolist() == [[True] * 3 + [False] * 2] * 6


def test_rows_that_take_no_part_are_neither_anchors_nor_others() -> None:
    there = torch.tensor([1, 0, 1, 1, 1, 0]).bool()
    mined = mine_triplets(LINE, drawn(0.0, 0.99), near=1, far=0.5, there=there)
    alone = mine_triplets(LINE[there], drawn(0.0, 0.99)[there], near=1, far=0.5)
    kept = there.nonzero()[:, 0]
    assert mined.counts[:, 0].tolist() == there.tolist()
    torch.testing.assert_close(mined.positive[there], kept[alone.positive])
    torch.testing.assert_close(mined.negative[there], kept[alone.negative])


def by_hand(embeddings: Tensor, mined: Mined, margin: float) -> float:
    """Triplet by triplet, squared distances of embeddings on the sphere."""
    on = unit(embeddings)
    costs = []
    for a in range(len(on)):
        for p, counts in zip(mined.positive[a], mined.counts[a], strict=True):
            for n in mined.negative[a]:
                apart = (on[a] - on[p]).square().sum() - (on[a] - on[n]).square().sum()
                costs += [max(0.0, float(apart) + margin)] if counts else []
    return sum(costs) / len(costs)


def mined() -> Mined:
    generator = torch.Generator().manual_seed(2)
    there = torch.tensor([1, 1, 0, 1, 1, 1, 1, 1]).bool()
    numbers = torch.rand(8, 3, generator=generator)
    return mine_triplets(rows(seed=1), numbers, near=2, far=0.5, there=there)


def test_the_loss_is_that_of_every_triplet_counted_by_hand() -> None:
    found = triplet_margin(rows(), mined(), margin=0.7)
    assert float(found.loss) == pytest.approx(by_hand(rows(), mined(), 0.7), abs=1e-12)
    assert 0 < float(found.active) < 1


def test_gradients_are_those_of_finite_differences() -> None:
    embeddings = rows().requires_grad_()
    assert torch.autograd.gradcheck(
        lambda x: triplet_margin(x, mined(), margin=0.7).loss, (embeddings,)
    )
    (slope,) = torch.autograd.grad(triplet_margin(embeddings, mined(), margin=0.7).loss, embeddings)
    assert not slope[2].any()  # neither anchor nor other


def test_nothing_is_left_to_do_where_triplets_are_apart() -> None:
    corners = torch.eye(2, dtype=torch.float64).repeat_interleave(4, 0).requires_grad_()
    found = mine_triplets(corners.detach(), torch.rand(8, 3), near=3, far=0.5)
    cost = triplet_margin(corners, found, margin=1.9)
    assert (float(cost.loss.detach()), float(cost.active)) == (0.0, 0.0)


def test_nothing_waits_for_the_device() -> None:
    guide, numbers, embeddings = rows(), torch.rand(8, 3), rows(seed=1).requires_grad_()
    with NothingReadBack():
        found = mine_triplets(guide, numbers, near=2, far=0.5, there=torch.ones(8).bool())
        triplet_margin(embeddings, found, margin=0.5).loss.backward()


def test_settings_out_of_range_are_refused() -> None:
    for near, far in ((0, 0.5), (6, 0.5), (1, 0.0), (1, 1.5)):
        with pytest.raises(ValueError, match="near, far: wanted 1 to 5 of a batch of 6"):
            mine_triplets(LINE, drawn(0.0), near=near, far=far)
