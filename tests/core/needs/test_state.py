"""State per instance, passes over the data set, and an order of the data that reads one."""

from __future__ import annotations

import weakref
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import pytest
import torch
from tests.core.needs.toys import Rows, Toy, engine, linear, same, signals, weights
from torch import Tensor, nn

from tacit.contract import Batch, Context, DataInfo, Losses, Requirements, View, Views
from tacit.nn import PreviousStage, SampleState
from tacit.training import checkpoint
from tacit.training.loop import Trainer
from tacit.training.parallel import World

HERE = World(device=torch.device("cpu"))


def resume(trainer: Trainer, folder: Path) -> Trainer:
    """A fresh trainer, at the last checkpoint of another."""
    trainer.load_state(*checkpoint.load(checkpoint.steps(folder)[-1], world=HERE))
    return trainer


class Memory(Toy):
    """Each instance's answer is held near its own earlier one (PS-KD)."""

    requires = Requirements(instances=True)

    def build(self, specs: object, data: DataInfo) -> None:
        assert data.instances is not None
        self.earlier = SampleState(data.instances, (3,), fill=torch.nan)

    def forward(self, views: Views, ctx: Context) -> Losses:
        answer, index = ctx.encode(views[0]).pooled, views[0].index
        assert index is not None
        earlier = self.earlier.read(index)
        target = torch.where(earlier.isnan(), torch.ones(3), earlier)
        self.earlier.write(index, answer)
        return Losses(terms={"near": (answer - target).square().mean()})


def test_state_of_an_instance_is_found_by_its_index_an_epoch_later() -> None:
    objective, answers = Memory(), dict[str, Tensor]()
    run = engine(objective, epochs=1, views=None)
    run.learner.encoder("signal").register_forward_hook(
        lambda _m, _given, out: answers.update(last=out.pooled.detach())
    )
    run.run()
    order = list(run.order.batches(0)) if run.order else []
    assert not objective.earlier.values.isnan().any()
    assert torch.equal(objective.earlier.read(order[-1]), answers["last"])


def test_state_of_instances_is_in_the_checkpoint(tmp_path: Path) -> None:
    whole = engine(Memory, epochs=3)
    whole.run()
    assert not engine(Memory, epochs=3, folder=tmp_path, stop_at=4).run().finished
    second = resume(engine(Memory, epochs=3), tmp_path)
    assert second.step == 4
    assert second.run().finished
    assert same(weights(second.learner), weights(whole.learner))


def k_means(rows: Tensor, k: int, seed: int) -> Tensor:
    """Cluster numbers after a few rounds of Lloyd."""
    centres = rows[torch.randperm(len(rows), generator=torch.Generator().manual_seed(seed))[:k]]
    for _ in range(5):
        number = torch.cdist(rows, centres).argmin(1)
        mean = torch.zeros_like(centres).index_add(0, number, rows)
        centres = mean / number.bincount(minlength=k).clamp(min=1)[:, None]
    return number


class Clusters(Toy):
    """Predicts the clusters of a pass, made anew before each epoch (DeepCluster)."""

    refresh, which = "epoch", "student"

    def __init__(self) -> None:
        super().__init__()
        self.head, self.passes = nn.Linear(3, 3), list[int]()
        self.register_buffer("code", torch.zeros(12, dtype=torch.long))
        self.code: Tensor

    def features(self, ctx: Context) -> Tensor:
        def compute(batch: Batch) -> Tensor:
            self.passes.append(len(batch))
            assert not torch.is_grad_enabled()
            encoder = ctx.encoder("signal", which=self.which)
            assert not encoder.training
            pooled: Tensor = encoder(batch.values["signal"]).pooled
            return pooled

        return ctx.dataset_pass("features", compute, refresh=self.refresh)

    def before_epoch(self, ctx: Context) -> None:
        self.code.copy_(k_means(self.features(ctx), 3, seed=ctx.epoch))

    def forward(self, views: Views, ctx: Context) -> Losses:
        logits = self.head(ctx.encode(views[0]).pooled)
        return Losses(
            terms={"code": nn.functional.cross_entropy(logits, self.code[views[0].index])}
        )


@pytest.mark.parametrize(("refresh", "passes"), [("epoch", 4), ("stage", 1)])
def test_a_pass_is_made_once_an_epoch_or_once_a_stage(refresh: str, passes: int) -> None:
    objective = Clusters()
    objective.refresh = refresh
    run = engine(objective, epochs=4)
    begun = run.learner.encoder("signal")(signals()).pooled.detach()
    run.run()
    assert objective.passes == [4, 4, 4] * passes
    _, rows = run.passes.state_dict()["features"]
    assert torch.equal(rows, begun) == (refresh == "stage"), "rows lie in the order of the data"
    assert run.learner.training, "and training goes on in training mode"


def test_a_pass_that_is_always_made_anew_is_not_kept() -> None:
    objective = Clusters()
    objective.refresh = "always"
    run = engine(objective, epochs=2)
    run.run()
    assert objective.passes == [4, 4, 4] * 2
    assert not run.passes.state_dict()


