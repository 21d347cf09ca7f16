"""What is true of every plugin before anything of it is used."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import dataclass, field
from functools import cached_property
from importlib import metadata
from typing import Any

from tacit.plugin import KINDS, Catalogue, Plugin
from tacit.testing.check import Check, expect, skip

HEAVY = ("torch", "numpy", "datasets", "pandas", "transformers", "jaxtyping", "scipy")
MOST_MS = 50.0

_PROBE = """
import sys, time, json
import tacit.plugin
started = time.process_time()
import {module} as found
cpu_ms = 1000 * (time.process_time() - started)
print("\\n" + json.dumps([cpu_ms, sorted({heavy} & set(sys.modules))]))
"""


@dataclass(frozen=True, kw_only=True)
class PluginSubject:
    """An installed plugin to be checked.

    Args:
        plugin: as the loader took or refused it.
        module: of its entry point.
        catalogue: everything that is installed.
    """

    plugin: Plugin
    module: str
    catalogue: Catalogue = field(repr=False)

    @cached_property
    def imported(self) -> tuple[float, list[str], str]:
        """CPU milliseconds of its import, heavy modules it pulls in, what it prints; in a process.

        The least of three imports: load on the machine only adds.
        """
        found = [self._import() for _ in range(3)]
        return min(found)

    def _import(self) -> tuple[float, list[str], str]:
        code = _PROBE.format(module=self.module, heavy=set(HEAVY))
        command = [sys.executable, "-c", code]
        environment = {"PYTHONPATH": ":".join(sys.path)}
        answer = subprocess.run(command, capture_output=True, text=True, env=_with(environment))
        expect(answer.returncode == 0, f"{self.module} cannot be imported: {answer.stderr[-300:]}")
        *printed, last = answer.stdout.splitlines()
        cpu_ms, heavy = json.loads(last)
        return cpu_ms, heavy, "".join(printed) + answer.stderr


def it_is_taken(subject: PluginSubject) -> None:
    """The loader takes it whole: names, hooks and versions are as they must be."""
    plugin = subject.plugin
    expect(plugin.state == "ok", f"{plugin.state}: {plugin.reason}; try: {plugin.remedy}")


def listing_it_imports_nothing_heavy(subject: PluginSubject) -> None:
    """Importing the module of its entry point imports neither torch nor anything of its size."""
    expect(not subject.imported[1], f"it imports {', '.join(subject.imported[1])}")


def listing_it_is_cheap(subject: PluginSubject) -> None:
    """Importing the module of its entry point takes less than 50 ms of CPU."""
    expect(subject.imported[0] < MOST_MS, f"it takes {subject.imported[0]:.0f} ms")


def listing_it_prints_nothing(subject: PluginSubject) -> None:
    """Importing the module of its entry point prints nothing."""
    expect(not subject.imported[2].strip(), f"it prints {subject.imported[2][:80]!r}")


def what_it_offers_can_be_imported(subject: PluginSubject) -> None:
    """The target of every offer imports."""
    for offers in subject.plugin.offers.values():
        for offer in offers:
            offer.load()


def it_offers_something(subject: PluginSubject) -> None:
    """It has at least one offer, and summaries are one short line."""
    offers = [offer for kind in KINDS for offer in subject.plugin.offers.get(kind, ())]
    expect(bool(offers), "it offers nothing")
    long = [offer.name for offer in offers if len(offer.summary) > 90]
    expect(not long, f"summaries of more than 90 letters: {', '.join(long)}")


def it_says_what_core_it_needs(subject: PluginSubject) -> None:
    """Its distribution requires tacit, from some version on."""
    if subject.plugin.name == "tacit":
        skip("it is the core")
    from packaging.requirements import Requirement

    lines = metadata.requires(subject.plugin.owner.distribution) or []
    core = [each for line in lines if (each := Requirement(line)).name == "tacit"]
    expect(bool(core), "its metadata do not require tacit")
    expect(any(str(each.specifier) for each in core), "it requires any tacit: give a floor")


PLUGINS = tuple(
    Check(run)
    for run in (
        it_is_taken,
        it_offers_something,
        it_says_what_core_it_needs,
        listing_it_imports_nothing_heavy,
        listing_it_is_cheap,
        listing_it_prints_nothing,
        what_it_offers_can_be_imported,
    )
)


def module_of(plugin: Plugin) -> str:
    """The module an entry point names; the core's own where it has none."""
    if plugin.name == "tacit":
        return "tacit.offers"
    for entry in metadata.entry_points(group="tacit.plugins"):
        if entry.name == plugin.name:
            return entry.module
    raise ValueError(f"no entry point {plugin.name!r} in the group tacit.plugins")


def _with(more: dict[str, str]) -> dict[str, Any]:
    import os

    return {**os.environ, **more}
