"""Data that are one value with many instances, and data that have no end."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
import torch
from tests.core.needs.toys import Log, Toy, engine, same, signals, weights
from torch import Tensor

from tacit.contract import Batch, Context, Losses, Views
from tacit.data import GeneratedSource, Source


class Whole(Source):
    """One value with nine nodes; an epoch goes over their indices, a third at a time."""

    modalities = ("signal",)

    def __init__(self, *, spoilt: Sequence[int] = ()) -> None:
        self.nodes = signals(9)
        self.nodes[list(spoilt)] += 50.0

    def __len__(self) -> int:
        return 9

    def fetch(self, indices: Sequence[int]) -> Batch:
        rows = torch.tensor(indices)
        return Batch(values={"signal": self.nodes}, index=torch.arange(9), rows=rows)


class OnRows(Toy):
    """A loss on the nodes a batch asks for, of all that were encoded."""

    def __init__(self) -> None:
        super().__init__()
        self.rows: list[Tensor] = []

    def forward(self, views: Views, ctx: Context) -> Losses:
        pooled, rows = ctx.encode(views[0]).pooled, views[0].rows
        assert pooled.shape == (9, 3)
        assert rows is not None
        self.rows.append(rows)
        return Losses(terms={"size": pooled[rows].square().mean()})


def test_a_loss_on_an_index_takes_each_node_of_a_whole_value_once_an_epoch() -> None:
    objective = OnRows()
    engine(objective, source=Whole(), batch=3, epochs=1).run()
    assert sorted(torch.cat(objective.rows).tolist()) == list(range(9))


def test_nodes_outside_the_index_have_no_part_in_the_loss() -> None:
    objective, ends = OnRows(), []
    engine(objective, source=Whole(), batch=3, steps=1).run()
    outside = sorted(set(range(9)) - set(objective.rows[0].tolist()))
    for spoilt in ((), outside):
        run = engine(OnRows(), source=Whole(spoilt=spoilt), batch=3, steps=1)
        run.run()
        ends.append(weights(run.learner))
    assert same(*ends)


def test_a_pass_over_a_whole_value_has_a_row_for_each_node() -> None:
    class Pass(OnRows):
        def before_stage(self, ctx: Context) -> None:
            nodes = ctx.dataset_pass("nodes", lambda batch: batch.values["signal"])
            assert torch.equal(nodes, signals(9))

    engine(Pass(), source=Whole(), batch=3).run()


class Prior(GeneratedSource):
    """Draws from a prior, without end (PFN)."""

    modalities = ("signal",)

    def fetch(self, step: int, size: int, generator: torch.Generator) -> Batch:
        value = torch.randn(size, 4, generator=generator)
        return Batch(values={"signal": value}, index=torch.arange(size) + step * size)

    def fingerprint(self) -> str:
        return "prior"


class Keep(Toy):
    def __init__(self) -> None:
        super().__init__()
        self.values: list[Tensor] = []

    def forward(self, views: Views, ctx: Context) -> Losses:
        self.values.append(views[0].value)
        return Losses(terms={"size": ctx.encode(views[0]).pooled.square().mean()})


def test_generated_data_are_new_at_every_step_and_the_same_in_every_run() -> None:
    seen = []
    for _ in range(2):
        objective = Keep()
        engine(objective, source=Prior(), steps=5).run()
        seen.append(torch.cat(objective.values))
    assert torch.equal(*seen)
    assert len(seen[0].unique(dim=0)) == 20


def test_endless_training_on_endless_data_goes_on_until_stopped() -> None:
    log = Log()
    run = engine(Keep(), source=Prior(), endless=True, checkpoint_every=100, log=log, stop_at=7)
    assert run.run().step == 7
    with pytest.raises(ValueError, match="set checkpoint_every"):
        engine(Keep(), source=Prior(), endless=True)
    with pytest.raises(ValueError, match="endless data have no epochs"):
        engine(Keep(), source=Prior(), epochs=2)


def test_state_per_instance_is_refused_on_endless_data() -> None:
    class Pass(Keep):
        def before_stage(self, ctx: Context) -> None:
            ctx.dataset_pass("all", lambda batch: batch.index)

    with pytest.raises(ValueError, match="needs data of a known size"):
        engine(Pass(), source=Prior()).run()
