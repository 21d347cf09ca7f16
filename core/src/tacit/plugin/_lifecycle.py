"""Telling the plugins that a run names what happens in it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

import pluggy

from tacit.plugin._hooks import Run
from tacit.plugin._patience import named_while_slow
from tacit.plugin._plugin import Plugin, describe


class LifecycleError(RuntimeError):
    """A lifecycle hook failed; the message names the plugin, the cause is its exception."""


class Lifecycle:
    """The lifecycle hooks of the plugins a run names, and of no other.

    Being installed is not being asked: a plugin that nobody named is never called. Each hook
    reaches every named plugin even if one of them fails, and the failure is then raised. A run
    waits for what it is told to tell; of a hook that keeps it waiting for longer than a plugin's
    patience it says so, on the stream of errors.

    Raises:
        LifecycleError: from every method, if a plugin's hook raises.
    """

    def __init__(self, manager: pluggy.PluginManager, plugins: Iterable[Plugin]) -> None:
        everyone = manager.get_plugins()
        self._plugins = [
            (plugin, everyone - {manager.get_plugin(plugin.name)}) for plugin in plugins
        ]
        self._started = self._callers(manager, "tacit_run_started")
        self._metrics = self._callers(manager, "tacit_metrics")
        self._checkpoint = self._callers(manager, "tacit_checkpoint")
        self._ended = self._callers(manager, "tacit_run_ended")

    def run_started(self, run: Run) -> None:
        """See :meth:`Hooks.tacit_run_started`."""
        _tell(self._started, lambda caller: caller(run=run))

    def metrics(self, run: Run, step: int, values: Mapping[str, float]) -> None:
        """See :meth:`Hooks.tacit_metrics`."""
        _tell(self._metrics, lambda caller: caller(run=run, step=step, values=values))

    def checkpoint(self, run: Run, step: int, path: Path) -> None:
        """See :meth:`Hooks.tacit_checkpoint`."""
        _tell(self._checkpoint, lambda caller: caller(run=run, step=step, path=path))

    def run_ended(self, run: Run, error: BaseException | None) -> None:
        """See :meth:`Hooks.tacit_run_ended`."""
        _tell(self._ended, lambda caller: caller(run=run, error=error))

    def _callers(
        self, manager: pluggy.PluginManager, hook: str
    ) -> list[tuple[Plugin, pluggy.HookCaller]]:
        callers = [
            (plugin, manager.subset_hook_caller(hook, remove_plugins=others))
            for plugin, others in self._plugins
        ]
        return [(plugin, caller) for plugin, caller in callers if caller.get_hookimpls()]


def _tell(
    callers: list[tuple[Plugin, pluggy.HookCaller]], call: Callable[[pluggy.HookCaller], object]
) -> None:
    failures = []
    for plugin, caller in callers:
        try:
            with named_while_slow(f"{caller.name} of plugin {plugin.name!r} ({plugin.owner})"):
                call(caller)
        except (Exception, SystemExit) as error:
            failures.append((plugin, caller.name, error))
    if failures:
        told = "; ".join(
            f"{hook} of plugin {plugin.name!r} ({plugin.owner}) failed: {describe(error)}"
            for plugin, hook, error in failures
        )
        names = " and ".join(repr(plugin.name) for plugin, _, _ in failures)
        raise LifecycleError(f"{told}; mend or do not name {names}") from failures[0][2]
