"""Values that move: any of them, by the step, by a metric, by the objective, without an end."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import torch
from tests.core.needs.toys import Log, Toy, engine, same, weights
from torch import Tensor, nn

from tacit.api.config import merge
from tacit.contract import Augmentation, Context, Losses, View, Views
from tacit.nn import Ema, EmbeddingQueue
from tacit.training import checkpoint
from tacit.training.optimizers import AdamW
from tacit.training.parallel import World
from tacit.training.plateau import Plateau
from tacit.training.schedules import Constant, Cosine, Infinite, Linear

HERE = World(device=torch.device("cpu"))


class Small(Toy):
    """Answers near 0, and near the input's mean."""

    def forward(self, views: Views, ctx: Context) -> Losses:
        answer = ctx.encode(views[0]).pooled
        near = (answer - views[0].value.mean(1, keepdim=True)).square().mean()
        return Losses(terms={"small": answer.square().mean(), "near": near})


class Stronger(Augmentation):
    """Noise whose strength is scheduled (EfficientTrain)."""

    roles, follows = ("view",), frozenset({"noise"})

    def __init__(self) -> None:
        self.used: list[float] = []

    def follow(self, values: Mapping[str, float]) -> None:
        self.used.append(values["noise"])

    def __call__(self, value: Any, generator: torch.Generator) -> tuple[View, ...]:
        return (View(value=value + self.used[-1]),)


def test_a_schedule_moves_the_strength_of_the_views() -> None:
    views = Stronger()
    schedules = {"noise": Linear(start=0.0, end=0.75)}
    engine(Small(), views={"signal": views}, schedules=schedules).run()
    assert views.used == [0.0, 0.25, 0.5]


def test_a_schedule_moves_whatever_the_objective_asks_for() -> None:
    asked: list[float] = []

    class Tempered(Small):
        def forward(self, views: Views, ctx: Context) -> Losses:
            asked.append(ctx.value("temperature", 0.1))
            assert ctx.value("not scheduled", 0.3) == 0.3
            return super().forward(views, ctx)

    engine(Tempered(), schedules={"temperature": Linear(start=1.0, end=0.25)}).run()
    assert asked == pytest.approx([1.0, 0.75, 0.5])


def test_a_schedule_moves_the_weight_of_a_term_and_the_rate() -> None:
    plain = engine(Small(), weights={"near": 0.0})
    moved = engine(
        Small(),
        schedules={"weights.near": Constant(value=0.0), "lr_factor": Constant(value=1.0)},
    )
    still = engine(Small(), schedules={"lr_factor": Constant(value=0.0)})
    begun = weights(still.learner)
    for run in (plain, moved, still):
        run.run()
    assert same(weights(plain.learner), weights(moved.learner))
    assert same(weights(still.learner), begun)


def test_a_schedule_that_moves_nothing_is_warned_of() -> None:
    run = engine(Small(), schedules={"temprature": Constant(value=1.0)})
    with pytest.warns(UserWarning, match="nothing has read the values temprature"):
        run.run()
    run = engine(Small(), weights={"smal": 2.0})
    with pytest.warns(UserWarning, match=r"nothing has read the values weights.smal"):
        run.run()


def test_a_schedule_reacts_to_a_metric_of_the_run() -> None:
    class Stuck(Small):
        def forward(self, views: Views, ctx: Context) -> Losses:
            losses = super().forward(views, ctx)
            return Losses(terms=losses.terms, metrics={"quality": torch.tensor(1.0)})

    log = Log()
    plateau = Plateau(value=1.0, metric="quality", mode="max", factor=0.5, patience=0)
    engine(Stuck(), schedules={"lr_factor": plateau}, log=log, steps=4).run()
    assert log.column("lr_factor") == [1.0, 1.0, 0.5, 0.25]


def test_the_objective_sets_a_value_that_stays_and_outlives_a_stop(tmp_path: Path) -> None:
    class Halving(Small):
        def after_step(self, ctx: Context) -> None:
            ctx.set_value("lr_factor", 0.5 ** (ctx.step + 1))

    whole, log = Log(), Log()
    engine(Halving(), log=whole, steps=4).run()
    assert whole.column("lr_factor") == [0.5, 0.25, 0.125]
    engine(Halving(), folder=tmp_path, steps=4, stop_at=2).run()
    run = engine(Halving(), log=log, steps=4)
    run.load_state(*checkpoint.load(checkpoint.steps(tmp_path)[-1], world=HERE))
    run.run()
    assert log.column("lr_factor") == [0.25, 0.125]


