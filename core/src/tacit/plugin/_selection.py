"""Allow and block lists: which of the installed plugins may be loaded."""

from __future__ import annotations

import os
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from tacit.plugin._discovery import Candidate
from tacit.plugin._distributions import canonical
from tacit.plugin._suggest import did_you_mean


@dataclass(frozen=True, kw_only=True)
class Rule:
    """One list of names and where it came from."""

    origin: str
    names: tuple[str, ...]
    allows: bool
    """True: nothing but the names; False: anything but the names."""

    def admits(self, candidate: Candidate) -> bool:
        """Whether this list lets the plugin pass."""
        named = any(_names_one(name, candidate.handles) for name in self.names)
        return named == self.allows

    def check(self, candidates: Sequence[Candidate]) -> None:
        """Refuse a name that matches no installed plugin: it would have no effect."""
        known = frozenset(handle for candidate in candidates for handle in candidate.handles)
        for name in self.names:
            if not _names_one(name, known):
                installed = ", ".join(sorted({c.name for c in candidates})) or "none"
                raise ValueError(
                    f"{self.origin} names {name!r}, but no installed plugin or distribution is"
                    f" called so{did_you_mean(name, known)} (installed plugins: {installed})"
                )


def selection(allow: Collection[str] | None, block: Collection[str]) -> list[Rule]:
    """The lists that apply: those given and those of the environment.

    Restrictions add up: a plugin must be on every allow list and on no block list, so neither a
    script nor the environment can bring back what the other left out.
    """
    rules = []
    if "TACIT_PLUGINS" in os.environ:
        rules.append(
            Rule(origin="TACIT_PLUGINS", names=_from_environ("TACIT_PLUGINS"), allows=True)
        )
    if allow is not None:
        rules.append(Rule(origin="allow", names=_names("allow", allow), allows=True))
    rules.append(Rule(origin="TACIT_BLOCK", names=_from_environ("TACIT_BLOCK"), allows=False))
    rules.append(Rule(origin="block", names=_names("block", block), allows=False))
    return rules


def strict_wanted() -> bool:
    """Whether the environment asks for strict mode."""
    value = os.environ.get("TACIT_STRICT", "")
    if value not in ("", "0", "1"):
        raise ValueError(f"TACIT_STRICT: wanted 1 (on), 0 or nothing (off), got {value!r}")
    return value == "1"


def _names_one(name: str, handles: frozenset[str]) -> bool:
    return name in handles or canonical(name) in handles


def _from_environ(variable: str) -> tuple[str, ...]:
    words = os.environ.get(variable, "").split(",")
    return tuple(word.strip() for word in words if word.strip())


def _names(argument: str, names: Collection[str]) -> tuple[str, ...]:
    if isinstance(names, str):  # A string is a collection of letters, and surely not meant so.
        raise ValueError(f"{argument}: wanted names, got the string {names!r}; write [{names!r}]")
    return tuple(names)
