"""Labels beside a pretext task: those there are, and certainty where there are none."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

import pytest
import torch
from tests.core.needs.toys import Log, Rows, engine
from tests.core.objectives.asked import Asked, network, upright
from torch import Tensor

from tacit.contract import Batch, Composition, unmet
from tacit.nn import Uncertainty
from tacit.objectives import (
    JointPretext,
    JointPretextConfig,
    Labelled,
    LabelledConfig,
    PretextConfig,
)
from tacit.testing.toy import SignalNet, SignalNetConfig
from tacit.training.optimizers import AdamW


class Known(Rows):
    """Rows of which only the first of every two has its label."""

    def labels(self) -> Tensor:
        sign = (self.values["signal"][:, 0, 0] + 2 > 0).long()
        return torch.where(torch.arange(len(self)) % 2 == 0, sign, -1)

    def fetch(self, indices: Sequence[int]) -> Batch:
        return replace(super().fetch(indices), label=self.labels()[list(indices)])


def test_the_terms_are_those_of_the_paper() -> None:
    objective = Labelled(LabelledConfig(classes=3, entropy=0.5))
    logits = torch.randn(4, 3)
    found = objective.told(logits, torch.tensor([2, -1, 0, -1]))
    chances = logits.softmax(1)
    told = -(chances[0, 2].log() + chances[2, 0].log()) / 2
    torch.testing.assert_close(found.terms["classification"], told)
    entropy = -(chances * chances.log()).sum(1)[[1, 3]].mean()
    torch.testing.assert_close(found.terms["entropy"], 0.5 * entropy)


def test_no_labels_leave_entropy_alone_and_all_labels_leave_none() -> None:
    objective = Labelled(LabelledConfig(classes=4, entropy=1.0))
    none = objective.told(torch.zeros(3, 4), torch.full((3,), -1)).terms
    assert none["classification"] == 0
    assert none["entropy"].item() == pytest.approx(math.log(4))
    every = objective.told(torch.zeros(3, 4), torch.zeros(3, dtype=torch.long)).terms
    assert every["entropy"] == 0
    assert every["classification"].item() == pytest.approx(math.log(4))


def test_gradients_are_right() -> None:
    objective = Labelled(LabelledConfig(classes=3))
    label = torch.tensor([0, -1, 2, -1])

    def total(logits: Tensor) -> Tensor:
        return objective.told(logits, label).total()

    assert torch.autograd.gradcheck(
        total, torch.randn(4, 3, dtype=torch.float64, requires_grad=True)
    )


def test_labels_and_a_pretext_task_are_learnt_together() -> None:
    log = Log()
    config = JointPretextConfig(
        labelled=LabelledConfig(classes=2),
        pretext=PretextConfig(),
        balance=Uncertainty(),
    )
    engine(
        JointPretext(config),
        source=Known(signal=upright(64)),
        encoders={"signal": network()},
        views={"signal": Asked()},
        log=log,
        steps=80,
        batch=32,
        optimizer=AdamW(lr=1e-2),
    ).run()
    for measure in ("labels/accuracy", "pretext/transformation/accuracy"):
        assert sum(log.column(measure)[-5:]) / 5 > 0.85, measure


def test_a_classifier_of_the_encoders_kind_is_learnt_and_asked_of_encoders_that_have_one() -> None:
    own = LabelledConfig(classes=2, entropy=0.0, classifier="own")
    log, encoder = Log(), SignalNet(SignalNetConfig())
    run = engine(
        Labelled(own),
        source=Known(signal=upright(64)),
        encoders={"signal": encoder},
        views={"signal": Asked()},
        log=log,
        steps=80,
        batch=32,
        optimizer=AdamW(lr=1e-2),
    )
    run.run()
    assert sum(log.column("accuracy")[-5:]) / 5 > 0.85
    assert Labelled(own).requires.capabilities == {"tokens", "decoder"}
    assert not Labelled(LabelledConfig(classes=2)).requires.capabilities
    offered = Composition(
        specs={"signal": network().spec}, roles={"signal": ("view",)}, meta={}, labels=True
    )
    (problem,) = unmet(Labelled(own).requires, offered)
    assert "needs an encoder with: decoder" in problem


def test_an_objective_that_needs_labels_says_so() -> None:
    assert JointPretext(JointPretextConfig(labelled=LabelledConfig(classes=2))).requires.labels
    with pytest.raises(ValueError, match="classes: wanted at least 2"):
        LabelledConfig(classes=1)
