"""Objectives: modules that own heads and turn views into named losses."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol, runtime_checkable

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from tacit.contract.batch import Batch, View, Views
from tacit.contract.encoder import Encoder, EncoderSpec, Encoding, Tokens
from tacit.contract.mask import Mask
from tacit.contract.plan import OneStep, UpdatePlan
from tacit.contract.requirements import Requirements
from tacit.contract.task import Task


@dataclass(kw_only=True, eq=False)
class Losses:
    """Named losses of one step, and metrics that get no gradient.

    To be treated as immutable, like `Batch`.

    Args:
        terms: name to scalar loss; the step minimises their (weighted) sum.
        metrics: name to detached scalar, logged beside the losses.
    """

    terms: Mapping[str, Float[Tensor, ""]]
    metrics: Mapping[str, Float[Tensor, ""]] = field(default_factory=dict)

    def total(self, weights: Mapping[str, float] | None = None) -> Float[Tensor, ""]:
        """Weighted sum of the terms; a term without a weight counts once."""
        if not self.terms:
            raise ValueError("an objective returned no loss terms: Losses(terms={name: scalar})")
        if not weights and len(self.terms) == 1:
            return next(iter(self.terms.values()))
        scaled = [
            term if weights is None or (weight := weights.get(name, 1.0)) == 1.0 else weight * term
            for name, term in self.terms.items()
        ]
        return scaled[0] if len(scaled) == 1 else torch.stack(scaled).sum()

    @staticmethod
    def mean(every: Sequence[Losses]) -> Losses:
        """The mean of each term and metric, detached where there is something to average."""
        if len(every) == 1:
            return every[0]
        return Losses(
            terms={
                name: torch.stack([each.terms[name].detach() for each in every]).mean()
                for name in every[0].terms
            },
            metrics={
                name: torch.stack([each.metrics[name] for each in every]).mean()
                for name in every[0].metrics
            },
        )


@dataclass(frozen=True, kw_only=True)
class DataInfo:
    """What an objective may know of the data when it is built.

    Args:
        instances: size of the data set; None if unknown or endless.
        tasks: by modality, what its views declare may be predicted of their meta; filled in from
            the augmentations.
    """

    instances: int | None = None
    tasks: Mapping[str, Mapping[str, Task]] = field(default_factory=dict)


@runtime_checkable
class Context(Protocol):
    """What the engine lends an objective during one step or between epochs."""

    @property
    def step(self) -> int:
        """Optimiser steps done in this stage."""

    @property
    def epoch(self) -> int:
        """Epochs done in this stage."""

    @property
    def progress(self) -> float:
        """Share of the stage that is done, 0 to 1; 0 when its end is unknown."""

    @property
    def generator(self) -> torch.Generator:
        """The only randomness an objective may use; on the training device."""

    @property
    def device(self) -> torch.device:
        """The training device."""

    def value(self, name: str, default: float) -> float:
        """A scheduled value by name, or the default where nothing schedules it."""

    def set_value(self, name: str, value: float) -> None:
        """Set a value from the next step on, whatever its schedule says; checkpointed.

        Any name will do that something reads: `lr_factor`, `weights.<term>`, `teacher.momentum`.
        """

    def encode(
        self,
        view: View | Tokens,
        *,
        which: str = "student",
        mask: Mask | None = None,
        taps: Sequence[int] = (),
    ) -> Encoding:
        """The encoding of a view (or of tokens), by the student or a teacher.

        Asked twice for the same view, weights, mask and taps, it runs once (with gradient once
        and without once). A teacher runs without gradient.
        """

    def tokenize(self, view: View) -> Tokens:
        """The student's embedded tokens of a view, with gradient where gradients are taken.

        Asked twice for the same view it runs once, and `encode` of the view goes on from them: the
        network that makes them may be the larger half of the encoder.
        """

    def encode_each(
        self, views: Sequence[View], *, which: str = "student", joint: bool = False
    ) -> list[Encoding]:
        """The encodings of several views of one modality.

        With `joint`, views of one shape run as one batch: one forward, and batch statistics over
        all of them together.
        """

    def mix(
        self, view: View, other: View, *, order: Int[Tensor, " instances"], share: Float[Tensor, ""]
    ) -> View:
        """A view between two: `share` of each instance, the rest of the other's `order`-th.

        The modality mixes, as `Modality.mix` says; declare `Requirements(mix=True)`. The view's
        meta holds `order` and `share`.
        """

    def encoder(self, modality: str, *, which: str = "student") -> Encoder:
        """An encoder itself, for objectives that decide how it runs."""

    def part(self, name: str, *, which: str) -> nn.Module:
        """A teacher's copy of one of the objective's `teacher_parts`."""

    def labels(self) -> Tensor:
        """The labels of the batch; refused unless the objective requires them."""

    def groups(self) -> Tensor:
        """The group ids of the batch; refused unless the objective requires them."""

    def dataset_pass(
        self, name: str, compute: Callable[[Batch], Tensor], *, refresh: str = "stage"
    ) -> Tensor:
        """`compute` over every batch of the data set, rows ordered by data set index.

        `compute` returns a row for every instance of its batch; where the batch has `rows`, only
        those are kept. Without gradient and without augmentation. Cached under `name` for the
        `stage` or the `epoch`, and saved with the checkpoints; `always`: neither, for whoever
        keeps what was made of it.
        """

    def snapshot(self, name: str = "snapshot") -> None:
        """Keep a copy of the training state under a name, replacing the one before.

        Weights, teachers, queues, optimisers and schedules, on their devices; saved with the
        checkpoints, so that a resumed run can still go back.
        """

    def restore(self, name: str = "snapshot") -> None:
        """Go back to a snapshot, bit for bit, when this step (or `before_epoch`) is over.

        The data go on: steps are counted and not undone. What `set_value` set stays set.

        Raises:
            ValueError: there is no snapshot of that name.
        """


class Objective(nn.Module, ABC):
    """A module that owns heads, decoders, prototypes, queues and makes named losses of views.

    Attributes:
        requires: what it needs of a composition.
        teacher_parts: names of its submodules that a teacher copies too (a projector).
        left_parts: names of its submodules that only a teacher of the previous stage brings to the
            stage after this one (a tokenizer that was trained).
    """

    requires: Requirements = Requirements()
    teacher_parts: tuple[str, ...] = ()
    left_parts: tuple[str, ...] = ()

    @abstractmethod
    def build(self, specs: Mapping[str, EncoderSpec], data: DataInfo) -> None:
        """Make the heads the encoders' specs ask for; called once, before the optimiser."""

    @abstractmethod
    def forward(self, views: Views, ctx: Context) -> Losses:
        """The named losses of one batch."""

    def before_stage(self, ctx: Context) -> None:
        """Called once before a stage's first step, and never again on resume."""

    def before_epoch(self, ctx: Context) -> None:
        """Called before each epoch: clustering, cached targets."""

    def after_step(self, ctx: Context) -> None:
        """Called after each optimiser step: queues, centres. Teachers are updated by the engine."""

    def batches(self, ctx: Context, batch: int) -> Iterable[Int[Tensor, " batch"]] | None:
        """The data set indices of each global batch of the coming epoch; None: a shuffle.

        Must be as many as a shuffle has: the whole batches the data fill. Must depend on
        `ctx.epoch`, saved state and passes alone, so that a resumed epoch is the same epoch, on
        every process.
        """
        return None

    def players(self) -> Mapping[str, Iterable[nn.Parameter]]:
        """Parameter sets with optimisers of their own; empty: one optimiser for everything.

        Parameters of no player belong to the player `main`, and so do the encoders'.
        """
        return {}

    def plan(self) -> UpdatePlan:
        """How one batch becomes an update; the default is one backward and one step."""
        return OneStep()
