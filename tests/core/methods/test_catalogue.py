"""Every method of the core is complete: settings that read, an objective that trains, an offer."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import pytest
import torch
from tests.core.objectives.asked import Asked, CleanAndNoisy
from tests.core.objectives.setting import values
from tests.core.toys import AttendingEncoder, PoolEncoder
from torch import Tensor

from tacit import methods, offers
from tacit.config import read, write
from tacit.contract import Augmentation, Batch, DataInfo, Encoder, Modality, Objective, View
from tacit.methods import Learner, Method
from tacit.nn import Ema, EmbeddingQueue
from tacit.training.optimizers import build
from tacit.training.schedule_set import ScheduleSet
from tacit.training.settings import Training

OFFERED = {offer.name: offer for offer in offers.tacit_methods()}
METHODS: dict[str, Callable[[], Method]] = {
    name: getattr(methods, offer.target.partition(":")[2]) for name, offer in OFFERED.items()
}
every = pytest.mark.parametrize("name", METHODS)
# Those of several stages or players, and one that makes passes over the data set, ask for an
# engine: see test_whole.py, test_guided.py, test_entropic.py and test_adversarial.py.
NEED_AN_ENGINE = {"bigan", "deep-cluster", "e2mc", "g-simclr"}
alone = pytest.mark.parametrize("name", [name for name in METHODS if name not in NEED_AN_ENGINE])


class Noisy(Augmentation):
    """Copies of a value with noise."""

    def __init__(self, count: int) -> None:
        self.roles = ("view",) * count

    def __call__(self, value: Tensor, generator: torch.Generator) -> tuple[View, ...]:
        return tuple(
            View(value=value + 0.2 * torch.randn(value.shape, generator=generator))
            for _ in self.roles
        )


def views_of(policy: str) -> Augmentation:
    if policy in ("transformed", "reordered", "related"):
        return Asked(noise=0.2)
    if policy == "noisy":
        return CleanAndNoisy(0.2)
    return Noisy(1 if policy in ("masked", "plain") else 2)


class Signal(Modality):
    mixes = True
    default_encoder = "none"

    def __init__(self, name: str) -> None:
        self.name = name


def encoder_for(objective: Objective, modality: str) -> Encoder:
    """Tokens where they are asked for, without positions where those are."""
    words = objective.requires.capabilities
    if not any(word.startswith("tokens") for word in words):
        return PoolEncoder(modality=modality)
    return AttendingEncoder(positions="positions:none" not in words, modality=modality)


def batch_of(size: int, modalities: Iterable[str]) -> Batch:
    """Members of a pair are the same signal."""
    return Batch(
        values={name: values(size) for name in modalities},
        index=torch.arange(size),
        group=torch.arange(size) // 2,
    )


def learner(method: Method) -> Learner:
    (stage,) = method.stages
    torch.manual_seed(0)
    objective = stage.objective(stage.config)
    names = ("signal", "other")[: objective.requires.modalities]
    return Learner(
        encoders={name: encoder_for(objective, name) for name in names},
        objective=objective,
        augmentations={name: views_of(stage.views) for name in names},
        modalities={name: Signal(name) for name in names},
        teachers=stage.teachers,
        data=DataInfo(instances=32),
    )


@every
def test_a_method_says_what_its_offer_says(name: str) -> None:
    method, offer = METHODS[name](), OFFERED[name]
    assert (method.name, method.summary, method.source) == (name, offer.summary, offer.source)
    assert f"views:{method.stages[0].views}" in offer.requires


@every
def test_settings_survive_a_run_file(name: str) -> None:
    for stage in METHODS[name]().stages:
        assert read(type(stage.config), write(stage.config)) == stage.config
        training = read(Training, stage.training)
        assert read(Training, write(training)) == training


@every
def test_the_objective_gets_the_teachers_it_asks_for_and_no_others(name: str) -> None:
    for stage in METHODS[name]().stages:
        asked = stage.objective(stage.config).requires.teachers
        assert asked == set(stage.teachers)
        moved = {n for n in stage.training["schedules"] if n.endswith(".momentum")}  # type: ignore[attr-defined]
        following = {name for name, policy in stage.teachers.items() if isinstance(policy, Ema)}
        assert moved == {f"{teacher}.momentum" for teacher in following}


@alone
def test_a_method_trains_as_it_comes(name: str) -> None:
    """With its own optimiser and schedules, in a loop of one's own."""
    method = METHODS[name]()
    training = read(Training, method.stages[0].training)
    centred = any("teacher_temperature" in name for name in training.schedules)
    # A teacher that is centred starts on few prototypes; its loss means something once it is not.
    # So does one against a queue, once it holds embeddings and no longer random directions.
    queued = any(isinstance(m, EmbeddingQueue) for m in learner(method).modules())
    settled, steps = (20, 120) if centred or queued else (0, 30)
    trained, schedules = learner(method), ScheduleSet(training.schedules)
    optimizer = build(training.optimizer, trained.named_parameters())
    batch = batch_of(32, trained.encoders)
    found = []
    for step in range(steps):
        trained.frame.values = schedules.values(step, steps)
        for group in optimizer.param_groups:
            group["lr"] = training.optimizer.lr * trained.frame.values["lr_factor"]
        total = trained(batch).total()
        optimizer.zero_grad()
        total.backward()
        optimizer.step()
        trained.after_step()
        found.append(float(total.detach()))
    assert sum(found[-5:]) < sum(found[settled : settled + 5])


@alone
def test_the_same_seed_trains_the_same(name: str) -> None:
    def total(noise: int) -> float:
        trained = learner(METHODS[name]())
        torch.manual_seed(noise)
        return float(trained(batch_of(8, trained.encoders)).total().detach())

    assert total(1) == total(2)
