"""Teachers: other weights an objective reads without gradient, by policy."""

from __future__ import annotations

from collections.abc import Mapping
from copy import deepcopy
from dataclasses import dataclass
from typing import ClassVar, TypeAlias

import torch
from torch import Tensor, nn

from tacit.contract import Encoder
from tacit.nn.redraw import redraw


@dataclass(frozen=True, kw_only=True)
class Ema:
    """An exponential moving average of the student, floating buffers included.

    Args:
        momentum: share of the old teacher kept at each step, where no schedule
            `<teacher>.momentum` sets it.

    Raises:
        ValueError: a momentum outside [0, 1].
    """

    kind: ClassVar[str] = "ema"
    momentum: float = 0.996

    def __post_init__(self) -> None:
        _checked(self.momentum)


@dataclass(frozen=True, kw_only=True)
class Frozen:
    """The student as it was when the stage began."""

    kind: ClassVar[str] = "frozen"


@dataclass(frozen=True, kw_only=True)
class RandomInit:
    """Fresh random weights, never changed; `tacit.nn.redraw` says how they are drawn.

    Args:
        batch_norm: normalise by the batch wherever the student does. Running statistics that were
            never gathered normalise nothing, and the scale of random layers adds up.
    """

    kind: ClassVar[str] = "random"
    batch_norm: bool = False


@dataclass(frozen=True, kw_only=True)
class PreviousStage:
    """The student as the stage before left it."""

    kind: ClassVar[str] = "previous-stage"


@dataclass(frozen=True, kw_only=True)
class PastCheckpoint:
    """The student as it was at the last multiple of so many steps.

    Args:
        every: steps between two copies; at first it is the student the stage began with.

    Raises:
        ValueError: fewer than 1 step.
    """

    kind: ClassVar[str] = "past-checkpoint"
    every: int = 1000

    def __post_init__(self) -> None:
        if self.every < 1:
            raise ValueError(f"every: wanted at least 1 step; got {self.every}")


TeacherPolicy: TypeAlias = Ema | Frozen | RandomInit | PreviousStage | PastCheckpoint


