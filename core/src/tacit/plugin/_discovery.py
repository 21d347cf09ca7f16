"""Which plugins are installed, read from their distributions without importing any."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from importlib import metadata
from typing import Any

from tacit.plugin._offer import Owner

GROUP = "tacit.plugins"
CORE = "tacit"


@dataclass(frozen=True, kw_only=True)
class Candidate:
    """An entry point of the group ``tacit.plugins`` and what its distribution says of itself."""

    owner: Owner
    entry: metadata.EntryPoint
    requires: tuple[str, ...]
    """The distribution's Requires-Dist lines."""

    @property
    def name(self) -> str:
        """The entry point's name."""
        return self.owner.plugin

    @property
    def handles(self) -> frozenset[str]:
        """What allow and block lists may call it: the plugin or the distribution.

        The distribution too, since a name claimed by two can only be settled that way.
        """
        return frozenset({self.name, canonical(self.owner.distribution)})


def canonical(distribution: str) -> str:
    """The spelling of a distribution's name under which pip compares it."""
    return re.sub(r"[-_.]+", "-", distribution).lower()


def discover() -> list[Candidate]:
    """Every installed plugin, by name and then by distribution; the core is not among them."""
    found = [_candidate(entry) for entry in metadata.entry_points(group=GROUP)]
    return sorted(found, key=lambda candidate: (candidate.name, candidate.owner.distribution))


@cache
def core_metadata() -> Any:  # a protocol that cannot be checked at run time
    """What the core's distribution says of itself; read once, since parsing it takes a while."""
    return metadata.metadata(CORE)


def core_candidate() -> Candidate:
    """The core itself, which offers through the same hooks and needs no entry point."""
    entry = metadata.EntryPoint(name=CORE, value="tacit.offers", group=GROUP)
    owner = Owner(plugin=CORE, distribution=CORE, version=core_metadata()["Version"])
    return Candidate(owner=owner, entry=entry, requires=())


def _candidate(entry: metadata.EntryPoint) -> Candidate:
    assert entry.dist is not None, "entry_points() names the distribution of each"
    # Parsed once: every access of .metadata or .requires would read the file again.
    about = entry.dist.metadata
    distribution = (about.get_all("Name") or ["(a distribution without a name)"])[0]
    version = (about.get_all("Version") or ["(no version)"])[0]
    return Candidate(
        owner=Owner(plugin=entry.name, distribution=distribution, version=version),
        entry=entry,
        requires=tuple(about.get_all("Requires-Dist") or ()),
    )
