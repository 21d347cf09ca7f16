"""Lifecycle hooks reach the plugins a run names and nobody else, and never fail in silence."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tacit.plugin import LifecycleError, load_plugins

if TYPE_CHECKING:
    from tests.core.plugin.conftest import Toys


@dataclass
class FakeRun:
    directory: Path = Path("runs/x")
    rank: int = 0


RUN = FakeRun()
LISTENER = """
    heard = []
    @hookimpl
    def tacit_run_started(run):
        heard.append(("started", run))
    @hookimpl
    def tacit_metrics(step, values):
        heard.append(("metrics", step, dict(values)))
    @hookimpl
    def tacit_checkpoint(run, step, path):
        heard.append(("checkpoint", step, path))
    @hookimpl
    def tacit_run_ended(run, error):
        heard.append(("ended", error))
"""
FAILING = """
    @hookimpl
    def tacit_metrics(run, step, values):
        return 1 / 0
"""


def listener(toys: Toys, name: str) -> list[Any]:
    module = toys.add(name, LISTENER)
    load_plugins()
    heard: list[Any] = sys.modules[module].heard
    return heard


def test_a_named_plugin_hears_everything_in_order(toys: Toys) -> None:
    heard = listener(toys, "ear")
    lifecycle = load_plugins().lifecycle(["ear"])
    error = RuntimeError("boom")
    lifecycle.run_started(RUN)
    lifecycle.metrics(RUN, 3, {"loss": 0.5})
    lifecycle.checkpoint(RUN, 3, Path("c"))
    lifecycle.run_ended(RUN, error)
    assert heard == [
        ("started", RUN),
        ("metrics", 3, {"loss": 0.5}),
        ("checkpoint", 3, Path("c")),
        ("ended", error),
    ]


def test_installing_offers_and_configuring_activates(toys: Toys) -> None:
    named, unnamed = listener(toys, "ear"), listener(toys, "wall")
    load_plugins().lifecycle(["ear"]).run_started(RUN)
    assert len(named) == 1
    assert unnamed == []


def test_a_plugin_named_twice_hears_once(toys: Toys) -> None:
    heard = listener(toys, "ear")
    load_plugins().lifecycle(["ear", "ear", "tacit"]).run_started(RUN)
    assert len(heard) == 1


def test_a_failing_hook_is_raised_with_the_name_of_its_plugin(toys: Toys) -> None:
    toys.add("bad", FAILING)
    lifecycle = load_plugins().lifecycle(["bad"])
    lifecycle.run_started(RUN)
    told = r"tacit_metrics of plugin 'bad' \(toy-bad 1.0\) failed: ZeroDivisionError"
    with pytest.raises(LifecycleError, match=told) as caught:
        lifecycle.metrics(RUN, 1, {})
    assert isinstance(caught.value.__cause__, ZeroDivisionError)


def test_a_failing_hook_does_not_keep_the_others_from_hearing(toys: Toys) -> None:
    toys.add("bad", FAILING)
    heard = listener(toys, "ear")
    with pytest.raises(LifecycleError, match="'bad'"):
        load_plugins().lifecycle(["bad", "ear"]).metrics(RUN, 1, {"loss": 1.0})
    assert heard == [("metrics", 1, {"loss": 1.0})]


def test_a_plugin_that_is_not_installed_cannot_be_named(toys: Toys) -> None:
    toys.healthy("ear")
    with pytest.raises(ValueError, match="no plugin 'eer' is installed; did you mean 'ear'"):
        load_plugins().lifecycle(["eer"])
