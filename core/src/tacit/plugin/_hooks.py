"""The hooks a plugin may implement: what there is, and what happened.

Nothing inside the training step goes through a hook: a module behind a hook has no parameters,
breaks ``torch.compile`` and loses its type. The same text, for reading, is in
``docs/reference/hooks.md``; a test holds the two together.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Protocol, runtime_checkable

import pluggy

from tacit.plugin._offer import Offer

PROJECT = "tacit"

hookspec = pluggy.HookspecMarker(PROJECT)
hookimpl = pluggy.HookimplMarker(PROJECT)
"""Marks a function of a plugin as the implementation of the hook whose name it has."""

KINDS = (
    "modalities",
    "encoders",
    "augmentations",
    "objectives",
    "methods",
    "recipes",
    "sources",
    "readers",
    "probes",
    "commands",
)
"""The kinds of things that can be offered; kind ``x`` has the hook ``tacit_x``."""


@runtime_checkable
class Run(Protocol):
    """What a lifecycle hook may read of the run it is told about."""

    @property
    def directory(self) -> Path:
        """Where the run keeps its files."""

    @property
    def rank(self) -> int:
        """The number of this process; rank 0 is the one to write and to report."""


class Hooks(Protocol):
    """Every hook, with the signature a type checker holds a plugin to.

    A plugin is a module of functions marked :data:`hookimpl`, or, to have its signatures checked,
    an instance of a class that inherits this one. Implement only the hooks you need: none of them
    is abstract, which is what the returns are for.
    """

    @hookspec
    def tacit_modalities(self) -> list[Offer]:
        """Kinds of data, one offer each; the last part of the name is the modality's word."""
        return []

    @hookspec
    def tacit_encoders(self) -> list[Offer]:
        """Encoders; ``provides`` names the tokens and mask modes they support."""
        return []

    @hookspec
    def tacit_augmentations(self) -> list[Offer]:
        """Ways to make views; ``provides`` names the view policy, such as ``views:two-views``."""
        return []

    @hookspec
    def tacit_objectives(self) -> list[Offer]:
        """Modules that turn views into named losses."""
        return []

    @hookspec
    def tacit_methods(self) -> list[Offer]:
        """Citable compositions; ``requires`` names the views, tokens and masks they need."""
        return []

    @hookspec
    def tacit_recipes(self) -> list[Offer]:
        """Complete, versioned runs of a method on named data, with their measured results."""
        return []

    @hookspec
    def tacit_sources(self) -> list[Offer]:
        """Where batches come from: files, tables, generators, data sets bundled for a try."""
        return []

    @hookspec
    def tacit_readers(self) -> list[Offer]:
        """What opens a column of a table as a source of one modality, so that it can be paired."""
        return []

    @hookspec
    def tacit_probes(self) -> list[Offer]:
        """Evaluations of a frozen encoder."""
        return []

    @hookspec
    def tacit_commands(self) -> list[Offer]:
        """Verbs of the command line; the last part of the name is the verb.

        The target is a function that takes the arguments after the verb, a list of strings, and
        returns the exit status.
        """
        return []

    @hookspec
    def tacit_run_started(self, run: Run) -> None:
        """A run is about to take its first step, fresh or resumed.

        Args:
            run: the run, in this process.
        """
        return

    @hookspec
    def tacit_metrics(self, run: Run, step: int, values: Mapping[str, float]) -> None:
        """Metrics were logged; called at the logging interval, not at every step.

        Args:
            run: the run, in this process.
            step: optimiser steps taken so far.
            values: named scalars of this step.
        """
        return

    @hookspec
    def tacit_checkpoint(self, run: Run, step: int, path: Path) -> None:
        """A checkpoint is complete on disk.

        Args:
            run: the run, in this process.
            step: optimiser steps taken so far.
            path: the checkpoint.
        """
        return

    @hookspec
    def tacit_run_ended(self, run: Run, error: BaseException | None) -> None:
        """A run is over, well or badly; the place to close what ``tacit_run_started`` opened.

        Args:
            run: the run, in this process.
            error: what stopped the run, or None if it came to its end.
        """
        return


def new_manager() -> pluggy.PluginManager:
    """A pluggy manager that knows these hooks and no plugin."""
    manager = pluggy.PluginManager(PROJECT)
    manager.add_hookspecs(Hooks)
    return manager


def hook_names(manager: pluggy.PluginManager) -> list[str]:
    """The names of the hooks that are specified, in alphabetical order."""
    callers = sorted(vars(manager.hook).items())
    return [name for name, caller in callers if not name.startswith("_") and caller.has_spec()]
