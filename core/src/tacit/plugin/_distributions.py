"""What installed distributions say of themselves, read from their folders on the import path.

`importlib.metadata` says the same, and is asked where something else than folders lies on the path.
Importing it brings a parser of e-mail and more: a quarter of the time of `tacit list`.
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property, partial, reduce
from importlib import import_module
from importlib.machinery import PathFinder
from pathlib import Path

_INFOS = (".dist-info", ".egg-info")


@dataclass(frozen=True)
class EntryPoint:
    """A line of a group of entry points.

    Args:
        name: before the equals sign.
        value: after it, `module` or `module:attribute`.
    """

    name: str
    value: str

    def load(self) -> object:
        """The module, or what of it is named."""
        module, _, attributes = self.value.partition("[")[0].strip().partition(":")
        named = filter(None, attributes.strip().split("."))
        return reduce(getattr, named, import_module(module.strip()))


class Distribution:
    """One that is installed; nothing is read before it is asked for.

    Args:
        read: gives the text of one of its files, or None.
    """

    def __init__(self, read: Callable[[str], str | None]) -> None:
        self._read = read

    def about(self, field: str) -> tuple[str, ...]:
        """All values of a field of its metadata, such as `Requires-Dist`."""
        return tuple(self._fields.get(field.lower(), ()))

    def entry_points(self, group: str) -> Iterator[EntryPoint]:
        """Its entry points of one group."""
        text = self._read("entry_points.txt") or ""
        if group not in text:
            return
        section = ""
        for line in filter(None, map(str.strip, text.splitlines())):
            if line.startswith("["):
                section = line.strip("[]").strip()
            elif section == group and not line.startswith("#"):
                name, _, value = line.partition("=")
                yield EntryPoint(name.strip(), value.strip())

    @cached_property
    def _fields(self) -> dict[str, list[str]]:
        text = self._read("METADATA") or self._read("PKG-INFO") or self._read("") or ""
        found: dict[str, list[str]] = {}
        for line in text.split("\n"):
            if not line.rstrip("\r"):
                break  # what follows is the description
            name, colon, value = line.partition(":")
            if colon and not line[0].isspace():
                found.setdefault(name.strip().lower(), []).append(value.strip())
        return found


def canonical(distribution: str) -> str:
    """The spelling of a distribution's name under which pip compares it."""
    return re.sub(r"[-_.]+", "-", distribution).lower()


def distributions(name: str | None = None) -> Iterator[Distribution]:
    """All that are installed, or those of a name; of one name the first on the path."""
    if not _only_folders():
        yield from _from_the_library(name)
        return
    wanted = name and canonical(name)
    seen: set[str] = set()
    for root in sys.path:
        for folder in _listed(root):
            if not folder.lower().endswith(_INFOS):
                continue
            own = canonical(folder.rpartition(".")[0].partition("-")[0])
            if own in seen:
                continue
            seen.add(own)
            if wanted is None or wanted == own:
                yield Distribution(partial(_text, Path(root, folder)))


def _from_the_library(name: str | None) -> Iterator[Distribution]:
    from importlib import metadata

    wanted = name and canonical(name)
    seen: set[str] = set()
    for each in metadata.distributions():
        own = canonical(each.metadata["Name"] or "")
        if own not in seen and (wanted is None or wanted == own):
            yield Distribution(each.read_text)
        seen.add(own)


def _only_folders() -> bool:
    """Whether nothing but folders of the path can hold distributions."""
    finders = (each for each in sys.meta_path if hasattr(each, "find_distributions"))
    if any(each is not PathFinder for each in finders):
        return False
    return not any(root.lower().endswith(".egg") or os.path.isfile(root) for root in sys.path)


def _listed(root: str) -> list[str]:
    try:
        return os.listdir(root or ".")
    except OSError:  # not there, or not ours to read: the interpreter passes over it too
        return []


def _text(folder: Path, file: str) -> str | None:
    try:
        return (folder / file).read_text(encoding="utf-8")
    except OSError:
        return None
