"""Split representations: one half agrees, the other is steered by the relation of the views."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
import torch
from tests.core.needs.toys import Rows, engine
from tests.core.objectives.asked import TASKS, Asked, circle, network, upright
from tests.core.objectives.setting import HEAD, values
from tests.core.objectives.test_no_waiting import NothingReadBack
from tests.core.toys import WIDTH, PoolEncoder, ToyContext
from torch import Tensor

from tacit.contract import Composition, DataInfo, Views, unmet
from tacit.functional import variance_hinge, vicreg
from tacit.objectives import SplitEquivariant, SplitEquivariantConfig
from tacit.objectives.equivariant import Steering
from tacit.training.optimizers import AdamW

CONFIG = SplitEquivariantConfig(projector=HEAD)


def built(config: SplitEquivariantConfig = CONFIG) -> SplitEquivariant:
    torch.manual_seed(0)
    objective = SplitEquivariant(config)
    objective.build({"signal": PoolEncoder().spec}, DataInfo(tasks={"signal": TASKS}))
    return objective


def views(batch: int = 8) -> Views:
    made = Asked()(values(batch), torch.Generator().manual_seed(1))
    return Views([replace(view, modality="signal", index=torch.arange(batch)) for view in made])


def quarter_turns(steering: Steering) -> None:
    """`cos * identity + sin * turn`: what the relation says, on planes of two features."""
    width = steering.basis.in_features
    turn = torch.block_diag(*[torch.tensor([[0.0, -1.0], [1.0, 0.0]])] * (width // 2))
    steering.basis.weight.data = torch.cat([torch.eye(width), turn])


def test_a_linear_steering_can_be_the_rotation_that_relates_the_views() -> None:
    steering = Steering(6, 2)
    quarter_turns(steering)
    angle = torch.rand(5, generator=torch.Generator().manual_seed(0)) * 6
    at = torch.randn(5, 3, 2)
    c, s = angle.cos()[:, None], angle.sin()[:, None]
    there = torch.stack([c * at[..., 0] - s * at[..., 1], s * at[..., 0] + c * at[..., 1]], -1)
    found = steering(at.flatten(1), torch.cat([c, s], 1))
    torch.testing.assert_close(found, there.flatten(1))


def test_equal_views_under_the_identity_can_have_no_equivariance_loss() -> None:
    objective = built()
    steering = objective.steering["signal"]
    assert isinstance(steering, Steering)
    quarter_turns(steering)
    pooled = torch.randn(8, WIDTH)
    halves = objective.embed("signal", pooled)
    still = objective.pair("signal", halves, halves, circle(torch.zeros(8, dtype=torch.long)))
    assert still["equivariance"] == 0
    assert still["invariance"] == 0
    turned = objective.pair("signal", halves, halves, circle(torch.ones(8, dtype=torch.long)))
    assert turned["equivariance"] > 1e-3, "the relation cannot be left out"


def test_the_steering_is_linear_in_the_relation_and_vanishes_without_one() -> None:
    steering = Steering(4, 3)
    at, one, other = torch.randn(2, 4), torch.randn(2, 3), torch.randn(2, 3)
    torch.testing.assert_close(steering(at, one + other), steering(at, one) + steering(at, other))
    assert torch.equal(steering(at, torch.zeros(2, 3)), torch.zeros(2, 4))


def test_the_terms_are_those_of_the_paper() -> None:
    objective = built()
    first, other = (objective.embed("signal", torch.randn(8, WIDTH)) for _ in range(2))
    relation = circle(torch.arange(8))
    found = objective.pair("signal", first, other, relation)
    predicted = objective.steering["signal"](first[1], relation)
    whole = vicreg(torch.cat(first, 1), torch.cat(other, 1))
    wanted = {
        "invariance": 10 * torch.nn.functional.mse_loss(first[0], other[0]),
        "equivariance": 4.5 * torch.nn.functional.mse_loss(predicted, other[1]),
        "variance": 10 * (whole.variance + (1 - (predicted.var(0) + 1e-4).sqrt()).relu().mean()),
        "covariance": whole.covariance,
    }
    for name, value in wanted.items():
        torch.testing.assert_close(found[name], value, msg=name)


def test_the_variance_hinge_is_vicregs_of_one_view() -> None:
    x = 0.5 * torch.randn(6, 4, dtype=torch.float64)
    torch.testing.assert_close(variance_hinge(x), vicreg(x, x).variance)
    assert torch.autograd.gradcheck(variance_hinge, x.requires_grad_())


def test_the_halves_are_apart() -> None:
    objective = built()
    pooled = [torch.randn(8, WIDTH, requires_grad=True) for _ in range(2)]
    first, other = (objective.embed("signal", each) for each in pooled)
    found = objective.pair("signal", first, other, circle(torch.arange(8)))
    for term, half in (
        ("invariance", slice(WIDTH // 2, None)),
        ("equivariance", slice(WIDTH // 2)),
    ):
        (slope,) = torch.autograd.grad(found[term], pooled[0], retain_graph=True)
        assert torch.equal(slope[:, half], torch.zeros(8, WIDTH // 2)), term
        assert slope.abs().sum() > 0, term


def test_gradients_are_right() -> None:
    objective = built().double().eval()  # batch norm of evaluation, as checks perturb one at a time
    relation = circle(torch.arange(4)).double()

    def total(a: Tensor, b: Tensor) -> Tensor:
        one, two = (objective.embed("signal", each) for each in (a, b))
        return torch.stack(list(objective.pair("signal", one, two, relation).values())).sum()

    pair = [torch.randn(4, WIDTH, dtype=torch.float64, requires_grad=True) for _ in range(2)]
    assert torch.autograd.gradcheck(total, pair)


def test_collapse_costs_the_whole_hinge() -> None:
    objective = built(replace(CONFIG, covariance=0.0)).eval()
    same = objective.embed("signal", torch.ones(8, WIDTH))
    found = objective.pair("signal", same, same, circle(torch.zeros(8, dtype=torch.long)))
    floor = 1 - math.sqrt(1e-4)
    assert found["variance"].item() == pytest.approx(10 * (floor + floor), rel=1e-5)


def test_the_relation_learns_to_steer() -> None:
    """The true relation leads nearer to the other view than one that is none of theirs."""
    objective, encoder = SplitEquivariant(CONFIG), network()
    engine(
        objective,
        source=Rows(signal=upright(64)),
        encoders={"signal": encoder},
        views={"signal": Asked()},
        steps=150,
        batch=32,
        optimizer=AdamW(lr=1e-2),
    ).run()
    first, other = Asked()(upright(64), torch.Generator().manual_seed(1))
    one, two = (objective.embed("signal", encoder(view.value).pooled) for view in (first, other))
    relation = other.meta["relation"]
    true, false = (objective.pair("signal", one, two, each) for each in (relation, -relation))
    assert true["equivariance"] < 0.7 * false["equivariance"]


def test_views_without_a_relation_are_refused() -> None:
    spec = PoolEncoder().spec
    roles = {"signal": ("view", "view")}
    offered = Composition(
        specs={"signal": spec}, roles=roles, meta={"signal": frozenset()}, batch=4
    )
    problems = unmet(SplitEquivariant(CONFIG).requires, offered)
    assert problems == ["needs views whose meta holds: relation"]
    with pytest.raises(ValueError, match="more than 0 and less than 1; got 1"):
        SplitEquivariantConfig(share=1.0)


def test_a_step_waits_for_nothing() -> None:
    objective = built()
    with NothingReadBack():
        objective(views(), ToyContext({"signal": PoolEncoder()})).total().backward()
