"""Some parameters alone are trained: adapters, prompts, new rows."""

from __future__ import annotations

import pytest
import torch
from tests.core.needs.toys import Rows, Toy, engine, linear, same, signals, weights
from torch import Tensor, nn

from tacit.contract import Context, Losses, PerLoss, PooledEncoder, UpdatePlan, Views
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
