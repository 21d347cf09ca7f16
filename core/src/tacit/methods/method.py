"""A method: a named, citable composition of views, objective, teachers and defaults."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from tacit.contract import Objective
from tacit.nn import TeacherPolicy


@dataclass(frozen=True, kw_only=True)
class Stage:
    """One stage of a method; the encoder goes on from stage to stage.

    Args:
        name: within the method.
        views: name of the view policy, looked up per modality: `two-views`, `masked` ...
        objective: the class; its constructor takes `config`.
        config: its default configuration.
        teachers: name to policy.
        start: `continue`: from the encoder the stage before left; `initial`: from the weights the
            run began with (a student that starts over beside a teacher of the previous stage).
        keep: names of submodules of the objective that go on from the stage before (`projector`).
        training: defaults of `tacit.training.settings.Training`, in the form run files have.
    """

    name: str = "main"
    views: str
    objective: type[Objective]
    config: Any
    teachers: Mapping[str, TeacherPolicy] = field(default_factory=dict)
    start: Literal["continue", "initial"] = "continue"
    keep: tuple[str, ...] = ()
    training: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Method:
    """A named composition.

    Args:
        name: as offered.
        summary: one line.
        source: citation.
        stages: in order; most methods have one.
    """

    name: str
    summary: str
    source: str
    stages: tuple[Stage, ...]
