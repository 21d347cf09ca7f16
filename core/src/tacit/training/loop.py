"""The training loop, from top to bottom."""

from __future__ import annotations

import signal
import time
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Any, Protocol, runtime_checkable

from torch import Tensor

from tacit.contract import Batch
from tacit.data import (
    EpochOrder,
    GeneratedSource,
    Loader,
    Source,
    auto_workers,
    whole_epoch,
)
from tacit.methods.context import Frame
from tacit.methods.learner import Learner
from tacit.training import checkpoint
from tacit.training.parallel import World, any_process
from tacit.training.passes import Passes
from tacit.training.recorder import Recorder, Sink
from tacit.training.schedule_set import ScheduleSet
from tacit.training.settings import Training
from tacit.training.update import Update, finite

_FOREVER = 1 << 62  # steps of an epoch of data that have none
_ROUND = 100  # steps between looks and checkpoints by default, where an epoch is a single step


@runtime_checkable
class Observer(Protocol):
    """What a run reports to: progress on the terminal, lifecycle plugins."""

    def metrics(self, step: int, values: Mapping[str, float]) -> None:
        """Metrics of a step, on the first process."""

    def progress(self, step: int, total: int | None, instances_per_second: float) -> None:
        """How far the run is, at each log interval."""

    def checkpoint(self, step: int, path: Path) -> None:
        """A checkpoint was written."""


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """How a stage ended.

    Args:
        step: optimiser steps done.
        finished: False if it was asked to stop and can be resumed.
    """

    step: int
    finished: bool


