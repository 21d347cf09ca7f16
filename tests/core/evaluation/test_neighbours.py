from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from tacit.evaluation import KnnConfig, knn_predict, knn_regress, knn_votes, nearest


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def naive_votes(
    bank: Tensor, labels: Tensor, query: Tensor, config: KnnConfig, skip: int | None
) -> dict[int, float]:
    similar = []
    for row, other in enumerate(bank):
        if row != skip:
            cosine = float(query @ other) / (float(query.norm()) * float(other.norm()))
            similar.append((cosine, int(labels[row])))
    votes: dict[int, float] = {}
    for cosine, label in sorted(similar, reverse=True)[: config.neighbours]:
        votes[label] = votes.get(label, 0.0) + math.exp(cosine / config.temperature)
    return votes


@pytest.mark.parametrize("chunk", [1, 7, 1024])
@pytest.mark.parametrize("leave_one_out", [False, True])
def test_knn_is_that_of_a_naive_loop(chunk: int, leave_one_out: bool) -> None:
    bank = torch.randn(40, 5, generator=seeded(), dtype=torch.float64)
    labels = torch.randint(0, 4, (40,), generator=seeded(1))
    queries = bank if leave_one_out else torch.randn(13, 5, generator=seeded(2)).double()
    config = KnnConfig(neighbours=6, temperature=0.2, chunk=chunk)
    given = None if leave_one_out else queries
    predicted = knn_predict(bank, labels, given, classes=4, config=config)
    for row, query in enumerate(queries):
        votes = naive_votes(bank, labels, query, config, row if leave_one_out else None)
        assert int(predicted[row]) == max(votes, key=lambda label: votes[label])


def test_votes_are_in_proportion_to_their_weights() -> None:
    bank = torch.tensor([[1.0, 0.0], [0.0, 1.0]])
    found = nearest(bank, torch.tensor([[2.0, 0.0]]), count=2)
    votes = knn_votes(found, torch.tensor([0, 1]), classes=2, temperature=0.5)
    assert float(votes[0, 0] / votes[0, 1]) == pytest.approx(math.exp(2))


def test_near_neighbours_outvote_many_far_ones() -> None:
    bank = torch.tensor([[1.0, 0.0]] + [[0.0, 1.0]] * 10)
    labels = torch.tensor([0] + [1] * 10)
    query = torch.tensor([[1.0, 0.1]])
    sharp = KnnConfig(neighbours=11)
    blunt = KnnConfig(neighbours=11, temperature=100.0)
    assert knn_predict(bank, labels, query, classes=2, config=sharp).tolist() == [0]
    assert knn_predict(bank, labels, query, classes=2, config=blunt).tolist() == [1]


def test_a_tiny_temperature_does_not_overflow() -> None:
    bank = torch.randn(30, 4, generator=seeded())
    config = KnnConfig(neighbours=5, temperature=1e-4)
    predicted = knn_predict(bank, torch.arange(30), bank, classes=30, config=config)
    assert predicted.tolist() == list(range(30))


def test_leave_one_out_never_finds_the_query_itself() -> None:
    bank = torch.randn(50, 3, generator=seeded())
    found = nearest(bank, count=5, chunk=16)
    assert not (found.index == torch.arange(50)[:, None]).any()
    assert (found.similarity[:, 1:] <= found.similarity[:, :-1]).all()


def test_length_does_not_matter() -> None:
    bank = torch.randn(20, 3, generator=seeded())
    scaled = bank * torch.arange(1, 21)[:, None]
    assert torch.equal(nearest(bank, bank, count=4).index, nearest(scaled, bank, count=4).index)


def test_regression_averages_with_the_same_weights() -> None:
    bank = torch.tensor([[1.0, 0.0], [0.0, 1.0]])
    config = KnnConfig(neighbours=2, temperature=0.5)
    got = knn_regress(bank, torch.tensor([[0.0], [1.0]]), bank[:1], config=config)
    assert float(got) == pytest.approx(1 / (1 + math.exp(2)))


def test_more_neighbours_than_the_bank_holds_are_refused() -> None:
    bank = torch.randn(5, 3)
    with pytest.raises(ValueError, match="wanted 1 to 4 neighbours from this bank, got 5"):
        nearest(bank, count=5)
    with pytest.raises(ValueError, match="got 20"):
        knn_predict(bank, torch.arange(5), bank, classes=5)
