"""InfoNCE with everything papers ask of it, in the engine."""

from __future__ import annotations

import pytest
import torch
from tests.core.needs.toys import Log, Make, Rows, Toy, engine, noisy_twice, signals
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode

from tacit.contract import Context, Losses, Requirements, Views
from tacit.functional import Columns, Groups, info_nce
from tacit.nn import EmbeddingQueue


class Contrast(Toy):
    """Group members attract but for the anchor itself; a queue, weights, own temperatures."""

    requires = Requirements(views=2, groups=True)

    def __init__(self) -> None:
        super().__init__()
        self.queue = EmbeddingQueue(8, 3)
        self.temperature = nn.Parameter(torch.full((12,), 0.5))  # one for each instance (iSogCLR)
        self.seen: list[tuple[Tensor, ...]] = []

    def forward(self, views: Views, ctx: Context) -> Losses:
        z = torch.cat([encoding.pooled for encoding in ctx.encode_each(views)])
        index = torch.cat([view.index for view in views if view.index is not None])
        groups, itself = ctx.groups().repeat(2), torch.arange(len(z))
        scale, weight = self.temperature[index], 1.0 / (1 + groups)
        negatives = self.queue.values.clone()
        found = info_nce(
            z,
            z,
            temperature=scale,
            positives=Groups(groups),
            exclude=Columns(itself),
            weights=weight,
            negatives=negatives,
        )
        self.seen.append((z.detach(), groups, scale.detach(), weight, negatives, found.loss))
        self.queue.push(z[:4])
        return Losses(terms={"contrast": found.loss}, metrics={"accuracy": found.accuracy})


def by_hand(z: Tensor, groups: Tensor, scale: Tensor, weight: Tensor, extra: Tensor) -> Tensor:
    """The same loss one anchor at a time."""
    z, extra = nn.functional.normalize(z), nn.functional.normalize(extra)
    total = weighed = torch.zeros(())
    for i in range(len(z)):
        others = torch.arange(len(z)) != i
        scores = torch.cat([z[others] @ z[i], extra @ z[i]]) / scale[i]
        own = (groups == groups[i])[others]
        loss = scores.logsumexp(0) - scores[: len(own)][own].mean()
        total, weighed = total + weight[i] * loss, weighed + weight[i]
    return total / weighed


def test_positives_exclusions_weights_queue_and_own_temperatures_make_one_loss() -> None:
    objective, log = Contrast(), Log()
    source = Rows(signal=signals(), group=torch.arange(12) % 3)
    before = objective.temperature.detach().clone()
    queue = objective.queue.values.clone()
    engine(objective, source=source, views={"signal": Make(noisy_twice, 2)}, log=log).run()
    for z, groups, scale, weight, negatives, loss in objective.seen:
        torch.testing.assert_close(loss, by_hand(z, groups, scale, weight, negatives))
    assert not torch.equal(objective.temperature, before), "each anchor's temperature learns"
    assert not torch.equal(objective.queue.values, queue)
    assert len(log.column("accuracy")) == 3


class Largest(TorchDispatchMode):
    """The most numbers that one tensor held."""

    numbers = 0

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):  # type: ignore[no-untyped-def]
        out = func(*args, **(kwargs or {}))
        for each in out if isinstance(out, (tuple, list)) else (out,):
            if isinstance(each, Tensor):
                self.numbers = max(self.numbers, each.numel())
        return out


@pytest.mark.parametrize("batch", [64, 128])
def test_memory_of_the_contrast_grows_with_the_batch_and_not_its_square(batch: int) -> None:
    class Chunked(Toy):
        def forward(self, views: Views, ctx: Context) -> Losses:
            a, b = (encoding.pooled for encoding in ctx.encode_each(views))
            assert views[0].index is not None
            pairs = Groups(views[0].index)
            loss = info_nce(a, b, temperature=0.1, positives=pairs, chunk=4).loss
            return Losses(terms={"contrast": loss})

    run = engine(
        Chunked(),
        source=Rows(signal=signals(batch)),
        views={"signal": Make(noisy_twice, 2)},
        batch=batch,
        steps=1,
    )
    with Largest() as largest:  # type: ignore[no-untyped-call]
        run.run()
    assert largest.numbers <= 8 * batch
