"""Split over two and four processes, every objective trains as one process does."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from tests.core.objectives.setting import OBJECTIVES, ON_ITS_OWN
from tests.core.ranks import answers_of
from torch import nn

from tacit.nn import synchronise_batch_norm

WORLDS = (2, 4)
RANKS = max(WORLDS)


@pytest.fixture(scope="module")
def answers(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, Any]]:
    folder = tmp_path_factory.mktemp("ranks")
    return answers_of("tests.core.objectives.parity_worker", folder, RANKS)


@pytest.mark.parametrize("world", WORLDS)
@pytest.mark.parametrize("name", [n for n in OBJECTIVES if n not in ON_ITS_OWN])
def test_loss_gradient_and_running_statistics_are_those_of_the_whole_batch(
    answers: list[dict[str, Any]], name: str, world: int
) -> None:
    for rank in range(world):
        ratios = answers[rank][str(world)]["objectives"][name]
        assert ratios == pytest.approx(dict.fromkeys(ratios, 1.0), abs=1e-6)


@pytest.mark.parametrize("world", WORLDS)
def test_batch_norm_is_that_of_the_whole_batch_also_with_unequal_rows(
    answers: list[dict[str, Any]], world: int
) -> None:
    for rank in range(world):
        for norm, same in answers[rank][str(world)]["norms"].items():
            assert same, norm


@pytest.mark.parametrize("world", WORLDS)
def test_state_and_queue_take_in_the_rows_of_all_processes(
    answers: list[dict[str, Any]], world: int
) -> None:
    for rank in range(world):
        found = answers[rank][str(world)]["memories"]
        assert found["state"]
        assert found["queue"]


def test_a_batch_norm_of_unknown_meaning_is_refused(answers: list[dict[str, Any]]) -> None:
    assert "cannot synchronise Odd" in answers[0]["2"]["memories"]["odd"]


def test_one_process_keeps_its_batch_norm() -> None:
    module = nn.Sequential(nn.BatchNorm1d(3))
    norm = module[0]
    assert synchronise_batch_norm(module)[0] is norm  # type: ignore[index]
    assert type(norm) is nn.BatchNorm1d
    assert torch.distributed.is_available()
