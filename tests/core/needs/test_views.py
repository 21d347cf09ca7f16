"""Any number of views of any size, views of the whole batch, views that use the model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import pytest
import torch
from tests.core.needs.toys import Make, Rows, Toy, engine, linear, same, signals, weights
from torch import Tensor, nn

from tacit.contract import (
    Augmentation,
    Context,
    Encode,
    Losses,
    ModelAugmentation,
    PooledEncoder,
    Requirements,
    Scope,
    View,
    Views,
)
from tacit.methods.compose import check, composition


class AnyLength(nn.Module):
    """Rows of any number of columns to one vector each."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(1, 3)

    def forward(self, value: Tensor) -> Tensor:
        out: Tensor = self.layer(value[..., None]).tanh().mean(1)
        return out


def crops(value: Tensor, generator: torch.Generator) -> Sequence[View]:
    """Two large and three small crops; each says where it began."""
    starts = torch.randint(0, 3, (5,), generator=generator).tolist()
    sizes = (6, 6, 3, 3, 3)
    return [
        View(
            value=value[:, start : start + size],
            meta={"start": torch.full((len(value),), start)},
            role="global" if size == 6 else "local",
        )
        for start, size in zip(starts, sizes, strict=True)
    ]


def test_views_of_different_sizes_are_told_apart_by_role_and_encoded_jointly_by_size() -> None:
    shapes: list[tuple[int, ...]] = []

    class MultiCrop(Toy):
        requires = Requirements(views=2)

        def forward(self, views: Views, ctx: Context) -> Losses:
            large = ctx.encode_each(views.by_role("global"), joint=True)
            small = ctx.encode_each(views.by_role("local"), joint=True)
            target = torch.stack([e.pooled for e in large]).mean(0).detach()
            terms = {f"crop{i}": (e.pooled - target).square().mean() for i, e in enumerate(small)}
            shapes.extend(tuple(view.value.shape) for view in views)
            assert [len(e.pooled) for e in (*large, *small)] == [4] * 5
            return Losses(terms=terms)

    calls: list[int] = []
    one = PooledEncoder(AnyLength(), modality="signal", width=3)
    one.register_forward_hook(lambda _m, given, _out: calls.append(len(given[0])))
    run = engine(
        MultiCrop(),
        encoders={"signal": one},
        source=Rows(signal=signals(12, 8)),
        views={"signal": Make(crops, 5)},
        steps=1,
    )
    run.run()
    assert shapes == [(4, 6), (4, 6), (4, 3), (4, 3), (4, 3)]
    assert calls == [8, 12], "one forward for each size"


class Mix(Augmentation):
    """Each instance mixed with another of its batch (mixup); says how much, and with which."""

    roles, meta = ("plain", "mixed"), frozenset({"weight"})
    scope: ClassVar[Scope] = "batch"

    def __call__(self, value: Tensor, generator: torch.Generator) -> tuple[View, ...]:
        weight = torch.rand(len(value), generator=generator)
        other = torch.randperm(len(value), generator=generator)
        mixed = weight[:, None] * value + (1 - weight[:, None]) * value[other]
        plain = View(value=value, role="plain", meta={"weight": torch.ones(len(value))})
        return plain, View(value=mixed, role="mixed", source=other, meta={"weight": weight})


def test_a_view_of_the_whole_batch_says_what_it_mixed_and_the_loss_uses_it() -> None:
    losses: list[Tensor] = []

    class Mixed(Toy):
        requires = Requirements(views=2, meta=frozenset({"weight"}))

        def forward(self, views: Views, ctx: Context) -> Losses:
            plain, mixed = (ctx.encode(view).pooled for view in views)
            weight, other = views[1].meta["weight"][:, None], views[1].source
            assert views[0].index is not None
            assert other is not None
            assert torch.equal(views[1].index, views[0].index[other])  # type: ignore[arg-type]
            error = (mixed - weight * plain - (1 - weight) * plain[other]).square().mean()
            losses.append(error.detach())
            return Losses(terms={"linearity": error})

    run = engine(Mixed(), views={"signal": Mix()})
    run.run()  # a linear encoder of a mixture answers the mixture of its answers
    assert max(float(loss) for loss in losses) < 1e-10


