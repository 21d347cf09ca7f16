"""Schedules equal their piecewise formulas, forget nothing, and refuse what they cannot know."""

from __future__ import annotations

import dataclasses
import json
import math
from collections.abc import Mapping
from typing import Any

import pytest

from tacit.config import ConfigError, dumps, loads
from tacit.training.plateau import Plateau
from tacit.training.schedule_set import ScheduleSet
from tacit.training.schedules import (
    Anneal,
    Constant,
    Cosine,
    Infinite,
    Linear,
    Schedule,
    WarmupStableDecay,
)


def close(value: float) -> Any:
    return pytest.approx(value, rel=1e-12, abs=1e-15)


def test_constant_never_moves() -> None:
    assert {Constant(value=0.3).at(step, None) for step in (0, 7, 10**9)} == {0.3}


def test_linear_is_a_straight_line_then_flat() -> None:
    line = Linear(start=1.0, end=3.0)
    assert [line.at(step, 4) for step in (0, 1, 2, 4, 9)] == [1.0, 1.5, 2.0, 3.0, 3.0]
    assert Linear(start=0.0, end=1.0, over=0.5).at(3, 12) == close(0.5)


def test_linear_in_steps_needs_no_end() -> None:
    warm = Linear(start=0.04, end=0.07, over=30)
    assert warm.at(10, None) == close(0.05)
    assert warm.at(30, None) == warm.at(10**6, None) == 0.07


@pytest.mark.parametrize("warmup", [10, 0.1])
def test_cosine_equals_its_formula_after_a_linear_warmup(warmup: int | float) -> None:
    schedule = Cosine(start=0.4, end=0.1, warmup=warmup)
    for step in range(120):
        wave = 0.5 * (1 + math.cos(math.pi * min((step - 10) / 90, 1)))
        expected = 0.4 * step / 10 if step < 10 else 0.1 + 0.3 * wave
        assert schedule.at(step, 100) == close(expected)
    assert (schedule.at(10, 100), schedule.at(100, 100)) == (0.4, 0.1)


def test_cosine_may_rise_as_a_teacher_momentum_does() -> None:
    values = [Cosine(start=0.996, end=1.0).at(step, 10) for step in range(11)]
    assert values == sorted(values)
    assert (values[0], values[-1]) == (0.996, 1.0)


@pytest.mark.parametrize("shape", ["linear", "sqrt"])
def test_warmup_stable_decay_equals_its_formula(shape: Any) -> None:
    schedule = WarmupStableDecay(value=2.0, end=0.5, warmup=4, decay=0.25, shape=shape)
    for step in range(50):
        part = min(max((step - 30) / 10, 0), 1)
        gone = part if shape == "linear" else math.sqrt(part)
        expected = 2.0 * step / 4 if step < 4 else 2.0 - 1.5 * gone
        assert schedule.at(step, 40) == close(expected)


def test_warmup_stable_without_decay_needs_no_end() -> None:
    schedule = WarmupStableDecay(value=2.0, warmup=4)
    assert [schedule.at(step, None) for step in (0, 2, 4, 10**6)] == [0.0, 1.0, 2.0, 2.0]


def infinite(step: int) -> float:
    """The four phases written out."""
    if step < 10:
        return 1.0 * step / 10
    if step < 30:
        return 0.25 + (1.0 - 0.25) / 2 * (1 + math.cos(math.pi * (step - 10) / 20))
    if step < 500:
        return 0.25
    return 0.25 * float((0.01 / 0.25) ** (min(step - 500, 50) / 50))


def test_infinite_equals_its_four_phases() -> None:
    anneal = Anneal(start=500, steps=50, end=0.01)
    schedule = Infinite(peak=1.0, constant=0.25, warmup=10, cooldown=20, anneal=anneal)
    for step in range(700):
        assert schedule.at(step, None) == close(infinite(step))
    breakpoints = [schedule.at(step, None) for step in (0, 10, 30, 499, 500, 550)]
    assert breakpoints == [0.0, 1.0, 0.25, 0.25, 0.25, close(0.01)]


def test_annealing_on_demand_changes_nothing_before_it() -> None:
    going = Infinite(peak=1.0, constant=0.25, warmup=10, cooldown=20)
    ending = dataclasses.replace(going, anneal=Anneal(start=300, steps=10, end=0.1))
    assert all(going.at(step, None) == ending.at(step, None) for step in range(301))
    assert going.at(10**9, None) == 0.25


@pytest.mark.parametrize(
    "schedule",
    [
        Linear(start=0.0, end=1.0),
        Linear(start=0.0, end=1.0, over=0.5),
        Cosine(start=1.0),
        Cosine(start=1.0, warmup=5),
        WarmupStableDecay(value=1.0, warmup=0.1),
        WarmupStableDecay(value=1.0, warmup=5, decay=5),
    ],
)
def test_schedule_that_needs_an_end_refuses_early(schedule: Schedule) -> None:
    schedules = ScheduleSet({"lr": schedule})
    with pytest.raises(ValueError, match=r"^lr: .* runs without a known end need a constant, inf"):
        schedules.check(None)


def test_lengths_that_do_not_fit_the_run_are_refused() -> None:
    for schedule in (Cosine(start=1.0, warmup=50), Linear(start=0.0, end=1.0, over=50)):
        with pytest.raises(ValueError, match="wanted at most the 40 steps there are, got 50"):
            ScheduleSet({"lr": schedule}).check(40)
    both = WarmupStableDecay(value=1.0, warmup=30, decay=0.5)
    with pytest.raises(ValueError, match="lr: decay: wanted at most the 10 steps"):
        ScheduleSet({"lr": both}).check(40)


