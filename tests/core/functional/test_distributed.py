"""Split over two and four processes, every loss has the value and gradient of one process."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from tests.core.ranks import answers_of

from tacit.functional import all_reduce_sum, gather_rows, global_mean, rank, world_size

WORLDS = (2, 4)
RANKS = max(WORLDS)


@pytest.fixture(scope="module")
def answers(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, Any]]:
    folder = tmp_path_factory.mktemp("ranks")
    return answers_of("tests.core.functional.parity_worker", folder, RANKS)


@pytest.mark.parametrize("world", WORLDS)
def test_averaged_gradients_are_those_of_the_whole_batch(
    answers: list[dict[str, Any]], world: int
) -> None:
    for number in range(world):
        losses = answers[number][str(world)]["losses"]
        assert len(losses) >= 16
        for name, ratios in losses.items():
            assert ratios == pytest.approx(dict.fromkeys(ratios, 1.0), abs=1e-9), name


@pytest.mark.parametrize("world", WORLDS)
def test_collectives_keep_order_and_gradient(answers: list[dict[str, Any]], world: int) -> None:
    for number in range(world):
        for claim, holds in answers[number][str(world)]["collectives"].items():
            assert holds, claim


@pytest.mark.parametrize("world", WORLDS)
def test_unequal_rows_are_refused_on_every_rank(answers: list[dict[str, Any]], world: int) -> None:
    for number in range(world):
        message = answers[number][str(world)]["unequal"]
        assert f"rank {number} brings {2 + number}, others between 2 and {1 + world}" in message


def test_one_process_needs_no_process_group() -> None:
    x = torch.ones(3, 2, requires_grad=True)
    assert (world_size(), rank()) == (1, 0)
    assert gather_rows(x) is x
    assert all_reduce_sum(x) is x


def test_a_mean_over_nothing_is_zero_with_zero_gradient() -> None:
    total = torch.zeros((), requires_grad=True)
    mean = global_mean(total, 0)
    (slope,) = torch.autograd.grad(mean, total)
    assert mean == 0
    assert slope.isfinite()
    assert global_mean(torch.tensor(6.0), 4) == 1.5
