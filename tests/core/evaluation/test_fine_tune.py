from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from tacit.contract import Batch, Encoder, Modality, PooledEncoder
from tacit.evaluation import (
    FineTuneConfig,
    FineTuneProbe,
    Labelled,
    evaluate,
    few_of_each,
    fine_tune,
)

FEW = FineTuneConfig(labels=40, epochs=40, batch=20, lr=3e-2)


class Signal(Modality):
    name = "signal"


class Signs:
    """Two classes told apart by the product of two signs; instance i of the data has index 3 * i.

    Whatever is asked for comes with one more instance in the value, which no row names.
    """

    def __init__(self, seed: int, instances: int = 200) -> None:
        self.x = torch.randn(instances, 2, generator=torch.Generator().manual_seed(seed))
        self.label = (self.x[:, 0] * self.x[:, 1] > 0).long()
        self.seen: set[int] = set()

    def __iter__(self) -> Iterator[Batch]:
        for part in torch.arange(len(self.x)).flip(0).split(70):
            yield self._batch(part)

    def read(self, indices: Sequence[int]) -> Batch:
        self.seen |= set(indices)
        return self._batch(torch.tensor(indices) // 3)

    def _batch(self, part: Tensor) -> Batch:
        one_more = torch.cat([part, part[:1]])
        return Batch(
            values={"signal": self.x[one_more]},
            index=3 * one_more,
            label=self.label[one_more],
            rows=torch.arange(len(part)),
        )

    def labelled(self) -> Labelled:
        index = 3 * torch.arange(len(self.x))
        return Labelled(data=self, index=index, codes=self.label, classes=2)


def encoder(dropout: float = 0.0) -> Encoder:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        layers = nn.Sequential(
            nn.Linear(2, 16), nn.BatchNorm1d(16), nn.ReLU(), nn.Dropout(dropout), nn.Linear(16, 2)
        )
    return PooledEncoder(layers, modality="signal", width=2)


def seeded() -> torch.Generator:
    return torch.Generator().manual_seed(0)


def tuned_on(data: Signs, own: Encoder, config: FineTuneConfig = FEW) -> Tensor:
    tuned = fine_tune(own, data.labelled(), width=2, generator=seeded(), config=config)
    return tuned.predict(data)


def test_what_no_linear_probe_sees_is_learnt_from_few_labels() -> None:
    scores = evaluate(
        encoder(),
        Signs(0),
        Signs(1),
        modality=Signal(),
        encoder_factory=lambda seed: encoder(),
        probes=["linear", FineTuneProbe(config=FEW)],
        seeds=(0,),
    )
    found = {(score.probe, score.features): score.value for score in scores}
    assert found["fine-tune", "encoder"] > 0.85 > 0.75 > found["linear", "encoder"]
    assert found["fine-tune", "encoder"] == found["fine-tune", "random"]
    assert ("fine-tune", "raw") not in found, "raw features have nothing to tune"
    assert ("fine-tune", "majority") in found


def test_the_encoder_given_is_left_as_it_was() -> None:
    own = encoder().eval()
    own.module[0].weight.requires_grad_(False)  # type: ignore[index, union-attr]
    before = {name: value.clone() for name, value in own.state_dict().items()}
    predicted = tuned_on(Signs(0), own)
    after = own.state_dict()
    assert all(torch.equal(before[name], after[name]) for name in before)
    assert not own.training
    assert [p.requires_grad for p in own.parameters()].count(False) == 1
    assert predicted.float().mean() not in (0, 1)


def test_no_label_is_read_but_those_of_the_few() -> None:
    data = Signs(0)
    tuned_on(data, encoder(), FineTuneConfig(labels=10, epochs=3, batch=8))
    codes = data.label[torch.tensor(sorted(data.seen)) // 3]
    assert codes.bincount().tolist() == [10, 10]


def test_a_class_with_fewer_gives_all() -> None:
    labels = torch.tensor([0] * 30 + [1] * 3 + [5] * 30)[
        torch.randperm(63, generator=torch.Generator().manual_seed(3))
    ]
    rows = few_of_each(labels, 7, generator=seeded())
    assert labels[rows].bincount().tolist() == [7, 3, 0, 0, 0, 7]
    other = few_of_each(labels, 7, generator=torch.Generator().manual_seed(1))
    assert not torch.equal(rows, other)


def test_the_generator_alone_decides() -> None:
    state = torch.get_rng_state()
    first = tuned_on(Signs(0), encoder(dropout=0.5))
    assert torch.equal(torch.get_rng_state(), state)
    torch.manual_seed(7)
    assert torch.equal(first, tuned_on(Signs(0), encoder(dropout=0.5)))
    torch.set_rng_state(state)


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"train": [*Signs(0)]}, "an object with .read"),
        ({"task": "regression"}, "wanted labels that are classes"),
    ],
)
def test_what_cannot_be_tuned_is_refused(settings: dict[str, Any], said: str) -> None:
    train = settings.pop("train", Signs(0))
    with pytest.raises(ValueError, match=said):
        evaluate(
            encoder(),
            train,
            Signs(1),
            modality=Signal(),
            encoder_factory=None,
            probes=["fine-tune"],
            seeds=(0,),
            **settings,
        )


@pytest.mark.parametrize(
    ("name", "nothing"), [("labels", 0), ("epochs", 0), ("batch", 0), ("lr", 0.0)]
)
def test_settings_that_train_nothing_are_refused(name: str, nothing: Any) -> None:
    with pytest.raises(ValueError, match=f"{name}: wanted above 0"):
        FineTuneConfig(**{name: nothing})
