"""Teachers by policy: what they are, what moves them, and that they get no gradient."""

from __future__ import annotations

import pytest
import torch
from tests.core.needs.toys import Toy, engine, linear, same, weights
from torch import Tensor, nn

from tacit.contract import Context, Losses, Views
from tacit.nn import Ema, Frozen, PreviousStage, RandomInit, TeacherPolicy
from tacit.training.schedules import Constant


class Follow(Toy):
    """The student predicts every teacher there is."""

    teacher_parts = ("head",)

    def __init__(self, *names: str) -> None:
        super().__init__()
        self.names, self.head = names, nn.Linear(3, 2)
        self.targets: dict[str, Tensor] = {}

    def forward(self, views: Views, ctx: Context) -> Losses:
        own, terms = self.head(ctx.encode(views[0]).pooled), {}
        for name in self.names:
            target = ctx.part("head", which=name)(ctx.encode(views[0], which=name).pooled)
            self.targets[name] = target
            terms[name] = (own - target).square().mean()
        return Losses(terms=terms)


def test_average_frozen_random_and_earlier_teachers_live_side_by_side() -> None:
    first = engine(Follow("ema"), encoders={"signal": linear()}, teachers={"ema": Ema()})
    first.run()
    left = weights(first.learner.encoder("signal"))
    encoder = linear(seed=1)
    begun = weights(encoder)
    objective = Follow("ema", "frozen", "random", "before")
    policies: dict[str, TeacherPolicy] = {
        "ema": Ema(momentum=0.5),
        "frozen": Frozen(),
        "random": RandomInit(),
        "before": PreviousStage(),
    }
    second = engine(
        objective, encoders={"signal": encoder}, teachers=policies, previous=first.learner
    )
    random = weights(second.learner.teacher("random").encoder("signal"))
    second.run()
    now = {name: weights(second.learner.teacher(name).encoder("signal")) for name in policies}
    assert same(now["frozen"], begun)
    assert same(now["before"], left)
    assert same(now["random"], random)
    assert not same(random, begun)
    assert not same(now["ema"], begun)
    assert not same(now["ema"], weights(encoder))
    assert not any(target.requires_grad for target in objective.targets.values())


@pytest.mark.parametrize("momentum", [1.0, 0.0])
def test_a_schedule_moves_a_teachers_momentum(momentum: float) -> None:
    schedules = {"ema.momentum": Constant(value=momentum)}
    run = engine(Follow("ema"), teachers={"ema": Ema(momentum=0.5)}, schedules=schedules)
    begun = weights(run.learner.encoder("signal"))
    run.run()
    taught = weights(run.learner.teacher("ema").encoder("signal"))
    assert same(taught, begun if momentum else weights(run.learner.encoder("signal")))


def test_a_student_can_begin_between_its_random_teacher_and_itself() -> None:
    class Between(Follow):
        def before_stage(self, ctx: Context) -> None:
            student, teacher = ctx.encoder("signal"), ctx.encoder("signal", which="random")
            for own, other in zip(student.parameters(), teacher.parameters(), strict=True):
                own.data.lerp_(other, 0.75)

    encoder = linear()
    begun = weights(encoder)
    run = engine(
        Between("random"),
        encoders={"signal": encoder},
        teachers={"random": RandomInit()},
        schedules={"lr_factor": Constant(value=0.0)},
    )
    run.run()
    taught = weights(run.learner.teacher("random").encoder("signal"))
    for name, value in weights(encoder).items():
        torch.testing.assert_close(value, 0.25 * begun[name] + 0.75 * taught[name])


def test_a_teacher_of_the_previous_stage_is_refused_in_the_first() -> None:
    with pytest.raises(ValueError, match="this is the first stage"):
        engine(Follow("before"), teachers={"before": PreviousStage()})
