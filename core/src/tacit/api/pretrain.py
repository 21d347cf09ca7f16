"""Pretraining: from settings to a run folder with a trained encoder in it."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file

from tacit.api.choice import Given
from tacit.api.config import RunConfig
from tacit.api.folder import RunFolder, environment
from tacit.api.initial import load_initial
from tacit.api.plan import Plan, StagePlan
from tacit.api.resolve import resolve_run
from tacit.api.watch import Watch
from tacit.config import Origin
from tacit.contract import DataInfo, Encoder, derive
from tacit.data import GeneratedSource, Paired, Source, opening, sequential, slice_of
from tacit.methods.compose import check, composition
from tacit.methods.learner import Learner
from tacit.nn import synchronise_batch_norm
from tacit.plugin import Lifecycle, LifecycleError
from tacit.training import checkpoint
from tacit.training.loop import Observer, Outcome, Trainer
from tacit.training.parallel import World, barrier, from_first, world
from tacit.training.recorder import CsvSink, Sink, TensorBoardSink
from tacit.training.schedule_set import ScheduleSet

_SURVEYED = 1024


@dataclass(frozen=True)
class RunInfo:
    """What lifecycle hooks are told of a run.

    Args:
        directory: its folder.
        rank: this process.
    """

    directory: Path
    rank: int


class _Hooks:
    """Lifecycle plugins as observers of the loop."""

    def __init__(self, lifecycle: Lifecycle, info: RunInfo) -> None:
        self._lifecycle, self._info = lifecycle, info

    def metrics(self, step: int, values: Mapping[str, float]) -> None:
        self._lifecycle.metrics(self._info, step, values)

    def progress(self, step: int, total: int | None, instances_per_second: float) -> None:
        return

    def checkpoint(self, step: int, path: Path) -> None:
        self._lifecycle.checkpoint(self._info, step, path)


def train_run(
    tree: Mapping[str, object],
    *,
    where: str | Origin,
    out: Path | None,
    given: Given | None = None,
    observers: Iterable[Observer] = (),
    announce: object = None,
) -> tuple[RunFolder, Outcome]:
    """Resolve, check and train a run; go on with it if it was begun in `out` before.

    Args:
        tree: nested settings, short spellings allowed.
        where: what to call their source in errors.
        out: the run's folder; `runs/<method>-<n>` if None.
        given: objects handed over in Python in place of names.
        observers: told of progress, metrics and checkpoints.
        announce: called with the resolved plan and the open source before training starts.

    Raises:
        ValueError: whatever cannot work, before training starts.
    """
    plan = resolve_run(tree, where=where, given=given)
    plan.check(plan.build_encoders())
    source = plan.source.make()
    plan = plan.fitted(source)
    encoders = plan.build_encoders()
    load_initial(encoders, plan.config.initial)
    _check_data(plan, encoders, source)
    with world(plan.stages[0].training.device) as here, ExitStack() as stack:
        _check_processes(plan, here)
        folder = RunFolder(out or _next_folder(plan.config, here))
        begun = folder.claim(plan.config)
        barrier()  # all have looked before the first one writes
        if here.leads:
            stack.enter_context(folder.removed_if_in_vain())
            checkpoint.room_for(folder.path, 3 * _size(encoders))
            stack.enter_context(folder.alone())
        if callable(announce) and here.leads:
            announce(plan, source, folder)
        stack.enter_context(torch.random.fork_rng(devices=_cuda(here)))
        run = _Running(plan, folder, source, encoders, here, observers)
        return folder, run.all_stages(begun)


class _Running:
    """The stages of one run, one after the other, or from where they were left."""

    def __init__(
        self,
        plan: Plan,
        folder: RunFolder,
        source: Source | GeneratedSource,
        encoders: dict[str, Encoder],
        here: World,
        observers: Iterable[Observer],
    ) -> None:
        self.plan, self.folder, self.source, self.here = plan, folder, source, here
        self.encoders = encoders
        again = any(stage.stage.start == "initial" for stage in plan.stages)
        self.initial = deepcopy(encoders) if again else {}
        self.lifecycle = plan.catalogue.lifecycle(plan.plugins())
        self.info = RunInfo(directory=folder.path, rank=here.rank)
        self.observers = [*observers, _Hooks(self.lifecycle, self.info)]

    def all_stages(self, begun: bool) -> Outcome:
        """Train every stage that is not finished yet."""
        latest = checkpoint.steps(self.folder.checkpoints)[-1:] if begun else []
        loaded = checkpoint.load(latest[0], world=self.here) if latest else None
        if self.here.leads:
            self.folder.write_settings(self.plan.config)
            self.folder.write_json(self.folder.record, self._record("training"))
        try:
            self.lifecycle.run_started(self.info)
            outcome = self._stages(loaded)
            if self.here.leads and outcome.finished:
                self._save_encoders()
                self.folder.write_json(self.folder.record, self._record("finished"))
        except BaseException as error:
            self._tell_of(error)
            raise
        barrier()
        self.lifecycle.run_ended(self.info, None)
        return outcome

    def _tell_of(self, error: BaseException) -> None:
        """Tell plugins why a run ended; what they make of it does not hide why."""
        try:
            self.lifecycle.run_ended(self.info, error)
        except LifecycleError as another:
            error.add_note(str(another))

    def _stages(self, loaded: tuple[Mapping[str, object], Mapping[str, object]] | None) -> Outcome:
        at = int(str(loaded[0]["stage"])) if loaded else 0
        previous: Learner | None = None
        offset, outcome = 0, Outcome(step=0, finished=True)
        for number, stage in enumerate(self.plan.stages):
            learner = self._learner(stage, number, previous)
            if number >= at:
                resumed = loaded if loaded and number == at else None
                outcome = self._one_stage(stage, learner, number, offset, resumed)
                if not outcome.finished:
                    return outcome
            offset += _steps(stage, self.source) or 0
            previous = learner
        return Outcome(step=offset, finished=True)

    def _learner(self, stage: StagePlan, number: int, previous: Learner | None) -> Learner:
        instances = len(self.source) if isinstance(self.source, Source) else None
        seed = derive(self.plan.config.seed, 11, number)
        torch.manual_seed(seed)
        initial = stage.stage.start == "initial"
        learner = Learner(
            encoders=deepcopy(self.initial) if initial else self.encoders,
            objective=stage.build_objective(),
            augmentations=stage.augmentations(),
            modalities=self.plan.modalities,
            teachers=stage.stage.teachers,
            data=DataInfo(instances=instances),
            seed=seed,
            previous=previous,
            keep=stage.stage.keep,
        )
        learner.to(self.here.device)
        synchronise_batch_norm(learner)
        self.encoders = {name: learner.encoder(name) for name in learner.encoders}
        if stage.training.compile:
            for encoder in learner.encoders.values():
                encoder.compile()
        torch.manual_seed(derive(seed, self.here.rank))
        return learner

    def _one_stage(
        self,
        stage: StagePlan,
        learner: Learner,
        number: int,
        offset: int,
        resumed: tuple[Mapping[str, object], Mapping[str, object]] | None,
    ) -> Outcome:
        at = offset + (int(str(resumed[0]["step"])) if resumed else 0)
        sinks: list[Sink] = []
        if self.here.leads:
            sinks = [
                CsvSink(self.folder.metrics, at),
                TensorBoardSink(self.folder.path / "tensorboard", at),
            ]
        watch = Watch.of(self.source, self.plan.modalities, stage.training)
        try:
            trainer = Trainer(
                learner=learner,
                source=self.source,
                settings=stage.training,
                seed=derive(self.plan.config.seed, 13, number),
                world=self.here,
                folder=self.folder.checkpoints,
                sinks=sinks,
                observers=[*self.observers, *([watch] if watch else [])],
                watch=watch,
                stage=number,
                offset=offset,
            )
            if resumed:
                trainer.load_state(*resumed)
            return trainer.run()
        finally:
            for sink in sinks:
                sink.close()

    def _save_encoders(self) -> None:
        for name, encoder in self.encoders.items():
            path = self.folder.encoder(name)
            path.parent.mkdir(exist_ok=True)
            weights = {k: v.detach().cpu().contiguous() for k, v in encoder.state_dict().items()}
            draft = path.with_name(f".{path.name}.draft")
            # One entry: safetensors writes several in any order, and equal runs are equal files.
            save_file(weights, draft, metadata={"format": "pt"})
            draft.replace(path)

    def _record(self, state: str) -> dict[str, object]:
        return {
            "state": state,
            "time": time.strftime("%Y-%m-%dT%H:%M:%S%z"),
            "method": {"name": self.plan.method.name, "source": self.plan.method.source},
            "seed": self.plan.config.seed,
            "data": {
                "description": self.source.describe(),
                "fingerprint": self.source.fingerprint(),
            },
            "device": _device_name(self.here.device),
            "processes": self.here.size,
            "plugins": self.plan.catalogue.versions(self.plan.plugins()),
            "environment": environment(),
        }


def _check_data(
    plan: Plan, encoders: Mapping[str, Encoder], source: Source | GeneratedSource
) -> None:
    """What only the open source can tell: sizes, labels, and whether values fit the encoders."""
    labels = isinstance(source, Source) and source.labels() is not None
    groups = isinstance(source, Source) and source.groups() is not None
    for number, stage in enumerate(plan.stages, start=1):
        offered = composition(
            encoders,
            stage.augmentations(),
            teachers=frozenset(stage.stage.teachers),
            batch=stage.training.batch,
            modalities=plan.modalities,
            labels=labels,
            groups=groups,
            instances=len(source) if isinstance(source, Source) else None,
        )
        check(stage.build_objective(), offered, what=plan.method.name)
        steps = _steps(stage, source)
        ScheduleSet(stage.training.schedules).check(steps)
        if steps is None and number < len(plan.stages):
            raise ValueError(f"endless: stage {stage.stage.name!r} must end: others come after it")
    first = opening(source, 2)
    for name, encoder in encoders.items():
        plan.modalities[name].fit(encoder.spec.preprocessing, first.values[name])
        if isinstance(source, Source):
            plan.modalities[name].survey(encoder.spec.preprocessing, _values(source, name))


def _values(source: Source, modality: str) -> Iterator[Any]:
    """Every value of a modality once; of pairs the other members are not even read."""
    indices = None
    if isinstance(source, Paired):
        member = source.members[modality]
        source, indices = member.source, member.used()
    for batch in sequential(source, _SURVEYED, indices=indices):
        yield batch.values[modality]


def _steps(stage: StagePlan, source: Source | GeneratedSource) -> int | None:
    """Optimiser steps of a stage; None if it is endless.

    Raises:
        ValueError: a batch larger than the data, or epochs of endless data.
    """
    from tacit.training.loop import order_of

    order = order_of(source, stage.training, seed=0)
    if order is None or stage.training.epochs is None:
        return stage.training.steps
    return len(order) * stage.training.epochs


def _size(encoders: Mapping[str, Encoder]) -> int:
    """Bytes of a checkpoint, roughly: weights and two optimiser moments, with room for heads."""
    parameters = sum(p.numel() for encoder in encoders.values() for p in encoder.parameters())
    return 4 * parameters * 4 + (1 << 22)


def _cuda(here: World) -> list[int]:
    return [here.device.index or 0] if here.device.type == "cuda" else []


def _device_name(device: torch.device) -> str:
    return torch.cuda.get_device_name(device) if device.type == "cuda" else "cpu"


def _check_processes(plan: Plan, here: World) -> None:
    for stage in plan.stages:
        slice_of(torch.arange(stage.training.batch), here.rank, here.size)


def _next_folder(config: RunConfig, here: World) -> Path:
    """The first `runs/<method>-<n>` that is free; the first process looks for all."""
    method = config.method.rsplit("/", 1)[-1]
    number = 1
    while here.leads and (Path("runs") / f"{method}-{number}").exists():
        number += 1
    return Path("runs") / f"{method}-{from_first(number, here.device)}"
