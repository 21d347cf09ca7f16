"""Several tasks as one objective: fixed, learnt and min-norm weights."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import pytest
import torch
from tests.core.needs.toys import Log, Toy, engine, linear, weights
from tests.core.objectives.setting import HEAD, two_views
from torch import Tensor

from tacit.contract import (
    Composition,
    Context,
    Losses,
    OneStep,
    PerLoss,
    Requirements,
    Views,
    unmet,
)
from tacit.nn import Balance, BalanceConfig, Fixed, MinNorm, Uncertainty
from tacit.objectives import MoCo, MoCoConfig, Several
from tacit.training.schedules import Constant


class Pull(Toy):
    """The first coordinates of all embeddings to a place, or all of them."""

    def __init__(self, to: float, steepness: float = 1.0) -> None:
        super().__init__()
        self.place, self.steepness = to, steepness

    def forward(self, views: Views, ctx: Context) -> Losses:
        pooled = ctx.encode(views[0]).pooled
        pull = self.steepness * (pooled - self.place).square().mean()
        return Losses(
            terms={"pull": pull / 4, "and": 3 * pull / 4}, metrics={"at": pooled.mean().detach()}
        )


def two(balance: BalanceConfig) -> Several:
    return Several({"up": Pull(1.0), "down": Pull(-1.0, steepness=50.0)}, balance)


def moved(objective: Several, **training: Any) -> Tensor:
    encoder = linear()
    begun = weights(encoder)
    engine(objective, encoders={"signal": encoder}, **{"steps": 1, **training}).run()
    now = weights(encoder)
    return torch.cat([(now[name] - begun[name]).flatten() for name in begun])


def test_a_learnt_scale_settles_at_the_logarithm_of_twice_the_loss() -> None:
    balance = Balance(Uncertainty(), ["task"])
    optimizer = torch.optim.SGD(balance.parameters(), lr=0.5)
    for _ in range(200):
        optimizer.zero_grad()
        balance({"task": torch.tensor(3.0)}).total().backward()
        optimizer.step()
    (scale,) = balance.parameters()
    assert scale.item() == pytest.approx(math.log(2 * 3.0), abs=1e-5)


@pytest.mark.parametrize("scale", [-1.0, 0.0, 2.0])
def test_a_learnt_weight_has_the_closed_form_and_gradient(scale: float) -> None:
    balance = Balance(Uncertainty(start=scale), ["task"])
    loss = torch.tensor(0.7, requires_grad=True)
    losses = balance({"task": loss})
    assert losses.terms["task"].item() == pytest.approx(math.exp(-scale) * 0.7 + scale / 2)
    assert losses.metrics["task/loss"].item() == pytest.approx(0.7)
    to_loss, to_scale = torch.autograd.grad(losses.total(), [loss, *balance.parameters()])
    assert to_loss.item() == pytest.approx(math.exp(-scale))
    assert to_scale.item() == pytest.approx(0.5 - math.exp(-scale) * 0.7)


def test_fixed_weights_are_the_runs() -> None:
    assert isinstance(two(Fixed()).plan(), OneStep)
    pair = Several({"up": Pull(1.0), "same": Pull(1.0)}, Fixed())
    once = moved(pair, weights={"same": 0.0})
    scheduled = {"weights.down": Constant(value=0.0)}
    torch.testing.assert_close(
        moved(two(Fixed()), weights={"up": 3.0}, schedules=scheduled), 3 * once
    )


def test_each_task_is_one_term_and_its_own_terms_are_logged() -> None:
    log = Log()
    engine(two(Fixed()), log=log, steps=1).run()
    (whole,), (part,) = log.column("loss/up"), log.column("up/pull")
    assert part == pytest.approx(whole / 4)
    assert log.column("up/at")


def test_a_min_norm_step_lowers_every_task_where_the_sum_does_not() -> None:
    """Against each task's own step: the steep task alone decides the sum."""
    assert isinstance(two(MinNorm()).plan(), PerLoss)
    up = moved(Several({"a": Pull(1.0), "b": Pull(1.0)}, Fixed()))
    down = moved(Several({"a": Pull(-1.0), "b": Pull(-1.0)}, Fixed()))
    for normalise in (False, True):
        step = moved(two(MinNorm(normalise=normalise)))
        assert step @ up >= -1e-6 * up.norm()
        assert step @ down >= -1e-6 * down.norm()
    assert moved(two(Fixed())) @ up < 0


def test_min_norm_weights_are_logged() -> None:
    log = Log()
    engine(two(MinNorm()), log=log, steps=1).run()
    (up,), (down,) = log.column("up/weight"), log.column("down/weight")
    assert up + down == pytest.approx(1)
    assert up > down


def test_what_all_tasks_need_is_needed() -> None:
    class Two(Pull):
        requires = Toy.requires.__class__(views=2, batch=4, meta=frozenset({"angle"}))

    class Tokens(Pull):
        requires = Toy.requires.__class__(most_views=3, capabilities=frozenset({"tokens"}))

    needs = Several({"a": Two(1.0), "b": Tokens(1.0)}, Fixed()).requires
    assert (needs.views, needs.most_views, needs.batch) == (2, 3, 4)
    assert needs.meta == {"angle"}
    assert needs.capabilities == {"tokens"}


def test_tasks_with_teachers_or_players_of_their_own_are_refused() -> None:
    with pytest.raises(ValueError, match=r"'moco' \(MoCo\) has teachers of its own"):
        Several({"moco": MoCo(MoCoConfig(projector=HEAD)), "pull": Pull(1.0)}, Fixed())
    nested = two(MinNorm())
    with pytest.raises(ValueError, match="has an update plan of its own"):
        Several({"nested": nested, "pull": Pull(1.0)}, Fixed())
    with pytest.raises(ValueError, match="at least two; got alone"):
        Several({"alone": Pull(1.0)}, Fixed())


class Counting(Pull):
    """Pull, which also says how many views it saw."""

    requires = Requirements(views=1, most_views=1)

    def forward(self, views: Views, ctx: Context) -> Losses:
        self.seen = [view.role for view in views]
        return super().forward(views, ctx)


def test_a_task_sees_the_views_of_its_roles_alone() -> None:
    near, all_of_them = Counting(1.0), Pull(1.0)
    both = Several({"near": near, "all": all_of_them}, Fixed(), roles={"near": ("second",)})
    views = Views([replace(v, role=r) for v, r in zip(two_views(), "ab", strict=True)])
    assert [v.role for v in both._seen("near", views)] == []
    named = Views([views[0], replace(views[1], role="second")])
    assert [v.role for v in both._seen("near", named)] == ["second"]
    assert len(both._seen("all", named)) == 2


def test_what_a_task_needs_of_its_views_is_asked_of_its_roles() -> None:
    both = Several({"near": Counting(1.0), "all": Pull(1.0)}, Fixed(), roles={"near": ("second",)})
    offered = Composition(
        specs={"signal": linear().spec}, roles={"signal": ("view", "view")}, meta={}, batch=4
    )
    (problem,) = unmet(both.requires, offered)
    assert problem == (
        "of views with the role second: needs at least 1 views; the signal views make 0"
    )
    assert not unmet(both.requires, replace(offered, roles={"signal": ("view", "view", "second")}))
    with pytest.raises(ValueError, match="roles: no task far: near, all"):
        Several({"near": Pull(1.0), "all": Pull(1.0)}, Fixed(), roles={"far": ("view",)})
