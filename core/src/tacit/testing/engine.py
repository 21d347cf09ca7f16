"""A stage of a method on toy signals, or pairs of two kinds of them, in the real engine."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from tacit.contract import (
    Augmentation,
    Composition,
    DataInfo,
    Encoder,
    Modality,
    Objective,
    PooledEncoder,
)
from tacit.data import Source
from tacit.methods import Learner, Method, Stage
from tacit.methods.compose import composition
from tacit.nn import Ema, Frozen, synchronise_batch_norm
from tacit.testing.check import skip
from tacit.testing.toy import (
    CONTENT,
    MODALITIES,
    POLICIES,
    ROWS,
    SIDE,
    WIDTH,
    Noisy,
    SignalNet,
    SignalNetConfig,
    Signals,
)
from tacit.training.loop import Observer, Trainer
from tacit.training.optimizers import AdamW, Sgd
from tacit.training.parallel import World
from tacit.training.settings import Training

SGD = Sgd(lr=0.05, momentum=0.0, weight_decay=0.0)
ADAM = AdamW(lr=3e-3, weight_decay=0.0)


@dataclass(frozen=True, kw_only=True)
class MethodSubject:
    """A method to be checked, or one of its stages, as if the one before had learnt nothing.

    Args:
        make: the method.
        number: of the stage.
        requires: words its offer requires; None if it is not offered.
        foreign: why it cannot run on toy signals; empty if it can.
    """

    make: Callable[[], Method]
    number: int = 0
    requires: frozenset[str] | None = None
    foreign: str = ""

    @property
    def words(self) -> tuple[str, ...]:
        """The modalities it is tried on: two where it wants pairs."""
        return ("signal", "echo") if self.objective().requires.modalities > 1 else ("signal",)

    def source(self, **settings: Any) -> Signals:
        """Its data."""
        return Signals(self.words, **settings)

    def stage(self) -> Stage:
        """The stage, if signals can have its views."""
        if self.foreign:
            skip(self.foreign)
        stage = self.make().stages[self.number]
        if stage.views not in POLICIES:
            skip(f"toy signals have no {stage.views} views")
        return stage

    def objective(self) -> Objective:
        """A new objective of the stage."""
        stage = self.stage()
        return stage.objective(stage.config)

    def encoder(self, word: str = "signal", **settings: Any) -> Encoder:
        """An encoder of a modality with what the objective needs."""
        if "positions:none" in self.objective().requires.capabilities:
            settings["positions"] = "none"
        encoder = SignalNet(SignalNetConfig(modality=word, **settings))
        lacks = self.objective().requires.capabilities - encoder.spec.capabilities()
        if lacks:
            skip(f"the toy encoder has no {', '.join(sorted(lacks))}")
        return encoder

    def learner(
        self,
        *,
        encoder: Callable[[str], Encoder] | None = None,
        still_views: bool = False,
        double: bool = False,
        still: bool = False,
    ) -> Learner:
        """A learner with weights of seed 0; with teachers that do not follow where asked."""
        torch.manual_seed(0)
        stage = self.stage()
        teachers = dict(stage.teachers)
        if still:
            teachers = {n: Frozen() if isinstance(t, Ema) else t for n, t in teachers.items()}
        learner = Learner(
            encoders={word: (encoder or self.encoder)(word) for word in self.words},
            objective=self.objective(),
            augmentations=self.views(still=still_views),
            modalities=self.modalities(),
            teachers=teachers,
            data=DataInfo(instances=ROWS),
            keep=stage.keep,
            previous=self._before().learner(encoder=encoder) if self.number else None,
        )
        return learner.double() if double else learner

    def _before(self) -> MethodSubject:
        return replace(self, number=self.number - 1)

    def views(self, *, still: bool = False) -> dict[str, Augmentation]:
        """Those of its stage, of every modality."""
        return {word: Noisy(self.stage().views, still=still) for word in self.words}

    def modalities(self) -> dict[str, Modality]:
        """What it is tried on."""
        return {word: MODALITIES[word] for word in self.words}

    def trainer(
        self,
        learner: Learner,
        *,
        source: Source | None = None,
        world: World | None = None,
        folder: Path | None = None,
        observers: Sequence[Observer] = (),
        watch: Any = None,
        **settings: Any,
    ) -> Trainer:
        """The engine around a learner; four steps of plain SGD on 16 instances if not said."""
        usual: dict[str, Any] = {"batch": 16, "log_every": 1, "watch_every": 0, "workers": 0}
        usual |= {"steps": 4, "optimizer": SGD, "clip": 1.0, "checkpoint_every": 1000}
        return Trainer(
            learner=learner,
            source=source or self.source(),
            settings=Training(**(usual | settings)),
            seed=0,
            world=world or World(device=torch.device("cpu")),
            folder=folder,
            observers=observers,
            watch=watch,
        )

    def usual(self) -> dict[str, Tensor]:
        """The weights after the usual short training, which several checks hold others against."""
        return _usual(self)

    def trained(self, **settings: Any) -> dict[str, Tensor]:
        """The weights after a short training."""
        learner = self.learner()
        self.trainer(learner, **settings).run()
        return {name: tensor.detach().clone() for name, tensor in learner.state_dict().items()}


# Of the last subject alone: some heads have hundreds of megabytes.
@lru_cache(maxsize=1)
def _usual(subject: MethodSubject) -> dict[str, Tensor]:
    torch.manual_seed(0)
    return subject.trained()


class Curve:
    """An observer that keeps the total loss of every step."""

    def __init__(self, stop: tuple[int, Callable[[], None]] | None = None) -> None:
        self.losses: list[float] = []
        self._stop = stop

    def metrics(self, step: int, values: Mapping[str, float]) -> None:
        """Keep the loss; stop where asked."""
        terms = [value for name, value in values.items() if name.startswith("loss/")]
        if terms:
            self.losses.append(sum(terms))
        if self._stop and step == self._stop[0]:
            self._stop[1]()

    def progress(self, step: int, total: int | None, instances_per_second: float) -> None:
        """Nothing to do."""

    def checkpoint(self, step: int, path: Path) -> None:
        """Nothing to do."""


def pooling(word: str) -> PooledEncoder:
    """An encoder of a modality that has no tokens."""
    module = nn.Sequential(nn.Flatten(1), nn.Linear(SIDE * SIDE * CONTENT, WIDTH))
    return PooledEncoder(module, modality=word, width=WIDTH)


def offered(
    subject: MethodSubject,
    encoder: Callable[[str], Encoder],
    *,
    roles: tuple[str, ...] | None = None,
) -> Composition:
    """What encoders and a number of views offer the method's objective."""
    views = subject.views()
    for each in views.values():
        each.roles = each.roles if roles is None else roles
    return composition(
        {word: encoder(word) for word in subject.words},
        views,
        teachers=frozenset(subject.stage().teachers),
        batch=16,
        modalities=subject.modalities(),
        instances=ROWS,
    )