def test_a_kept_pass_and_what_was_made_of_it_outlive_a_stop(tmp_path: Path) -> None:
    whole = engine(Clusters, epochs=2)
    whole.run()
    engine(Clusters, epochs=2, folder=tmp_path, stop_at=1).run()
    run = resume(engine(Clusters, epochs=2), tmp_path)
    run.run()
    second = run.learner.objective
    assert isinstance(second, Clusters)
    assert second.passes == [4, 4, 4], "the first epoch's is in the checkpoint"
    assert same(weights(run.learner), weights(whole.learner))


def test_clusters_of_the_stage_before_are_targets_of_the_next() -> None:
    class Units(Clusters):
        refresh, which = "stage", "before"

        def before_epoch(self, ctx: Context) -> None:
            return

        def before_stage(self, ctx: Context) -> None:
            super().before_epoch(ctx)

    first = engine(Clusters(), epochs=2)
    first.run()
    rows = first.learner.encoder("signal")(signals()).pooled.detach()
    objective = Units()
    fresh = {"signal": linear(seed=3)}
    engine(
        objective,
        encoders=fresh,
        teachers={"before": PreviousStage()},
        previous=first.learner,
        epochs=2,
    ).run()
    assert torch.equal(objective.code, k_means(rows, 3, seed=0))


def test_a_pass_may_answer_codes_and_leaves_no_rows_out() -> None:
    class Codes(Toy):
        def forward(self, views: Views, ctx: Context) -> Losses:
            codes = ctx.dataset_pass("codes", lambda batch: batch.index * 2)
            assert torch.equal(codes, torch.arange(12) * 2)
            return Losses(terms={"size": ctx.encode(views[0]).pooled.square().mean()})

    engine(Codes()).run()


def test_a_pass_holds_no_encodings_of_earlier_batches() -> None:
    alive: list[int] = []
    made: list[weakref.ref[Tensor]] = []

    class Pass(Toy):
        def before_stage(self, ctx: Context) -> None:
            def compute(batch: Batch) -> Tensor:
                pooled = ctx.encode(View(value=batch.values["signal"], modality="signal")).pooled
                alive.append(sum(ref() is not None for ref in made))
                made.append(weakref.ref(pooled))
                return pooled

            ctx.dataset_pass("features", compute)

        def forward(self, views: Views, ctx: Context) -> Losses:
            return Losses(terms={"size": ctx.encode(views[0]).pooled.square().mean()})

    engine(Pass(), source=Rows(signal=signals(40)), steps=1).run()
    assert max(alive) <= 1


class Apart(Clusters):
    """No batch holds two instances of a cluster (G-SimCLR)."""

    def batches(self, ctx: Context, batch: int) -> Iterator[Tensor]:
        number = torch.arange(12) % 4 if self.refresh == "fixed" else self.code
        members = [(number == each).nonzero().flatten().tolist() for each in range(4)]
        while all(members):
            yield torch.tensor([own.pop() for own in members])

    def before_epoch(self, ctx: Context) -> None:
        rows = ctx.dataset_pass("numbers", lambda batch: batch.index % 4, refresh="epoch")
        self.code.copy_(rows)


class Ordered(Rows):
    """Remembers what was read."""

    def __init__(self, **values: Tensor) -> None:
        super().__init__(**values)
        self.read: list[list[int]] = []

    def fetch_random(self, indices: Sequence[int], draw: object) -> Batch:
        self.read.append(list(indices))
        return self.fetch(indices)


class Head4(Apart):
    def __init__(self) -> None:
        super().__init__()
        self.head = nn.Linear(3, 4)


def test_batches_are_drawn_from_a_pass_and_hold_each_cluster_once(tmp_path: Path) -> None:
    source = Ordered(signal=signals())
    whole = engine(Head4, source=source, epochs=2)
    whole.run()
    assert len(source.read) == 6
    assert all(sorted(i % 4 for i in batch) == [0, 1, 2, 3] for batch in source.read)
    engine(Head4, epochs=2, folder=tmp_path, stop_at=1).run()
    rest = Ordered(signal=signals())
    run = resume(engine(Head4, source=rest, epochs=2), tmp_path)
    run.run()
    assert rest.read == source.read[1:], "a resumed epoch goes on with the same batches"
    assert same(weights(run.learner), weights(whole.learner))


@pytest.mark.parametrize(("count", "got"), [(2, "got 2"), (4, "got more than 3")])
def test_an_epoch_of_another_number_of_batches_is_refused(count: int, got: str) -> None:
    class Few(Clusters):
        def batches(self, ctx: Context, batch: int) -> Iterable[Tensor]:
            return [torch.arange(4)] * count

    with pytest.raises(ValueError, match=f"wanted the 3 batches of an epoch; {got}"):
        engine(Few(), epochs=2).run()
