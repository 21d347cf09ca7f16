"""Through the whole engine, two and four processes train what one process trains."""

from __future__ import annotations

from typing import Any

import pytest
from tests.core.ranks import answers_of
from tests.core.training.parity_worker import CASES, IN_PARTS, WORLDS

NAMES = [*CASES, *(f"{name} in parts" for name in IN_PARTS)]
Answers = list[dict[str, Any]]


@pytest.fixture(scope="module")
def answers(tmp_path_factory: pytest.TempPathFactory) -> Answers:
    folder = tmp_path_factory.mktemp("ranks")
    return answers_of("tests.core.training.parity_worker", folder, max(WORLDS))


@pytest.mark.parametrize("world", WORLDS)
@pytest.mark.parametrize("name", NAMES)
def test_weights_move_as_in_one_process(answers: Answers, name: str, world: int) -> None:
    for rank in range(world):
        got = answers[rank][str(world)][name]
        assert got["norm"] == pytest.approx(1, abs=1e-6)
        assert got["cosine"] == pytest.approx(1, abs=1e-6)


@pytest.mark.parametrize("world", WORLDS)
@pytest.mark.parametrize("name", NAMES)
def test_all_processes_end_with_the_same_weights(answers: Answers, name: str, world: int) -> None:
    assert len({answers[rank][str(world)][name]["weights"] for rank in range(world)}) == 1


@pytest.mark.parametrize("world", WORLDS)
@pytest.mark.parametrize("name", CASES)
def test_what_is_logged_is_of_the_whole_batch(answers: Answers, name: str, world: int) -> None:
    got = answers[0][str(world)][name]
    assert len(got["logged"]) == len(got["logged whole"]) > 1
    for row, whole in zip(got["logged"], got["logged whole"], strict=True):
        assert row == pytest.approx(whole, rel=1e-4, abs=1e-5)


@pytest.mark.parametrize("world", WORLDS)
def test_the_data_come_in_the_same_order(answers: Answers, world: int) -> None:
    whole = answers[0]["1"]["asked"]
    parts = [answers[rank][str(world)]["simclr"]["asked"] for rank in range(world)]
    assert len(whole) > 1
    for step, batch in enumerate(whole):
        assert [index for part in parts for index in part[step]] == batch
