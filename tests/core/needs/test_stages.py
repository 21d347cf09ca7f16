"""Stages: weights that go on, students that start over, teachers from the stage before."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

import pytest
import torch
from tests.core.needs.toys import CPU, Make, Rows, StopAt, Toy, as_it_is, linear, same, signals
from tests.core.needs.toys import weights as state
from torch import Tensor

from tacit.api.choice import Chosen
from tacit.api.config import RunConfig
from tacit.api.folder import RunFolder
from tacit.api.plan import Plan, StagePlan
from tacit.api.pretrain import _check_data, _Running
from tacit.config import Component
from tacit.contract import Context, Losses, Modality, Views
from tacit.methods import Method, Stage
from tacit.nn import PreviousStage, TeacherPolicy
from tacit.plugin import load_plugins
from tacit.training.optimizers import Sgd
from tacit.training.parallel import World
from tacit.training.settings import Training

Seen = dict[str, dict[str, Tensor]]


class Distil(Toy):
    """Small answers, and those of the stage before where there was one; notes how it began."""

    def __init__(self, config: tuple[str, Seen]) -> None:
        super().__init__()
        self.name, self.seen = config

    def before_stage(self, ctx: Context) -> None:
        self.seen[self.name] = state(ctx.encoder("signal"))
        if self.name == "second":
            self.seen["teacher"] = state(ctx.encoder("signal", which="before"))

    def forward(self, views: Views, ctx: Context) -> Losses:
        own = ctx.encode(views[0]).pooled
        terms = {"small": own.square().mean()}
        if self.name == "second":
            taught = ctx.encode(views[0], which="before").pooled
            terms["distil"] = (own - taught).square().mean()
        return Losses(terms=terms)


class ToyModality(Modality):
    name = "signal"


def stages(seen: Seen, start: Literal["continue", "initial"], *lengths: Any) -> Plan:
    """A method of two stages, resolved."""
    sgd = Sgd(lr=0.1, momentum=0.0, weight_decay=0.0)
    before: dict[str, TeacherPolicy] = {"before": PreviousStage()}
    views = Chosen(offer=None, factory=lambda _: Make(as_it_is), settings=None)
    plans = []
    for name, length in zip(("first", "second"), lengths, strict=True):
        stage = Stage(
            name=name,
            views="one",
            objective=Distil,
            config=None,
            teachers=before if name == "second" else {},
            start=start if name == "second" else "continue",
        )
        training = Training(batch=4, watch_every=0, log_every=1, optimizer=sgd, **length)
        plans.append(
            StagePlan(
                stage=stage, objective=(name, seen), views={"signal": views}, training=training
            )
        )
    return Plan(
        config=RunConfig(method="simclr", data=Component(name="toy", options={})),
        method=Method(name="toy", summary="", source="", stages=tuple(p.stage for p in plans)),
        modalities={"signal": ToyModality()},
        source=Chosen(offer=None, factory=lambda _: Rows(signal=signals()), settings=None),
        encoders={"signal": Chosen(offer=None, factory=lambda _: linear(), settings=None)},
        stages=tuple(plans),
        catalogue=load_plugins(allow=()),
    )


def run(plan: Plan, folder: Path, stop_at: int | None = None) -> _Running:
    observer = StopAt(stop_at)
    running = _Running(
        plan, RunFolder(folder), plan.source.make(), plan.build_encoders(), World(device=CPU), []
    )
    running.observers.append(observer)
    running.all_stages(False)
    return running


@pytest.mark.parametrize("start", ["continue", "initial"])
def test_a_second_stage_goes_on_or_starts_over_beside_a_teacher_of_the_first(
    start: Literal["continue", "initial"], tmp_path: Path
) -> None:
    seen: Seen = {}
    plan = stages(seen, start, {"steps": 2}, {"steps": 2})
    running = run(plan, tmp_path)
    initial = state(linear())
    assert same(seen["first"], initial)
    assert not same(seen["teacher"], initial), "the teacher is what the first stage left"
    assert same(seen["second"], initial if start == "initial" else seen["teacher"])
    assert not same(state(running.encoders["signal"]), seen["second"])


def test_a_stage_without_an_end_must_be_the_last() -> None:
    plan = stages({}, "continue", {"endless": True}, {"steps": 2})
    with pytest.raises(ValueError, match="stage 'first' must end"):
        _check_data(plan, plan.build_encoders(), plan.source.make())
    plan = stages({}, "continue", {"steps": 2}, {"endless": True})
    _check_data(plan, plan.build_encoders(), plan.source.make())


def test_what_a_stage_froze_the_next_one_trains() -> None:
    from tests.core.needs.toys import engine

    class Small(Toy):
        def forward(self, views: Views, ctx: Context) -> Losses:
            return Losses(terms={"small": ctx.encode(views[0]).pooled.square().mean()})

    encoder = linear()
    first = engine(Small(), encoders={"signal": encoder}, trainable=("encoders.*.bias",))
    begun = state(encoder)
    first.run()
    between = state(encoder)
    engine(Small(), encoders={"signal": encoder}, previous=first.learner).run()
    assert torch.equal(between["module.weight"], begun["module.weight"])
    assert not torch.equal(between["module.bias"], begun["module.bias"])
    assert not torch.equal(state(encoder)["module.weight"], begun["module.weight"])