@pytest.mark.parametrize(
    ("make", "problem"),
    [
        (lambda: Cosine(start=1.0, warmup=1.5), "warmup: wanted a fraction .* got 1.5"),
        (lambda: Cosine(start=1.0, warmup=-1), "warmup: .* got -1"),
        (lambda: Linear(start=1.0, end=0.0, over=0), "over: .* at least 1, got 0"),
        (lambda: WarmupStableDecay(value=1.0, end=0.5), "decay: wanted a length, because end"),
        (lambda: Anneal(start=5, steps=0, end=0.1), "steps: wanted above 0"),
        (lambda: Anneal(start=5, steps=1, end=0.0), "end: wanted above 0"),
        (
            lambda: Infinite(
                peak=1.0, constant=0.1, warmup=9, anneal=Anneal(start=8, steps=1, end=0.1)
            ),
            "anneal: wanted a start in the constant phase, from step 9 on, got 8",
        ),
        (lambda: Plateau(value=1.0, metric="loss", factor=1.0), "factor: wanted between 0 and 1"),
        (lambda: Plateau(value=1.0, metric="loss", patience=-1), "patience: wanted at least 0"),
        (lambda: Plateau(value=1.0, metric="loss", least=2.0), "least: wanted at most value"),
    ],
)
def test_settings_out_of_range_are_refused(make: Any, problem: str) -> None:
    with pytest.raises(ValueError, match=problem):
        make()


def test_plateau_cuts_after_patience_and_never_below_the_least() -> None:
    state = Plateau(value=1.0, metric="loss", factor=0.5, patience=1, least=0.3).start()
    seen = []
    for loss in (5.0, 4.0, 4.0, 4.0, 3.0, 3.0, math.nan, 3.0, 3.0):
        state.observe({"loss": loss, "other": 0.0})
        seen.append(state.at(0, None))
    assert seen == [1.0, 1.0, 1.0, 0.5, 0.5, 0.5, 0.3, 0.3, 0.3]


def test_plateau_ignores_other_metrics() -> None:
    state = Plateau(value=1.0, metric="loss", factor=0.5, patience=0).start()
    state.observe({"loss": 1.0})
    state.observe({"accuracy": 1.0})
    assert state.at(0, None) == 1.0


@pytest.mark.parametrize(("mode", "better"), [("min", -11.0), ("max", -9.0)])
def test_plateau_knows_better_from_worse_below_0(mode: Any, better: float) -> None:
    state = Plateau(
        value=1.0, metric="m", mode=mode, factor=0.5, patience=0, threshold=0.05
    ).start()
    state.observe({"m": -10.0})
    state.observe({"m": better})
    assert state.at(0, None) == 1.0
    state.observe({"m": better})
    assert state.at(0, None) == 0.5


def some_set() -> ScheduleSet:
    return ScheduleSet(
        {
            "lr": Cosine(start=0.1, warmup=0.2),
            "teacher.momentum": Linear(start=0.99, end=1.0),
            "temperature": Plateau(value=0.5, metric="loss", factor=0.5, patience=1),
        }
    )


def losses(step: int) -> Mapping[str, float]:
    return {"loss": float(max(5 - step, 2))}


def test_resumed_schedules_go_on_exactly() -> None:
    whole, values = some_set(), []
    for step in range(20):
        values.append(whole.values(step, 20))
        whole.observe(losses(step))
    first = some_set()
    for step in range(9):
        first.observe(losses(step))
    second = some_set()
    second.load_state_dict(json.loads(json.dumps(first.state_dict())))
    for step in range(9, 20):
        assert second.values(step, 20) == values[step]
        second.observe(losses(step))
    assert second.state_dict() == whole.state_dict()


def test_set_says_which_metrics_it_waits_for() -> None:
    assert some_set().metrics == {"loss"}


def test_state_of_other_schedules_is_refused() -> None:
    with pytest.raises(ValueError, match=r"\['temperature'\], got \['lr'\]; resume with"):
        some_set().load_state_dict({"lr": {}})
    with pytest.raises(ValueError, match=r"wanted .*'best'"):
        some_set().load_state_dict({"temperature": {}})


@dataclasses.dataclass(frozen=True, kw_only=True)
class Values:
    schedules: Mapping[str, Schedule]


def test_every_schedule_survives_toml() -> None:
    anneal = Anneal(start=500, steps=50, end=0.01)
    values = Values(
        schedules={
            "weight_decay": Constant(value=0.05),
            "teacher.momentum": Linear(start=0.99, end=1.0, over=0.3),
            "lr": Cosine(start=0.1, warmup=10),
            "b": WarmupStableDecay(value=0.1, decay=0.2, shape="sqrt"),
            "c": Infinite(peak=1.0, constant=0.1, anneal=anneal),
            "d": Plateau(value=1.0, metric="probe", mode="max"),
        }
    )
    assert loads(Values, dumps(values)) == values


def test_mistakes_in_a_file_are_told_with_their_place() -> None:
    text = 'schedules."teacher.momentum" = { kind = "cosine", start = 0.9, warmup = 2.0 }'
    with pytest.raises(ConfigError, match=r'schedules\."teacher\.momentum"\.warmup: wanted a fra'):
        loads(Values, text)
