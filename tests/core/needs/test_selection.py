"""Some parameters alone are trained: adapters, prompts, new rows."""

from __future__ import annotations

import pytest
import torch
from tests.core.needs.toys import Rows, Toy, engine, linear, same, signals, weights
from torch import Tensor, nn

from tacit.contract import Context, Encoder, Losses, PerLoss, PooledEncoder, UpdatePlan, Views
from tacit.training.optimizers import AdamW


class Small(Toy):
    def forward(self, views: Views, ctx: Context) -> Losses:
        return Losses(terms={"small": ctx.encode(views[0]).pooled.square().mean()})


class Adapted(nn.Module):
    """A frozen layer and a low-rank adapter that begins as nothing."""

    def __init__(self) -> None:
        super().__init__()
        up = nn.Linear(1, 3)
        nn.init.zeros_(up.weight)
        self.layer, self.adapter = nn.Linear(4, 3), nn.Sequential(nn.Linear(4, 1), up)

    def forward(self, value: Tensor) -> Tensor:
        out: Tensor = self.layer(value) + self.adapter(value)
        return out


def test_adapters_alone_are_trained_and_nothing_else_moves_nor_decays() -> None:
    encoder = PooledEncoder(Adapted(), modality="signal", width=3)
    begun = weights(encoder)
    run = engine(
        Small(),
        encoders={"signal": encoder},
        trainable=("encoders.*.adapter.*",),
        optimizer=AdamW(lr=0.1, weight_decay=0.5),
    )
    run.run()
    moved = {name for name, now in weights(encoder).items() if not torch.equal(now, begun[name])}
    assert moved == {name for name in begun if "adapter" in name}


class Words(nn.Module):
    """Rows of numbers of words to one vector each."""

    def __init__(self) -> None:
        super().__init__()
        self.embed = nn.Embedding(10, 3)

    def forward(self, value: Tensor) -> Tensor:
        out: Tensor = self.embed(value).mean(1)
        return out


class PlainGradient(Small):
    def plan(self) -> UpdatePlan:
        return PerLoss(lambda flat: torch.ones(len(flat)))


@pytest.mark.parametrize("objective", [Small, PlainGradient])
def test_new_rows_of_an_embedding_alone_are_trained(objective: type[Toy]) -> None:
    encoder = PooledEncoder(Words(), modality="signal", width=3)
    begun = weights(encoder)["module.embed.weight"]
    ids = torch.arange(12)[:, None].expand(12, 10) * 0 + torch.arange(10)
    run = engine(
        objective(),
        encoders={"signal": encoder},
        source=Rows(signal=ids),
        trainable=("encoders.signal.module.embed.weight[7:]",),
        optimizer=AdamW(lr=0.1, weight_decay=0.5),
    )
    run.run()
    now = weights(encoder)["module.embed.weight"]
    assert torch.equal(now[:7], begun[:7])
    assert (now[7:] != begun[7:]).all()


def test_a_selection_that_selects_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match=r"'encoders.*.adaptor.*' matches no parameter"):
        engine(Small(), trainable=("encoders.*.adaptor.*",))
    with pytest.raises(ValueError, match="has 3 rows: none is left from row 3 on"):
        engine(Small(), trainable=("encoders.*.weight[3:]",))


def test_without_a_selection_everything_is_trained() -> None:
    encoder = linear()
    begun = weights(encoder)
    engine(Small(), encoders={"signal": encoder}, source=Rows(signal=signals())).run()
    assert not any(torch.equal(now, begun[name]) for name, now in weights(encoder).items())
    assert not same(weights(encoder), begun)


class Each(Toy):
    def forward(self, views: Views, ctx: Context) -> Losses:
        return Losses(terms={v.modality: ctx.encode(v).pooled.square().mean() for v in views})


class Normed(nn.Module):
    """A layer and batch norm, whose running statistics move in training."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(4, 3), nn.BatchNorm1d(3))

    def forward(self, value: Tensor) -> Tensor:
        out: Tensor = self.layers(value)
        return out


def two() -> dict[str, Encoder]:
    torch.manual_seed(0)
    return {name: PooledEncoder(Normed(), modality=name, width=3) for name in ("a", "b")}


PAIRS = Rows(a=signals(), b=signals(seed=1))


def test_a_locked_encoder_stays_as_it_is_with_its_statistics_while_others_learn() -> None:
    encoders = two()
    begun = {name: weights(encoder) for name, encoder in encoders.items()}
    engine(Each(), encoders=encoders, source=PAIRS, locked=("a",)).run()
    assert same(weights(encoders["a"]), begun["a"])
    assert not same(weights(encoders["b"]), begun["b"])
    assert all(parameter.requires_grad for parameter in encoders["a"].parameters())  # released


def test_locking_what_is_not_there_is_refused() -> None:
    with pytest.raises(ValueError, match="locked: wanted some of a, b; got"):
        engine(Each(), encoders=two(), source=PAIRS, locked=("c",))


def moved(rates: dict[str, float]) -> dict[str, Tensor]:
    """By how much one step moves each encoder's layer."""
    encoders = two()
    begun = {name: weights(encoder) for name, encoder in encoders.items()}
    engine(Each(), encoders=encoders, source=PAIRS, steps=1, rates=rates).run()
    key = "module.layers.1.weight"
    return {name: weights(encoders[name])[key] - begun[name][key] for name in encoders}


def test_encoders_have_rates_of_their_own() -> None:
    alike, slower = moved({}), moved({"encoders.a.*": 0.25})
    torch.testing.assert_close(slower["a"], 0.25 * alike["a"])
    torch.testing.assert_close(slower["b"], alike["b"])


@pytest.mark.parametrize(
    ("rates", "told"), [({"encoder.*": 0.5}, "matches no parameter"), ({"*": 0.0}, "above 0")]
)
def test_a_rate_for_nothing_or_of_nothing_is_refused(rates: dict[str, float], told: str) -> None:
    with pytest.raises(ValueError, match=f"rates: .*{told}"):
        engine(Each(), encoders=two(), source=PAIRS, rates=rates)
