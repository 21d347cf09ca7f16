"""Which plugins are installed, read from their distributions without importing any."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

from tacit.plugin._distributions import Distribution, EntryPoint, canonical, distributions
from tacit.plugin._offer import Owner

GROUP = "tacit.plugins"
CORE = "tacit"


@dataclass(frozen=True, kw_only=True)
class Candidate:
    """An entry point of the group ``tacit.plugins`` and what its distribution says of itself."""

    owner: Owner
    entry: EntryPoint
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


def discover() -> list[Candidate]:
    """Every installed plugin, by name and then by distribution; the core is not among them."""
    found = [
        _candidate(entry, each) for each in distributions() for entry in each.entry_points(GROUP)
    ]
    return sorted(found, key=lambda candidate: (candidate.name, candidate.owner.distribution))


@cache
def core_distribution() -> Distribution:
    """The core's own; read once, since finding and parsing it takes a while.

    Raises:
        ModuleNotFoundError: it is on the import path without being installed.
    """
    for found in distributions(CORE):
        return found
    raise ModuleNotFoundError(f"{CORE} is not installed: pip install {CORE}", name=CORE)


def core_candidate() -> Candidate:
    """The core itself, which offers through the same hooks and needs no entry point."""
    entry = EntryPoint(name=CORE, value="tacit.offers")
    (version,) = core_distribution().about("Version")
    owner = Owner(plugin=CORE, distribution=CORE, version=version)
    return Candidate(owner=owner, entry=entry, requires=())


def _candidate(entry: EntryPoint, installed: Distribution) -> Candidate:
    distribution = (*installed.about("Name"), "(a distribution without a name)")[0]
    version = (*installed.about("Version"), "(no version)")[0]
    return Candidate(
        owner=Owner(plugin=entry.name, distribution=distribution, version=version),
        entry=entry,
        requires=installed.about("Requires-Dist"),
    )
