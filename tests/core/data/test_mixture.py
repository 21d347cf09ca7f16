"""Kinds of data mixed by weight: shares of every batch, and what comes round how often."""

from __future__ import annotations

from collections import Counter

import pytest
import torch
from tests.core.data.data_toys import Numbers
from tests.core.data.test_paired import Letters

from tacit.data import EpochOrder, Member, Mixture, Paired

KIND = torch.tensor([0] * 4 + [1] * 12 + [2] * 4)
EVEN = (1.0, 3.0, 1.0)


def order(weights: tuple[float, ...], batch: int = 5, seed: int = 0) -> EpochOrder:
    return EpochOrder(20, batch, seed, mixture=Mixture(kind=KIND, weights=weights))


@pytest.mark.parametrize(
    ("weights", "counts"), [((1.0, 1.0, 0.0), (3, 2, 0)), ((1.0, 3.0, 1.0), (1, 3, 1))]
)
def test_every_batch_has_its_share_of_each_kind(
    weights: tuple[float, ...], counts: tuple[int, ...]
) -> None:
    every = list(order(weights).batches(0))
    assert len(every) == 4
    for indices in every:
        found = Counter(KIND[indices].tolist())
        assert tuple(found[number] for number in range(3)) == counts


def test_a_kind_comes_round_as_often_as_it_must_and_no_instance_before_the_others() -> None:
    seen = Counter(torch.cat(list(order((1.0, 1.0, 0.0)).batches(0))).tolist())
    assert [seen[i] for i in range(4)] == [3] * 4  # 12 are wanted of 4
    assert max(seen[i] for i in range(4, 16)) == 1  # 8 of 12
    assert not any(seen[i] for i in range(16, 20))


def test_it_is_a_function_of_seed_and_epoch_and_resumes_at_any_batch() -> None:
    first, again = (list(order(EVEN).batches(3)) for _ in range(2))
    assert all(torch.equal(a, b) for a, b in zip(first, again, strict=True))
    assert not torch.equal(first[0], next(order(EVEN).batches(4)))
    assert not torch.equal(first[0], next(order(EVEN, seed=1).batches(3)))
    assert torch.equal(next(order(EVEN).batches(3, start=2)), first[2])


def test_kinds_are_mixed_within_a_batch() -> None:
    places = [KIND[batch].tolist() for epoch in range(3) for batch in order(EVEN).batches(epoch)]
    assert len({tuple(each) for each in places}) > 3


def test_mixtures_that_cannot_be_are_refused() -> None:
    with pytest.raises(ValueError, match="wanted at least 0, and one above"):
        Mixture(kind=KIND, weights=(0.0, 0.0))
    with pytest.raises(ValueError, match="no instance is of kind 3"):
        Mixture(kind=KIND, weights=(1.0, 1.0, 1.0, 1.0))
    with pytest.raises(ValueError, match="leave a kind without an instance in a batch of 5"):
        order((1.0, 100.0, 0.0))
    with pytest.raises(ValueError, match="not sorted by length"):
        EpochOrder(20, 5, 0, lengths=KIND, mixture=Mixture(kind=KIND, weights=(1.0,)))


def pairs(**weights: float) -> Paired:
    """Three pairs, five numbers alone and two letters alone."""
    count = torch.arange(10)
    numbers = Member(source=Numbers(10), places=torch.where(count < 8, count, -1))
    apart = (count < 3) | (count >= 8)
    letters = Member(source=Letters(10), places=torch.where(apart, count, -1))
    return Paired([numbers, letters], weights={k.replace("_", "+"): v for k, v in weights.items()})


def test_pairs_and_what_has_no_partner_are_kinds() -> None:
    mixture = pairs(number_letter=2.0, number=1.0).mixture()
    assert mixture is not None
    assert mixture.kind.tolist() == [0] * 3 + [1] * 5 + [2] * 2
    assert mixture.weights == (2.0, 1.0, 0.0)
    assert pairs().mixture() is None


def test_weights_of_members_that_nothing_has_are_refused() -> None:
    with pytest.raises(ValueError, match="wanted some of number, letter, joined by"):
        pairs(sound=1.0)
    whole = [Numbers(4), Letters(4)]
    with pytest.raises(ValueError, match="no instance has letter and nothing else"):
        Paired(whole, weights={"letter": 1.0})
