"""A learner: encoders, views, objective and teachers as one plain module."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, TypeAlias, cast

import torch
from torch import nn

from tacit.contract import (
    Augmentation,
    Batch,
    DataInfo,
    Encoder,
    Encoding,
    Losses,
    Modality,
    ModelAugmentation,
    Objective,
    Tokens,
    View,
    Views,
    derive,
)
from tacit.contract.seeds import START, absorb
from tacit.methods.context import Frame, Services, StepContext
from tacit.nn import Teacher, TeacherPolicy, build_teacher

_VIEWS, _OBJECTIVE, _BETWEEN = 1, 2, 3  # purposes of the random streams of a step


_Maker: TypeAlias = Callable[[Any, torch.Generator], tuple[View, ...]]


class Learner(nn.Module):
    """One stage of a method on its encoders; what a training loop calls.

    In a loop of your own:

        losses = learner(batch)
        losses.total().backward()
        optimizer.step()
        learner.after_step()

    Randomness of a step is named by `(seed, step, rank)` and not carried along, so a loop that
    starts again at step k draws what it would have drawn.

    Args:
        encoders: modality to encoder.
        objective: not yet built; the learner builds it for the encoders' specs.
        augmentations: modality to the augmentation that makes its views.
        modalities: modality to its description.
        teachers: name to policy.
        data: what the objective may know of the data.
        seed: of views, masks and random teachers.
        previous: encoders and parts of the stage before, for teachers that keep them.
        keep: names of submodules of the objective that go on with its weights.

    Raises:
        ValueError: something is to be kept that the stage before does not have.
    """

    def __init__(
        self,
        *,
        encoders: Mapping[str, Encoder],
        objective: Objective,
        augmentations: Mapping[str, Augmentation | ModelAugmentation],
        modalities: Mapping[str, Modality],
        teachers: Mapping[str, TeacherPolicy] | None = None,
        data: DataInfo | None = None,
        seed: int = 0,
        previous: Learner | None = None,
        keep: Sequence[str] = (),
    ) -> None:
        super().__init__()
        teachers = teachers or {}
        self.encoders = nn.ModuleDict(encoders)
        # The same again for the step: a module searches three tables for a part, at a microsecond.
        self._students, self._loss = self.encoders._modules, (objective,)
        self.objective = objective
        self.augmentations = dict(augmentations)
        self.modalities = dict(modalities)
        self.seed = seed
        self.rank = 0
        self.frame = Frame()
        self.services: Services | None = None
        self._streams: dict[tuple[torch.device, int], tuple[torch.Generator, int]] = {}
        self._makers = {name: self._maker(name, made) for name, made in augmentations.items()}
        self._follows = type(objective).after_step is not Objective.after_step
        self._taught = bool(teachers)
        specs = {name: encoder.spec for name, encoder in encoders.items()}
        objective.build(specs, knowing_tasks(data or DataInfo(), augmentations))
        for name in keep:
            self._keep(name, previous)
        self.teachers = nn.ModuleDict(
            {
                name: build_teacher(
                    policy,
                    self.encoders,
                    self._parts(),
                    seed=derive(seed, position),
                    previous=None if previous is None else (previous.encoders, previous._left()),
                )
                for position, (name, policy) in enumerate(sorted(teachers.items()))
            }
        )

    def views(self, batch: Batch) -> Views:
        """The views of a batch, modality by modality; same step, same views."""
        generator = self.generator(batch.index.device, _VIEWS)
        made: list[View] = []
        for name, augmentation in self.augmentations.items():
            if name not in batch.values:  # unpaired data: this batch has none of it
                continue
            if augmentation.follows:
                augmentation.follow(self._followed(augmentation.follows))
            value = batch.values[name]
            made += [view.bind(batch, name) for view in self._makers[name](value, generator)]
        return Views(made)

    def forward(self, batch: Batch, views: Views | None = None) -> Losses:
        """The named losses of a batch; of views already made, if given."""
        if views is None:
            views = self.views(batch)
        return self._loss[0](views, self.context(batch))  # type: ignore[no-any-return]

    def after_step(self) -> None:
        """Update teachers and whatever the objective keeps, and count the step."""
        if self._taught:
            self._update_teachers()
        if self._follows:
            self.objective.after_step(self.context(None))
        self.frame.step += 1

    def _update_teachers(self) -> None:
        parts = self._parts()
        for name, teacher in self.teachers.items():
            assert isinstance(teacher, Teacher)
            momentum = self.frame.values.get(f"{name}.momentum")
            teacher.update(self.encoders, parts, momentum, step=self.frame.step + 1)

    def context(self, batch: Batch | None) -> StepContext:
        """A fresh context at the present frame."""
        if batch is None:
            return StepContext(self, None, self.device, _BETWEEN)
        return StepContext(self, batch, batch.index.device, _OBJECTIVE)

    @property
    def device(self) -> torch.device:
        """Where the parameters live."""
        return next(self.encoders.parameters()).device

    def encoder(self, modality: str, which: str = "student") -> Encoder:
        """An encoder of the student or of a teacher."""
        if which == "student":
            return self._students[modality]  # type: ignore[return-value]
        return cast(Encoder, self.teacher(which).encoders[modality])

    def sole_encoder(self, which: str) -> Encoder:
        """The encoder, where there is only one."""
        if len(self.encoders) > 1:
            raise ValueError("tokens do not say their modality: use ctx.encoder(modality)(tokens)")
        return self.encoder(next(iter(self.encoders)), which)

    def teacher(self, name: str) -> Teacher:
        """A teacher by name.

        Raises:
            ValueError: no such teacher.
        """
        if name not in self.teachers:
            known = ", ".join(self.teachers) or "none"
            raise ValueError(f"no teacher {name!r}; this method sets up: {known}")
        teacher = self.teachers[name]
        assert isinstance(teacher, Teacher)
        return teacher

    def _keep(self, name: str, previous: Learner | None) -> None:
        known = {} if previous is None else dict(previous.objective.named_modules())
        if name not in known:
            before = "no stage" if previous is None else type(previous.objective).__name__
            raise ValueError(f"keep: wanted {name!r} of the stage before; it was {before}")
        self.objective.get_submodule(name).load_state_dict(known[name].state_dict())

    def _parts(self) -> dict[str, nn.Module]:
        return {name: self.objective.get_submodule(name) for name in self.objective.teacher_parts}

    def _left(self) -> dict[str, nn.Module]:
        """What a teacher of the previous stage brings to the next."""
        names = self.objective.left_parts
        return self._parts() | {name: self.objective.get_submodule(name) for name in names}

    def generator(self, device: torch.device, purpose: int) -> torch.Generator:
        """The random stream of a purpose, at the beginning of what this step draws from it."""
        stream = self._streams.get((device, purpose))
        if stream is None:
            begun = absorb(START, self.seed, purpose)
            stream = self._streams[device, purpose] = (torch.Generator(device), begun)
        (generator, begun), frame = stream, self.frame
        return generator.manual_seed(absorb(begun, frame.step, frame.part, self.rank) >> 1)

    def _followed(self, names: frozenset[str]) -> dict[str, float]:
        return {name: value for name, value in self.frame.values.items() if name in names}

    def _maker(self, name: str, augmentation: Augmentation | ModelAugmentation) -> _Maker:
        """An augmentation as a function of value and generator, chosen once and not each step."""
        if isinstance(augmentation, ModelAugmentation):
            return lambda value, generator: augmentation(
                value, generator, _FrozenEncode(self.encoder(name))
            )
        quiet = torch.no_grad()  # one for all steps: it is never entered within itself

        def make(value: Any, generator: torch.Generator) -> tuple[View, ...]:
            with quiet:
                return augmentation(value, generator)

        return make


def knowing_tasks(
    data: DataInfo, augmentations: Mapping[str, Augmentation | ModelAugmentation]
) -> DataInfo:
    """What is known of the data, and what may be asked of its views."""
    return replace(data, tasks={name: each.tasks for name, each in augmentations.items()})


class _FrozenEncode:
    """Encoding with gradient to the input and none left on the parameters."""

    def __init__(self, encoder: Encoder) -> None:
        self.encoder = encoder

    def __call__(self, value: object | Tokens) -> Encoding:
        frozen = {name: p.detach() for name, p in self.encoder.named_parameters()}
        return torch.func.functional_call(self.encoder, frozen, (value,))  # type: ignore[no-any-return]