def split_in_two(subject: MethodSubject, folder: Path) -> Path:
    """Two steps of double precision in this process and one more; the leader's weights."""
    import multiprocessing

    context = multiprocessing.get_context("fork")
    workers = [context.Process(target=_rank, args=(subject, folder, rank)) for rank in range(2)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(60)
        if worker.is_alive():
            worker.kill()
    faults = sorted(folder.glob("fault*"))
    if faults:
        raise AssertionError(f"a process failed: {faults[0].read_text()}")
    if any(worker.exitcode for worker in workers):
        raise AssertionError("the processes did not end: do they take different ways?")
    return folder / "weights.safetensors"


def _rank(subject: MethodSubject, folder: Path, rank: int) -> None:
    from safetensors.torch import save_file

    torch.set_num_threads(1)
    try:
        torch.distributed.init_process_group(
            "gloo", init_method=f"file://{folder}/meet", rank=rank, world_size=2
        )
        world = World(device=torch.device("cpu"), rank=rank, size=2)
        weights, _ = parity_run(subject, world)
        if rank == 0:
            save_file(weights, folder / "weights.safetensors")
        torch.distributed.destroy_process_group()
    except BaseException as error:
        (folder / f"fault{rank}").write_text(f"{type(error).__name__}: {error}")
        raise


def parity_run(subject: MethodSubject, world: World) -> tuple[dict[str, Tensor], bool]:
    """Weights after two steps on views that hold no chance, and whether the objective drew."""
    learner = subject.learner(still_views=True, double=True)
    synchronise_batch_norm(learner)
    lent = _lent(learner)
    source = subject.source(dtype=torch.float64)
    subject.trainer(learner, source=source, world=world, steps=2).run()
    drew = any(_moved(generator) for purpose, generator in lent if purpose != 1)  # 1: the views'
    weights = {n: p.detach().contiguous().clone() for n, p in learner.named_parameters()}
    return weights, drew


def _lent(learner: Learner) -> list[tuple[int, torch.Generator]]:
    """The generators the learner will hand out, with what for; filled while it trains."""
    lend, lent = learner.generator, []

    def generator(device: torch.device, purpose: int) -> torch.Generator:
        lent.append((purpose, lend(device, purpose)))
        return lent[-1][1]

    learner.generator = generator  # type: ignore[method-assign]
    return lent


def _moved(generator: torch.Generator) -> bool:
    fresh = torch.Generator().manual_seed(generator.initial_seed())
    return not torch.equal(fresh.get_state(), generator.get_state())


def scramble(seed: int) -> Any:
    """Other global random states, as they are between two runs; the old ones, to be put back."""
    import numpy as np

    kept = random.getstate(), np.random.get_state()
    random.seed(seed)
    np.random.seed(seed)
    return kept


def unscramble(kept: Any) -> None:
    """Put the global random states back."""
    import numpy as np

    random.setstate(kept[0])
    np.random.set_state(kept[1])