class Trainer:
    """Trains one stage: a learner on a source, with checkpoints in a folder.

    Args:
        learner: on its device.
        source: the data.
        settings: how long, how large, how precise.
        seed: of the data order.
        world: this process among the others.
        folder: where checkpoints go; None writes none.
        sinks: where metrics go.
        observers: who is told.
        watch: looks at the embeddings between steps.
        stage: number of the stage within the method.
        offset: steps done in earlier stages, added to the steps reported.
    """

    def __init__(
        self,
        *,
        learner: Learner,
        source: Source | GeneratedSource,
        settings: Training,
        seed: int,
        world: World,
        folder: Path | None = None,
        sinks: Iterable[Sink] = (),
        observers: Iterable[Observer] = (),
        watch: Callable[[Learner], dict[str, float]] | None = None,
        stage: int = 0,
        offset: int = 0,
    ) -> None:
        self.learner, self.source, self.settings, self.world = learner, source, settings, world
        self.folder, self.sinks, self.observers = folder, tuple(sinks), tuple(observers)
        self.watch, self.stage, self.offset = watch, stage, offset
        self.seed = seed
        self.order = order_of(source, settings, seed)
        self.per_epoch = len(self.order) if self.order else settings.steps or _FOREVER
        self.total = settings.steps
        if settings.epochs is not None:
            self.total = self.per_epoch * settings.epochs
        self.update = Update(learner, settings)
        self.schedules = ScheduleSet(settings.schedules)
        self.schedules.check(self.total)
        self.recorder = Recorder()
        self.step, self.begun = 0, False
        self.passes = Passes(learner, source, batch=settings.batch, world=world)
        self.snapshots: dict[str, Any] = {}
        self._rollback: str | None = None
        self._asked = self._stop = False
        self._saved: int | None = None
        learner.rank = world.rank
        learner.services = self

    def run(self) -> Outcome:
        """Train to the end, or until asked to stop."""
        workers = self.settings.workers
        if workers is None:
            workers = auto_workers(self.source, self.world.size)
        loader = Loader(self.source, device=self.world.device, workers=workers)
        with self._graceful_stop(), loader:
            self._begin_stage()
            while not self._done and not self._stop:
                epoch, start = divmod(self.step, self.per_epoch)
                self._frame(epoch)
                if start == 0:
                    self.learner.objective.before_epoch(self.learner.context(None))
                    if self._rollback is not None:
                        self._roll_back()
                self._run_epoch(self._batches(loader, epoch, start), epoch)
                if epoch == 0:
                    self._warn_of_unread_values()
        if self._stop:
            self._save()
        self.update.release()
        return Outcome(step=self.step, finished=self._done)

    def stop(self) -> None:
        """Ask the run to finish its step, write a checkpoint and return; SIGTERM asks the same."""
        self._asked = True

    @property
    def _done(self) -> bool:
        return self.total is not None and self.step >= self.total

    def _run_epoch(self, batches: Iterable[Batch], epoch: int) -> None:
        clock, seen = time.perf_counter(), 0
        settings = self.settings
        look = self._every(settings.watch_every) if self.watch is not None else 0
        save = self._every(settings.checkpoint_every)
        for batch in batches:
            values = self._frame(epoch).values
            self.update.begin(batch, values)
            losses = self.update.plan(self.update)
            self.learner.after_step()
            self.step += 1
            if self._rollback is not None:
                self._roll_back()
            self.recorder.add(self.step, losses, batch.index, values)
            seen += settings.batch
            done = self._done
            if self.step % settings.log_every == 0 or done:
                self._log(self.recorder.flush())
                now = time.perf_counter()
                self._tell_progress(seen / (now - clock))
                clock, seen = now, 0
                self._stop = any_process(self._asked, self.world.device)
            if look and (self.step % look == 0 or done):
                self._look()
            if save and (self.step % save == 0 or done):
                self._save()
            if self.world.size == 1:
                self._stop = self._asked
            if done or self._stop:
                return

    def _batches(self, loader: Loader, epoch: int, start: int) -> Iterator[Batch]:
        rank, size = self.world.rank, self.world.size
        if self.order is None:
            batch = self.settings.batch
            return loader.generated(batch, seed=self.seed, start=start, rank=rank, world=size)
        context = self.learner.context(None)
        chosen = self.learner.objective.batches(context, self.settings.batch)
        order = self.order if chosen is None else whole_epoch(chosen, self.per_epoch)
        return loader.batches(
            order, epoch=epoch, start=start, rank=rank, world=size, seed=self.seed
        )

    def _begin_stage(self) -> None:
        if self.begun:
            return
        self._frame(0)
        self.learner.objective.before_stage(self.learner.context(None))
        self.begun = True

    def _frame(self, epoch: int) -> Frame:
        frame = self.learner.frame
        frame.step, frame.epoch = self.step, epoch
        frame.progress = self.step / self.total if self.total else 0.0
        frame.values = self.schedules.values(self.step, self.total)
        return frame

    def _every(self, given: int | None) -> int:
        """Steps between two occasions: as given, 0 for never, or as is usual."""
        usual = self.per_epoch if self.per_epoch > 1 else _ROUND
        return usual if given is None else given

    def _log(self, values: dict[str, float]) -> None:
        self.schedules.observe(values)
        if self.world.leads:
            for sink in self.sinks:
                sink.write(self.offset + self.step, values)
            for observer in self.observers:
                observer.metrics(self.offset + self.step, values)

    def _look(self) -> None:
        if self.world.leads and self.watch is not None:
            self._log(self.watch(self.learner))

    def _tell_progress(self, rate: float) -> None:
        for observer in self.observers if self.world.leads else ():
            end = None if self.total is None else self.offset + self.total
            observer.progress(self.offset + self.step, end, rate)

    def _warn_of_unread_values(self) -> None:
        """A schedule that moves nothing is a mistake; objectives show what they read by reading."""
        known = self.update.follows() | self.learner.frame.read
        known = known.union(*(a.follows for a in self.learner.augmentations.values()))
        moved = {*self.learner.frame.values, *(f"weights.{t}" for t in self.settings.weights)}
        if unread := sorted(moved - known):
            warnings.warn(
                f"nothing has read the values {', '.join(unread)} in the first epoch, so setting "
                f"them has no effect; this run reads: {', '.join(sorted(known))}",
                stacklevel=2,
            )

    # -- state -------------------------------------------------------------------------------

    def state(self) -> dict[str, Any]:
        """All that decides the rest of the stage, except each process's random generators."""
        return {
            "stage": self.stage,
            "step": self.step,
            "begun": self.begun,
            **self._moving_state(),
            "values": self.schedules.assigned(),
            "passes": self.passes.state_dict(),
            "snapshots": dict(self.snapshots),
        }

    def _moving_state(self) -> dict[str, Any]:
        """What a step changes and a roll back undoes."""
        return {
            "learner": self.learner.state_dict(),
            "optimizers": {n: o.state_dict() for n, o in self.update.optimizers.items()},
            "scaler": self.update.scaler.state_dict(),
            "schedules": self.schedules.state_dict(),
        }

    def load_state(self, shared: Mapping[str, Any], own: Mapping[str, Any]) -> None:
        """Go on from a checkpoint."""
        self.step, self.begun = int(shared["step"]), bool(shared["begun"])
        self._saved = self.step
        self._load_moving_state(shared)
        self.schedules.load_assigned(shared["values"])
        self.passes.load_state_dict(shared["passes"])
        self.snapshots = dict(shared["snapshots"])
        self.recorder.load_state_dict(own["recorder"])
        checkpoint.set_random_state(own["random"], self.world.device)

    def _load_moving_state(self, shared: Mapping[str, Any]) -> None:
        self.schedules.load_state_dict(shared["schedules"])
        self.learner.load_state_dict(shared["learner"])
        for name, optimizer in self.update.optimizers.items():
            optimizer.load_state_dict(shared["optimizers"][name])
        if self.update.scaler.is_enabled():
            self.update.scaler.load_state_dict(shared["scaler"])

    def _save(self) -> None:
        if self.folder is None or self._saved == self.step:
            return
        self.recorder.check()
        if not finite(self.learner.parameters()):
            raise self.recorder.weights_diverged()
        own = {
            "random": checkpoint.random_state(self.world.device),
            "recorder": self.recorder.state_dict(),
        }
        at = self.offset + self.step
        path = checkpoint.save(
            self.folder, at, self.state(), own, world=self.world, keep=self.settings.keep
        )
        self._saved = self.step
        for observer in self.observers if self.world.leads else ():
            observer.checkpoint(at, path)

    # -- services to objectives --------------------------------------------------------------

    def dataset_pass(self, name: str, compute: Callable[[Batch], Tensor], refresh: str) -> Tensor:
        """`compute` over the data set in order, each process a part; rows ordered by index."""
        epoch = self.step // self.per_epoch
        return self.passes.get(name, compute, refresh=refresh, epoch=epoch)

    def set_value(self, name: str, value: float) -> None:
        """Set a value from the next step on, whatever its schedule says."""
        self.schedules.assign(name, value)

    def snapshot(self, name: str) -> None:
        """Keep a copy of weights, optimisers and schedules."""
        self.snapshots[name] = checkpoint.clone(self._moving_state())

    def restore(self, name: str) -> None:
        """Go back to a snapshot's weights, optimisers and schedules when this step is over.

        Raises:
            ValueError: there is no snapshot of that name.
        """
        if name not in self.snapshots:
            known = ", ".join(self.snapshots) or "none"
            raise ValueError(f"restore: no snapshot {name!r} was taken; there are: {known}")
        self._rollback = name

    def _roll_back(self) -> None:
        assert self._rollback is not None
        self._load_moving_state(checkpoint.clone(self.snapshots[self._rollback]))
        self._rollback = None

    @contextmanager
    def _graceful_stop(self) -> Iterator[None]:
        """On SIGTERM finish the step, write a checkpoint and return."""

        def ask(_number: int, _frame: FrameType | None) -> None:
            self.stop()

        try:
            before = signal.signal(signal.SIGTERM, ask)
        except ValueError:  # not the main thread: whoever runs it there stops it otherwise
            yield
            return
        try:
            yield
        finally:
            signal.signal(signal.SIGTERM, before)


def order_of(source: Source | GeneratedSource, settings: Training, seed: int) -> EpochOrder | None:
    """The shuffles of a data set; None for endless data.

    Raises:
        ValueError: epochs of data that have none, neither an end nor checkpoints, or buckets of
            data that know no lengths.
    """
    if isinstance(source, Source):
        lengths = source.lengths() if settings.bucket else None
        if settings.bucket and lengths is None:
            raise ValueError("bucket: the source does not know how long its instances are; set 0")
        return EpochOrder(
            size=len(source),
            batch=settings.batch,
            seed=seed,
            lengths=lengths,
            pool=max(1, settings.bucket),
            mixture=source.mixture(),
        )
    if settings.epochs is not None:
        raise ValueError("endless data have no epochs: set steps, or endless=true")
    if settings.endless and settings.checkpoint_every is None:
        raise ValueError("endless training on endless data: set checkpoint_every")
    return None