def test_a_run_without_a_known_end_goes_on_until_it_is_stopped() -> None:
    log = Log()
    schedule = Infinite(peak=1.0, constant=0.5, warmup=2, cooldown=2)
    run = engine(
        Small(), schedules={"lr_factor": schedule}, log=log, endless=True, stop_at=8, epochs=None
    )
    outcome = run.run()
    assert (outcome.step, outcome.finished) == (8, False)
    assert log.column("lr_factor")[-3:] == [0.5, 0.5, 0.5]
    assert run.learner.frame.progress == 0.0
    assert run.learner.frame.epoch == 2, "epochs of a data set are still counted"


def test_a_run_that_sets_its_length_takes_the_methods_own_away() -> None:
    assert merge({"epochs": 100}, {"endless": True}) == {"endless": True}
    assert merge({"endless": True}, {"steps": 5}) == {"steps": 5}
    assert merge({"epochs": 100}, {"endless": False}) == {"epochs": 100, "endless": False}


def test_a_schedule_that_needs_an_end_is_refused_where_there_is_none() -> None:
    with pytest.raises(ValueError, match="lr_factor: cosine needs the run's length"):
        engine(Small(), schedules={"lr_factor": Cosine(start=1.0)}, endless=True)


class Trial(Small):
    """Tries a rate for two steps, then goes back and takes another (AutoLRS)."""

    def __init__(self) -> None:
        super().__init__()
        self.head, self.queue = nn.Linear(3, 3), EmbeddingQueue(8, 3)
        self.states: list[dict[str, Tensor]] = []

    def forward(self, views: Views, ctx: Context) -> Losses:
        answer = self.head(nn.functional.dropout(ctx.encode(views[0]).pooled))
        self.queue.push(answer)
        return Losses(terms={"small": answer.square().mean()})

    def before_epoch(self, ctx: Context) -> None:
        if ctx.epoch == 1:
            ctx.snapshot("start")
        if ctx.epoch > 1:
            ctx.restore("start")
            ctx.set_value("lr_factor", 0.5**ctx.epoch)


def test_a_roll_back_is_bit_exact_for_weights_teachers_queues_and_optimisers() -> None:
    class Watched(Trial):
        """Notes the weights when a step is taken; step 6 is the first after the roll back."""

        def __init__(self) -> None:
            super().__init__()
            self.learner: list[nn.Module] = []
            self.at: list[dict[str, Tensor]] = []

        def forward(self, views: Views, ctx: Context) -> Losses:
            self.at.append(weights(self.learner[0]))
            return super().forward(views, ctx)

    log, objective = Log(), Watched()
    averaged = {"teacher": Ema(momentum=0.9)}
    run = engine(objective, teachers=averaged, optimizer=AdamW(lr=0.1), epochs=3, log=log)
    objective.learner.append(run.learner)
    run.run()
    at = [{k: v for k, v in state.items() if "queue" not in k} for state in objective.at]
    assert same(at[6], at[3])
    assert not same(at[6], at[5])
    kept = run.snapshots["start"]["learner"]["objective.queue.values"]
    assert torch.equal(objective.at[6]["objective.queue.values"], kept)
    assert log.column("lr_factor") == [0.25] * 3, "what was set stays set"
    moments = run.update.optimizers["main"].state_dict()["state"][0]
    assert moments["step"] == 6, "3 + 3 steps of Adam, not 9"


def test_a_snapshot_outlives_a_stop(tmp_path: Path) -> None:
    whole = engine(Trial, optimizer=AdamW(lr=0.1), epochs=3, folder=tmp_path / "whole")
    whole.run()
    engine(Trial, optimizer=AdamW(lr=0.1), epochs=3, folder=tmp_path / "cut", stop_at=5).run()
    rest = engine(Trial, optimizer=AdamW(lr=0.1), epochs=3)
    rest.load_state(*checkpoint.load(checkpoint.steps(tmp_path / "cut")[-1], world=HERE))
    rest.run()
    assert same(weights(rest.learner), weights(whole.learner))


def test_going_back_to_a_snapshot_that_was_never_taken_is_refused() -> None:
    class Lost(Small):
        def before_epoch(self, ctx: Context) -> None:
            ctx.restore("best")

    with pytest.raises(ValueError, match="no snapshot 'best' was taken; there are: none"):
        engine(Lost()).run()