def test_an_objective_whose_meta_no_view_brings_is_refused_before_training() -> None:
    class Turned(Toy):
        requires = Requirements(meta=frozenset({"angle"}))

        def forward(self, views: Views, ctx: Context) -> Losses:
            raise AssertionError

    offered = composition({"signal": linear()}, {"signal": Mix()}, teachers=frozenset(), batch=4)
    with pytest.raises(ValueError, match="needs views whose meta holds: angle"):
        check(Turned(), offered, what="turned")


def test_a_pretext_label_in_the_meta_is_predicted() -> None:
    def turned(value: Tensor, generator: torch.Generator) -> Sequence[View]:
        turns = torch.randint(0, 4, (len(value),), generator=generator)
        places = (torch.arange(4) + turns[:, None]) % 4
        return [View(value=value.gather(1, places), meta={"turns": turns})]

    class Turns(Toy):
        def __init__(self) -> None:
            super().__init__()
            self.head = nn.Linear(3, 4)

        def forward(self, views: Views, ctx: Context) -> Losses:
            logits = self.head(ctx.encode(views[0]).pooled)
            return Losses(
                terms={"turns": nn.functional.cross_entropy(logits, views[0].meta["turns"])}
            )

    run = engine(Turns(), views={"signal": Make(turned)})
    before = weights(run.learner)
    run.run()
    after = weights(run.learner)
    assert all(not torch.equal(before[name], after[name]) for name in before)


class Attack(ModelAugmentation):
    """Virtual adversarial: one power iteration towards where the answer changes most."""

    roles, size = ("plain", "adversarial"), 0.5

    def __call__(
        self, value: Tensor, generator: torch.Generator, encode: Encode
    ) -> tuple[View, ...]:
        step = torch.randn(value.shape, generator=generator).requires_grad_()
        change = (encode(value + 1e-2 * step).pooled - encode(value).pooled.detach()).square().sum()
        (direction,) = torch.autograd.grad(change, step)
        moved = value + self.size * nn.functional.normalize(direction)
        return View(value=value, role="plain"), View(value=moved, role="adversarial")


def test_an_adversarial_view_changes_the_answer_most_and_leaves_no_gradient_behind() -> None:
    torch.manual_seed(0)
    changes: list[tuple[Tensor, Tensor]] = []

    class Smooth(Toy):
        def forward(self, views: Views, ctx: Context) -> Losses:
            assert all(p.grad is None for p in ctx.encoder("signal").parameters())
            plain, moved = (ctx.encode(view).pooled for view in views)
            noise = 0.5 * nn.functional.normalize(signals(4, seed=ctx.step))
            other = ctx.encoder("signal")(views[0].value + noise).pooled
            found, random = (moved - plain).square().sum(), (other - plain).square().sum()
            changes.append((found.detach(), random.detach()))
            return Losses(terms={"smooth": found})

    engine(Smooth(), views={"signal": Attack()}, steps=4).run()
    assert all(found > random for found, random in changes)
    found, _ = zip(*changes, strict=True)
    assert found[-1] < found[0], "and the encoder learns to be smooth there"


class Stronger(Augmentation):
    """Noise whose strength a schedule moves."""

    roles, follows = ("view",), frozenset({"noise"})

    def __init__(self) -> None:
        self.noise, self.used = 0.0, list[float]()

    def follow(self, values: Mapping[str, float]) -> None:
        self.noise = values.get("noise", self.noise)

    def __call__(self, value: Any, generator: torch.Generator) -> tuple[View, ...]:
        self.used.append(self.noise)
        return (View(value=value + self.noise * torch.randn(value.shape, generator=generator)),)


def test_the_same_step_has_the_same_views_however_often_it_is_taken() -> None:
    class Size(Toy):
        def forward(self, views: Views, ctx: Context) -> Losses:
            return Losses(terms={"size": ctx.encode(views[0]).pooled.square().mean()})

    ends = []
    for _ in range(2):
        augmentation = Stronger()
        augmentation.noise = 1.0
        run = engine(Size(), views={"signal": augmentation})
        run.run()
        ends.append(weights(run.learner))
    assert same(*ends)
