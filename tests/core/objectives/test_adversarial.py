"""BiGAN: two players, whose optimum is that encoder and generator undo each other."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import pytest
import torch
from tests.core.needs.toys import Log, Rows, engine, same, weights
from tests.core.objectives.setting import values
from tests.core.objectives.test_no_waiting import NothingReadBack
from tests.core.toys import TokenEncoder, ToyContext
from torch import Tensor, nn

from tacit.contract import DataInfo, PooledEncoder, View, Views
from tacit.nn import MlpConfig
from tacit.objectives import BiGan, BiGanConfig
from tacit.training.optimizers import Adam

HEADS: dict[str, Any] = {
    "generator": MlpConfig(widths=(16,)),
    "critic": MlpConfig(widths=(16,), norm="none", activation="gelu"),
}
CONFIG = BiGanConfig(codes=3, **HEADS)


def views(batch: int = 8) -> Views:
    return Views([View(value=values(batch), modality="signal")])


def built(config: BiGanConfig = CONFIG) -> tuple[BiGan, ToyContext]:
    torch.manual_seed(0)
    objective, encoder = BiGan(config), TokenEncoder()
    objective.build({"signal": encoder.spec}, DataInfo())
    return objective, ToyContext({"signal": encoder})


def test_a_critic_that_knows_nothing_costs_the_logarithm_of_four() -> None:
    objective, ctx = built()
    last = objective.critic.get_submodule("signal.layers.2")
    for parameter in last.parameters():
        nn.init.zeros_(parameter)
    found = objective(views(), ctx).terms
    assert found["critic"].item() == pytest.approx(math.log(4), abs=1e-6)
    assert found["encode"].item() == pytest.approx(math.log(4), abs=1e-6)


def test_the_terms_are_those_of_the_paper() -> None:
    objective, ctx = built()
    real, made, _ = objective.judged("signal", views()[0], ctx)
    objective, ctx = built()
    found = objective(views(), ctx).terms
    true, false = real.sigmoid(), made.sigmoid()
    torch.testing.assert_close(found["critic"], -(true.log() + (1 - false).log()).mean())
    inverse = -((1 - true).log() + false.log()).mean()
    torch.testing.assert_close(found["encode"], inverse)


def test_pairs_are_content_with_its_code_and_what_is_made_with_its() -> None:
    objective, ctx = built()
    seen = []
    objective.critic["signal"].register_forward_pre_hook(lambda _, given: seen.append(given[0]))
    objective(views(), ctx)
    real, made = seen
    torch.testing.assert_close(real[:, :48], values(8).flatten(1))
    code = objective.encode["signal"](ctx.encode(views()[0]).pooled)
    torch.testing.assert_close(real[:, 48:], code)
    drawn = made[:, 48:]
    assert drawn.abs().max() <= 1
    torch.testing.assert_close(made[:, :48], objective.generate["signal"](drawn))


def test_each_player_is_stepped_by_its_own_loss_alone() -> None:
    objective = BiGan(CONFIG)
    run = engine(
        objective,
        source=Rows(signal=values(16)),
        encoders={"signal": TokenEncoder()},
        optimizers={"critic": Adam(lr=0.0)},
        batch=8,
        steps=1,
    )
    critic, encoder = weights(objective.critic), weights(run.learner.encoders)
    run.run()
    assert same(weights(objective.critic), critic)
    assert not same(weights(run.learner.encoders), encoder)
    assert set(run.update.players) == {"main", "critic"}


class Bent(PooledEncoder):
    """Two numbers, each a token, to a curved function of both."""

    def __init__(self) -> None:
        super().__init__(nn.Sequential(nn.Linear(2, 16), nn.Tanh()), modality="signal", width=16)
        self.spec = replace(self.spec, tokens="dense", grid=(2,), target_width=1)

    def token_targets(self, value: Tensor) -> Tensor:
        return value[..., None]


@pytest.mark.learning
def test_encoder_and_generator_learn_to_undo_each_other() -> None:
    """Of a Gaussian, where they can: the way there and back ends where it began."""
    shape = torch.tensor([[1.0, 0.6], [0.0, 0.5]])
    data = torch.randn(512, 2, generator=torch.Generator().manual_seed(0)) @ shape
    torch.manual_seed(1)
    encoder, log = Bent(), Log()
    plain = MlpConfig(widths=(32,), norm="none", activation="gelu")
    critic = MlpConfig(widths=(64, 64), norm="none", activation="gelu")
    adam = Adam(lr=1e-3, betas=(0.5, 0.999))
    engine(
        BiGan(BiGanConfig(codes=2, prior="normal", generator=plain, critic=critic)),
        source=Rows(signal=data),
        encoders={"signal": encoder},
        optimizer=adam,
        optimizers={"critic": adam},
        batch=128,
        steps=500,
        log=log,
    ).run()
    inverse = log.column("inverse")
    assert sum(inverse[-20:]) < 0.3 * sum(inverse[:20])


@pytest.mark.parametrize("prior", ["uniform", "normal"])
def test_codes_are_of_the_prior(prior: str) -> None:
    objective, ctx = built(BiGanConfig(codes=2, prior=prior, **HEADS))  # type: ignore[arg-type]
    drawn = objective.drawn(20000, ctx)
    deviation = 1 / math.sqrt(3) if prior == "uniform" else 1.0
    assert drawn.mean().item() == pytest.approx(0, abs=0.02)
    assert drawn.std().item() == pytest.approx(deviation, rel=0.02)


def test_looking_back_leaves_the_generators_statistics_alone() -> None:
    objective, ctx = built()
    begun = weights(objective.generate)
    objective.generated("signal", torch.randn(4, 3))
    assert same(weights(objective.generate), begun)
    assert objective.generate["signal"].training
    objective(views(), ctx)
    assert not same(weights(objective.generate), begun)


def test_a_step_waits_for_nothing() -> None:
    objective, ctx = built()
    with NothingReadBack():
        objective(views(), ctx).total().backward()


def test_a_critic_with_batch_norm_is_refused() -> None:
    with pytest.raises(ValueError, match=r"set critic\.norm to layer or none"):
        BiGanConfig(critic=MlpConfig(widths=(4,)))
    with pytest.raises(ValueError, match="codes: wanted at least 1"):
        BiGanConfig(codes=0)
