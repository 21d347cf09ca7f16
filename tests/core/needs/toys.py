"""Data in memory, views from a function, and the real engine around them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from tacit.contract import (
    Augmentation,
    Batch,
    DataInfo,
    Encoder,
    EncoderSpec,
    Modality,
    ModelAugmentation,
    Objective,
    PooledEncoder,
    View,
)
from tacit.data import GeneratedSource, Source
from tacit.methods import Learner
from tacit.nn import TeacherPolicy
from tacit.training.loop import Trainer
from tacit.training.optimizers import Sgd
from tacit.training.parallel import World
from tacit.training.settings import Training

CPU = torch.device("cpu")


class Rows(Source):
    """Values in memory, by modality, with whatever else a batch may hold."""

    def __init__(self, *, group: Tensor | None = None, **values: Tensor) -> None:
        self.values, self.group, self.modalities = values, group, tuple(values)

    def __len__(self) -> int:
        return len(next(iter(self.values.values())))

    def fetch(self, indices: Sequence[int]) -> Batch:
        rows = torch.tensor(indices)
        return Batch(
            values={name: value[rows] for name, value in self.values.items()},
            index=rows,
            group=None if self.group is None else self.group[rows],
        )


class Make(Augmentation):
    """Views made by a function."""

    def __init__(
        self, make: Callable[[Any, torch.Generator], Sequence[View]], roles: int = 1
    ) -> None:
        self.make, self.roles = make, ("view",) * roles

    def __call__(self, value: Any, generator: torch.Generator) -> tuple[View, ...]:
        return tuple(self.make(value, generator))


def as_it_is(value: Any, generator: torch.Generator) -> Sequence[View]:
    return [View(value=value)]


def noisy_twice(value: Tensor, generator: torch.Generator) -> Sequence[View]:
    noise = torch.randn(2, *value.shape, generator=generator)
    return [View(value=value + 0.1 * each) for each in noise]


class Toy(Objective):
    """An objective without heads."""

    def build(self, specs: Mapping[str, EncoderSpec], data: DataInfo) -> None:
        return


class Log:
    """A sink that keeps every line."""

    def __init__(self) -> None:
        self.lines: list[Mapping[str, float]] = []

    def write(self, step: int, values: Mapping[str, float]) -> None:
        self.lines.append(dict(values))

    def close(self) -> None:
        return

    def column(self, name: str) -> list[float]:
        return [line[name] for line in self.lines if name in line]


def _nothing() -> None:
    return


class StopAt:
    """An observer that asks the run to stop after a step."""

    def __init__(self, step: int | None) -> None:
        self.step = step
        self.stop: Callable[[], None] = _nothing

    def metrics(self, step: int, values: Mapping[str, float]) -> None:
        if step == self.step:
            self.stop()

    def progress(self, step: int, total: int | None, instances_per_second: float) -> None:
        return

    def checkpoint(self, step: int, path: Path) -> None:
        return


def signals(count: int = 12, width: int = 4, seed: int = 0) -> Tensor:
    return torch.randn(count, width, generator=torch.Generator().manual_seed(seed))


def linear(width: int = 4, out: int = 3, modality: str = "signal", seed: int = 0) -> PooledEncoder:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return PooledEncoder(nn.Linear(width, out), modality=modality, width=out)


def engine(
    objective: Objective | type[Objective],
    *,
    source: Source | GeneratedSource | None = None,
    encoders: Mapping[str, Encoder] | None = None,
    views: Mapping[str, Augmentation | ModelAugmentation] | None = None,
    teachers: Mapping[str, TeacherPolicy] | None = None,
    previous: Learner | None = None,
    keep: Sequence[str] = (),
    folder: Path | None = None,
    log: Log | None = None,
    stop_at: int | None = None,
    **training: Any,
) -> Trainer:
    """The real learner and trainer; three steps of plain SGD on a linear encoder if not said.

    Seeds torch's own generator, so that two engines of the same parts begin and go on alike.
    """
    torch.manual_seed(0)
    if isinstance(objective, type):
        objective = objective()
    encoders = encoders or {"signal": linear()}
    source = source or Rows(signal=signals())
    settings: dict[str, Any] = {
        "batch": 4,
        "log_every": 1,
        "watch_every": 0,
        "optimizer": Sgd(lr=0.1, momentum=0.0, weight_decay=0.0),
    }
    if not {"steps", "epochs", "endless"} & set(training):
        settings["steps"] = 3
    learner = Learner(
        encoders=encoders,
        objective=objective,
        augmentations=views or {name: Make(as_it_is) for name in encoders},
        modalities={name: Modality() for name in encoders},
        teachers=teachers,
        data=DataInfo(instances=len(source) if isinstance(source, Source) else None),
        previous=previous,
        keep=keep,
    )
    observer = StopAt(stop_at)
    trainer = Trainer(
        learner=learner,
        source=source,
        settings=Training(**(settings | training)),
        seed=0,
        world=World(device=CPU),
        folder=folder,
        sinks=[] if log is None else [log],
        observers=[observer],
    )
    observer.stop = trainer.stop
    return trainer


def weights(module: nn.Module) -> dict[str, Tensor]:
    """A copy of a module's state."""
    return {name: tensor.clone() for name, tensor in module.state_dict().items()}


def same(a: Mapping[str, Tensor], b: Mapping[str, Tensor]) -> bool:
    """Whether two states are the same, bit for bit."""
    return a.keys() == b.keys() and all(torch.equal(a[name], b[name]) for name in a)