class Teacher(nn.Module):
    """Copies of the encoders and of some of the objective's parts, without gradient.

    An `Ema`, and a `RandomInit` with `batch_norm`, are in the mode (training or evaluation) their
    learner is in, so that under `train()` their batch norms normalise by the batch, as in BYOL and
    MoCo. Other teachers stay in evaluation: training mode would move their running statistics,
    which are not to change.

    Args:
        policy: how it follows the student.
        encoders: by modality, copied.
        parts: the objective's `teacher_parts`, copied.
    """

    def __init__(
        self, policy: TeacherPolicy, encoders: nn.ModuleDict, parts: Mapping[str, nn.Module]
    ) -> None:
        super().__init__()
        self.policy = policy
        # One deepcopy of all, so that what they share is still shared in the copy.
        own = deepcopy(nn.ModuleDict({"encoders": encoders, "parts": nn.ModuleDict(dict(parts))}))
        encoders_copy, parts_copy = own["encoders"], own["parts"]
        assert isinstance(encoders_copy, nn.ModuleDict)
        assert isinstance(parts_copy, nn.ModuleDict)
        self.encoders, self.parts = encoders_copy, parts_copy
        self.requires_grad_(False)
        self.train(all(module.training for module in own.values()))
        self._pairs: tuple[list[Tensor], list[Tensor], list[Tensor], list[Tensor]] | None = None

    def train(self, mode: bool = True) -> Teacher:
        """Follow the learner's mode, if the weights follow the student's or were never trained."""
        own = self.policy
        follows = isinstance(own, Ema) or (isinstance(own, RandomInit) and own.batch_norm)
        return super().train(mode and follows)

    def encoder(self, modality: str) -> Encoder:
        """The teacher's encoder of a modality."""
        encoder = self.encoders[modality]
        assert isinstance(encoder, Encoder)
        return encoder

    @torch.no_grad()
    def update(
        self,
        encoders: nn.ModuleDict,
        parts: Mapping[str, nn.Module],
        momentum: float | None = None,
        *,
        step: int = 0,
    ) -> None:
        """Follow the student by one step; only an `Ema` and a `PastCheckpoint` move.

        Args:
            encoders: the student's.
            parts: the student's.
            momentum: the scheduled value; the policy's own if None.
            step: optimiser steps done in this stage, which tells a past checkpoint when to copy.

        Raises:
            ValueError: a momentum outside [0, 1], or one for a teacher that is no average.

        Source: BYOL (arXiv 2006.07733) eq. 1. Differs: floating buffers (running statistics) are
        averaged too; reference implementations leave them to the teacher's own forward passes.
        """
        if not isinstance(self.policy, Ema):
            if momentum is not None:
                raise ValueError(f"momentum: no effect on a teacher of kind {self.policy.kind!r}")
            if isinstance(self.policy, PastCheckpoint) and step and step % self.policy.every == 0:
                self._follow(encoders, parts, keep=0.0)
            return
        keep = self.policy.momentum if momentum is None else _checked(momentum)
        self._follow(encoders, parts, keep)

    def _follow(self, encoders: nn.ModuleDict, parts: Mapping[str, nn.Module], keep: float) -> None:
        if self._pairs is None:
            self._pairs = self._matched(encoders, parts)
        mine, theirs, counts, their_counts = self._pairs
        torch._foreach_lerp_(mine, theirs, 1.0 - keep)
        if counts:
            torch._foreach_copy_(counts, their_counts)

    def _matched(
        self, encoders: nn.ModuleDict, parts: Mapping[str, nn.Module]
    ) -> tuple[list[Tensor], list[Tensor], list[Tensor], list[Tensor]]:
        """Floating tensors and their counterparts, then integer ones and theirs; each once."""
        student = nn.ModuleDict({"encoders": encoders, "parts": nn.ModuleDict(dict(parts))})
        other = {**dict(student.named_parameters()), **dict(student.named_buffers())}
        own = {**dict(self.named_parameters()), **dict(self.named_buffers())}
        moving = [name for name, tensor in own.items() if tensor.is_floating_point()]
        counted = [name for name, tensor in own.items() if not tensor.is_floating_point()]
        return (
            [own[name].data for name in moving],
            [other[name].data for name in moving],
            [own[name] for name in counted],
            [other[name] for name in counted],
        )

    def _apply(self, fn: object, recurse: bool = True) -> Teacher:
        self._pairs = None  # moving to a device makes new tensors
        return super()._apply(fn, recurse)  # type: ignore[no-any-return, no-untyped-call]


def build_teacher(
    policy: TeacherPolicy,
    encoders: nn.ModuleDict,
    parts: Mapping[str, nn.Module],
    *,
    seed: int,
    previous: tuple[nn.ModuleDict, Mapping[str, nn.Module]] | None = None,
) -> Teacher:
    """The teacher of a policy, as it is at the beginning of a stage.

    Args:
        policy: where its weights come from and how they follow.
        encoders: the student's.
        parts: the student's `teacher_parts`.
        seed: of random weights.
        previous: encoders and parts as the stage before left them.

    Raises:
        ValueError: a previous stage is wanted where there is none, or it lacks a module.
    """
    if isinstance(policy, PreviousStage):
        if previous is None:
            raise ValueError("a teacher of the previous stage needs one: this is the first stage")
        _check_same(previous, encoders, parts)
        encoders, parts = previous
    teacher = Teacher(policy, encoders, parts)
    if isinstance(policy, RandomInit):
        redraw(teacher, seed)
    return teacher


def _checked(momentum: float) -> float:
    if not 0 <= momentum <= 1:
        raise ValueError(f"momentum: wanted 0 to 1; got {momentum}")
    return momentum


def _check_same(
    previous: tuple[nn.ModuleDict, Mapping[str, nn.Module]],
    encoders: nn.ModuleDict,
    parts: Mapping[str, nn.Module],
) -> None:
    missing = [name for name in encoders if name not in previous[0]]
    missing += [name for name in parts if name not in previous[1]]
    if missing:
        raise ValueError(
            f"a teacher of the previous stage: that stage has no {', '.join(missing)}; "
            "its objective must name the same teacher_parts"
        )
