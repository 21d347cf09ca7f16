"""Other updates than one backward and one step: players, a gradient a loss, forwards twice."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

import pytest
import torch
from tests.core.needs.toys import Log, Rows, Toy, engine, linear, same, signals, weights
from torch import Tensor, nn

from tacit.contract import (
    Alternate,
    Context,
    Losses,
    PerLoss,
    PooledEncoder,
    UpdatePlan,
    Updater,
    Views,
)
from tacit.training.optimizers import AdamW, Sgd
from tacit.training.schedules import Constant


class BiGan(Toy):
    """Encoder and generator against a discriminator of pairs (value, code)."""

    def __init__(self) -> None:
        super().__init__()
        self.generator, self.discriminator = nn.Linear(3, 4), nn.Linear(7, 1)

    def players(self) -> Mapping[str, Iterable[nn.Parameter]]:
        return {"critic": self.discriminator.parameters()}

    def plan(self) -> UpdatePlan:
        return Alternate({"critic": ("critic",), "main": ("encode",)})

    def forward(self, views: Views, ctx: Context) -> Losses:
        real, code = views[0].value, ctx.encode(views[0]).pooled
        drawn = torch.randn(len(real), 3, generator=ctx.generator)
        yes = self.discriminator(torch.cat([real, code], 1))
        no = self.discriminator(torch.cat([self.generator(drawn), drawn], 1))
        score = nn.functional.logsigmoid
        return Losses(
            terms={
                "critic": -(score(yes) + score(-no)).mean(),
                "encode": -(score(-yes) + score(no)).mean(),
            }
        )


def test_two_players_take_turns_each_minimising_its_own_loss() -> None:
    objective, log = BiGan(), Log()
    nn.init.zeros_(objective.discriminator.weight)
    nn.init.zeros_(objective.discriminator.bias)
    run = engine(objective, log=log, steps=1)
    begun = weights(run.learner)
    run.run()
    now = weights(run.learner)
    assert log.column("loss/critic")[0] == pytest.approx(-2 * torch.tensor(0.5).log().item())
    assert all(not torch.equal(begun[name], now[name]) for name in begun if "bias" not in name)
    # The encoder's turn came second and saw the critic after its step, away from where it is flat.
    assert not torch.equal(
        now["encoders.signal.module.weight"], begun["encoders.signal.module.weight"]
    )


def test_players_may_have_optimisers_and_rates_of_their_own() -> None:
    run = engine(
        BiGan(),
        optimizers={"critic": AdamW(lr=0.5, weight_decay=0.0)},
        schedules={"lr_factor": Constant(value=0.5), "critic.lr_factor": Constant(value=0.1)},
    )
    run.run()
    found = {
        name: (type(o).__name__, o.param_groups[0]["lr"])
        for name, o in run.update.optimizers.items()
    }
    assert found == {"main": ("SGD", 0.05), "critic": ("AdamW", 0.025)}


def test_an_optimiser_for_nobody_is_refused() -> None:
    with pytest.raises(ValueError, match=r"\['crtic'\] are no players of BiGan"):
        engine(BiGan(), optimizers={"crtic": Sgd()})


def min_norm(flat: Tensor) -> Tensor:
    """Weights of the shortest vector between two gradients, in closed form (MGDA)."""
    a, b = flat
    share = (((b - a) @ b) / (a - b).square().sum()).clamp(0, 1)
    return torch.stack([share, 1 - share])


class Shift(nn.Module):
    """A value to add: its gradient is known by hand."""

    def __init__(self) -> None:
        super().__init__()
        self.at = nn.Parameter(torch.zeros(2))

    def forward(self, value: Tensor) -> Tensor:
        return self.at.expand(len(value), 2)


class TwoWells(Toy):
    """Two losses that pull the encoder to (1, 0) and (0, 2); each with a head of its own."""

    def __init__(self) -> None:
        super().__init__()
        self.heads = nn.Parameter(torch.ones(2))
        self.weights: list[Tensor] = []

    def plan(self) -> UpdatePlan:
        def combine(flat: Tensor) -> Tensor:
            assert flat.shape == (2, 2), "the heads are no part of the conflict"
            self.weights.append(min_norm(flat))
            return self.weights[-1]

        return PerLoss(combine)

    def forward(self, views: Views, ctx: Context) -> Losses:
        at = ctx.encode(views[0]).pooled[0]
        wells = torch.tensor([[1.0, 0.0], [0.0, 2.0]])
        pulls = (at - wells).square().sum(1) / 2 + self.heads.square() / 2
        return Losses(terms={"first": pulls[0], "second": pulls[1]})


def test_weights_of_the_shortest_gradient_match_the_closed_form_and_are_stepped_along() -> None:
    objective = TwoWells()
    shift = Shift()
    encoder = PooledEncoder(shift, modality="signal", width=2)
    engine(objective, encoders={"signal": encoder}, steps=1).run()
    # Gradients at 0 are (-1, 0) and (0, -2): the nearest point of their segment to 0 has 4 : 1.
    torch.testing.assert_close(objective.weights[0], torch.tensor([0.8, 0.2]))
    torch.testing.assert_close(shift.at.detach(), 0.1 * torch.tensor([0.8, 0.4]))
    torch.testing.assert_close(objective.heads.detach(), 1 - 0.1 * torch.tensor([0.8, 0.2]))


def test_weights_of_terms_are_refused_where_the_plan_makes_its_own() -> None:
    with pytest.raises(ValueError, match="PerLoss weighs the terms itself"):
        engine(TwoWells(), weights={"first": 2.0})


class Sam:
    """The gradient at the worst point nearby (Foret et al. 2021), taken from where one is."""

    def __call__(self, update: Updater) -> Losses:
        losses = update.losses()
        parameters, radius = update.parameters(), 0.05
        slopes = update.gradients(update.total(losses))
        length = torch.stack([slope.norm() for slope in slopes]).norm()
        steps = [radius * slope / length for slope in slopes]
        with torch.no_grad():
            torch._foreach_add_(list(parameters), steps)
        update.backward(update.total(update.losses()))
        with torch.no_grad():
            torch._foreach_sub_(list(parameters), steps)
        update.step()
        return losses


def test_a_plan_may_run_the_same_batch_twice() -> None:
    class Sharp(Toy):
        def __init__(self) -> None:
            super().__init__()
            self.drawn: list[Tensor] = []

        def plan(self) -> UpdatePlan:
            return Sam()

        def forward(self, views: Views, ctx: Context) -> Losses:
            at = ctx.encode(views[0]).pooled[0]
            self.drawn.append(torch.rand(3, generator=ctx.generator))
            return Losses(terms={"well": ((at - 1).square() * torch.tensor([1.0, 2.0])).sum() / 2})

    objective, shift = Sharp(), Shift()
    encoder = PooledEncoder(shift, modality="signal", width=2)
    engine(objective, encoders={"signal": encoder}, steps=1).run()
    slope = torch.tensor([-1.0, -2.0])
    worst = 0.05 * slope / slope.norm()
    torch.testing.assert_close(shift.at.detach(), -0.1 * ((worst - 1) * torch.tensor([1.0, 2.0])))
    assert torch.equal(*objective.drawn), "with the same masks"


def test_a_penalty_on_input_gradients_is_differentiated_twice() -> None:
    class Contractive(Toy):
        def forward(self, views: Views, ctx: Context) -> Losses:
            value = views[0].value.detach().requires_grad_()
            answer = ctx.encode(replace(views[0], value=value)).pooled
            (slope,) = torch.autograd.grad(answer.sum(), value, create_graph=True)
            return Losses(terms={"contraction": slope.square().sum(1).mean()})

    encoder = linear()
    begun = weights(encoder)["module.weight"]
    run = engine(Contractive(), encoders={"signal": encoder}, steps=1)
    run.run()
    by_hand = begun - 0.1 * 2 * begun.sum(0).expand_as(begun)  # slope of |sum of rows|^2
    torch.testing.assert_close(weights(encoder)["module.weight"], by_hand)
    assert encoder.module.bias.grad is None  # type: ignore[union-attr]


def test_an_attack_through_the_objectives_own_head_leaves_the_weights_alone() -> None:
    class Robust(Toy):
        def __init__(self) -> None:
            super().__init__()
            self.head = nn.Linear(3, 2)

        def forward(self, views: Views, ctx: Context) -> Losses:
            value = views[0].value.detach().requires_grad_()
            plain = self.head(ctx.encode(views[0]).pooled).log_softmax(1)
            near = self.head(ctx.encode(replace(views[0], value=value + 1e-2)).pooled)
            change = nn.functional.kl_div(
                near.log_softmax(1), plain.detach(), log_target=True, reduction="batchmean"
            )
            (direction,) = torch.autograd.grad(change, value)
            assert self.head.weight.grad is None
            moved = replace(views[0], value=views[0].value + 0.3 * direction.sign())
            answer = self.head(ctx.encode(moved).pooled).log_softmax(1)
            return Losses(
                terms={
                    "smooth": nn.functional.kl_div(
                        answer, plain.detach(), log_target=True, reduction="batchmean"
                    )
                }
            )

    log = Log()
    sgd = Sgd(lr=1.0, momentum=0.0, weight_decay=0.0)
    run = engine(Robust, source=Rows(signal=signals(4)), log=log, steps=40, optimizer=sgd)
    begun = weights(run.learner)
    run.run()
    assert not same(weights(run.learner), begun)
    losses = log.column("loss/smooth")
    assert sum(losses[-5:]) < sum(losses[:5])


def test_what_was_encoded_without_gradient_is_encoded_anew_with_it() -> None:
    class Both(Toy):
        def forward(self, views: Views, ctx: Context) -> Losses:
            with torch.no_grad():
                assert not ctx.encode(views[0]).pooled.requires_grad
            assert ctx.encode(views[0]).pooled.requires_grad
            assert ctx.encode(views[0]) is ctx.encode(views[0])
            return Losses(terms={"size": ctx.encode(views[0]).pooled.square().mean()})

    engine(Both(), steps=1).run()
