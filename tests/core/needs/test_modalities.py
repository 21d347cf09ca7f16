"""Several encoders: pairs, members that are missing, data without pairs, parts they share."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import torch
from tests.core.needs.toys import Log, Rows, Toy, engine, linear, same, signals, weights
from torch import Tensor, nn

from tacit.contract import Batch, Context, Losses, PooledEncoder, Requirements, Views
from tacit.data import GeneratedSource, Mixture
from tacit.functional import info_nce
from tacit.nn import Ema
from tacit.training.optimizers import AdamW


class Pairs(Toy):
    """Members of a pair attract (CLIP); one whose partner is missing takes no part."""

    requires = Requirements(modalities=2)

    def forward(self, views: Views, ctx: Context) -> Losses:
        a, b = (ctx.encode(views.of(name)[0]).pooled for name in ("a", "b"))
        there = torch.ones(len(a), dtype=torch.bool)
        for view in views:
            there = there if view.present is None else there & view.present
        missing = ~there.expand(len(a), len(a))  # as keys; as anchors they weigh nothing
        terms = {
            name: info_nce(x, y, temperature=0.5, exclude=missing, weights=there.float()).loss
            for name, x, y in (("a", a, b), ("b", b, a))
        }
        return Losses(terms=terms)


class Missing(Rows):
    """Every third pair lacks its second member; `filling` stands in its rows."""

    def __init__(self, filling: float | None) -> None:
        super().__init__(a=signals(), b=signals(seed=1))
        self.filling = filling

    def fetch(self, indices: Sequence[int]) -> Batch:
        batch = super().fetch(indices)
        if self.filling is None:
            return batch
        there = batch.index % 3 != 0
        b = torch.where(there[:, None], batch.values["b"], self.filling)
        return replace(batch, values={**batch.values, "b": b}, present={"b": there})


def two() -> dict[str, PooledEncoder]:
    return {"a": linear(modality="a"), "b": linear(modality="b", seed=1)}


def trained(filling: float | None) -> dict[str, Tensor]:
    run = engine(Pairs(), encoders=two(), source=Missing(filling))
    run.run()
    return weights(run.learner)


def test_pairs_train_both_encoders_and_what_stands_for_a_missing_member_changes_nothing() -> None:
    begun = two()
    paired, zeros, sevens = trained(None), trained(0.0), trained(7.0)
    for name in ("a", "b"):
        key = f"encoders.{name}.module.weight"
        assert not torch.equal(paired[key], weights(begun[name])["module.weight"])
    assert same(zeros, sevens)
    assert not same(zeros, paired)


class Few(Missing):
    """A third of the instances have no second member; they are to be three quarters of a batch."""

    def mixture(self) -> Mixture:
        kind = (torch.arange(len(self)) % 3 == 0).long()
        return Mixture(kind=kind, weights=(1.0, 3.0))


class Counting(Pairs):
    """How many pairs a batch held."""

    def forward(self, views: Views, ctx: Context) -> Losses:
        losses, present = super().forward(views, ctx), views.of("b")[0].present
        assert present is not None
        return Losses(terms=losses.terms, metrics={"pairs": present.float().sum()})


def test_pairs_are_mixed_by_weight_with_instances_that_have_no_partner() -> None:
    log = Log()
    run = engine(Counting(), encoders=two(), source=Few(0.0), log=log, steps=6)
    run.run()
    assert set(log.column("pairs")) == {run.settings.batch / 4}


class Turns(GeneratedSource):
    """Unpaired data: batches of one kind and of the other take turns."""

    modalities = ("a", "b")

    def fetch(self, step: int, size: int, generator: torch.Generator) -> Batch:
        value = torch.randn(size, 4, generator=generator)
        index = torch.arange(step * size, (step + 1) * size)
        return Batch(values={self.modalities[step % 2]: value}, index=index)

    def fingerprint(self) -> str:
        return "turns"


class Sizes(Toy):
    """A loss for each modality the batch holds."""

    def forward(self, views: Views, ctx: Context) -> Losses:
        terms = {view.modality: ctx.encode(view).pooled.square().mean() for view in views}
        return Losses(terms=terms)


def test_unpaired_batches_take_turns_and_each_updates_its_own_encoder_alone() -> None:
    encoders, log = two(), Log()
    states = [weights(encoders["a"]), weights(encoders["b"])]
    for steps, moved in ((1, [True, False]), (2, [True, True])):
        encoders = two()
        decay = AdamW(lr=0.1, weight_decay=0.5)  # nor does decay move the one that waits
        run = engine(Sizes(), encoders=encoders, source=Turns(), optimizer=decay, steps=steps)
        run.run()
        now = [weights(encoders["a"]), weights(encoders["b"])]
        assert [not same(*pair) for pair in zip(states, now, strict=True)] == moved
    engine(Sizes(), encoders=two(), source=Turns(), log=log, log_every=3, steps=6).run()
    assert all({"loss/a", "loss/b"} <= line.keys() for line in log.lines)


def test_the_mean_of_a_term_is_over_the_steps_that_had_it() -> None:
    fine, coarse = Log(), Log()
    engine(Sizes(), encoders=two(), source=Turns(), log=fine).run()
    engine(Sizes(), encoders=two(), source=Turns(), log=coarse, log_every=3).run()
    a = fine.column("loss/a")
    assert len(a) == 2
    assert coarse.column("loss/a") == [sum(a) / 2]
    assert coarse.column("loss/b") == fine.column("loss/b")


def sharing() -> tuple[dict[str, PooledEncoder], nn.Linear]:
    torch.manual_seed(0)
    trunk = nn.Linear(3, 3)
    encoders = {
        name: PooledEncoder(nn.Sequential(nn.Linear(4, 3), trunk), modality=name, width=3)
        for name in ("a", "b")
    }
    return encoders, trunk


def test_a_part_two_encoders_share_stays_one_also_in_the_teacher() -> None:
    encoders, trunk = sharing()
    begun = trunk.weight.detach().clone()
    run = engine(
        Sizes(),
        encoders=encoders,
        source=Rows(a=signals(), b=signals(seed=1)),
        teachers={"teacher": Ema(momentum=0.75)},
        steps=1,
    )
    run.run()
    for own in (encoders["a"], encoders["b"]):
        assert own.module[1] is trunk  # type: ignore[index]
    taught = run.learner.teacher("teacher").encoders
    assert taught["a"].module[1] is taught["b"].module[1]  # type: ignore[index]
    torch.testing.assert_close(
        taught["a"].module[1].weight,  # type: ignore[index,union-attr]
        0.75 * begun + 0.25 * trunk.weight,  # moved once, not once an encoder
    )


def test_a_shared_part_learns_from_both_and_the_own_parts_each_from_their_own() -> None:
    grads = {}
    for source in (("a",), ("b",), ("a", "b")):
        encoders, trunk = sharing()
        begun = trunk.weight.detach().clone()
        data = {"a": signals(4), "b": signals(4, seed=1)}

        class Some(Toy):
            names = source

            def forward(self, views: Views, ctx: Context) -> Losses:
                views = Views([view for view in views if view.modality in self.names])
                return Losses(terms={v.modality: ctx.encode(v).pooled.mean() for v in views})

        run = engine(Some(), encoders=encoders, source=Rows(**data), steps=1)
        run.run()
        grads[source] = begun - trunk.weight.detach()
    torch.testing.assert_close(grads["a", "b"], grads["a",] + grads["b",])
