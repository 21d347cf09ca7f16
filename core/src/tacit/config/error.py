"""Where a setting stands, and the error that says so."""

from __future__ import annotations

import dataclasses
import difflib
from collections.abc import Iterable

from tacit.config._keys import Keys, dotted, split_override


class ConfigError(ValueError):
    """A setting that does not fit: says where it came from, its dotted path, and the problem.

    Args:
        problem: what was wanted, what was got, what to do.
        path: dotted path of the setting, empty for the whole tree.
        where: the file, or the command-line argument, that holds it.
    """

    def __init__(self, problem: str, *, path: str = "", where: str = "") -> None:
        self.problem = problem
        self.path = path
        self.where = where
        super().__init__(": ".join(part for part in (where, path, problem) if part))


@dataclasses.dataclass(frozen=True, kw_only=True)
class Origin:
    """Where a nested mapping came from, so that an error blames the right door.

    Args:
        file: the name of the file, or of what stands in its place.
        overrides: the `key=value` arguments laid over it, as given on the command line.
    """

    file: str = "run.toml"
    overrides: tuple[str, ...] = ()

    def of(self, keys: Keys) -> str:
        """Name the source of the setting at `keys`: the last override that reaches it, or the file.

        An override of something below `keys` shares the blame with the file.
        """
        for text in reversed(self.overrides):
            given, _ = split_override(text)
            if keys[: len(given)] == given:
                return f"command line ({text})"
            if given[: len(keys)] == keys and keys:
                return f"{self.file} with the command line ({text})"
        return self.file


@dataclasses.dataclass(frozen=True)
class Place:
    """A position in the tree that is being read or written."""

    origin: Origin
    keys: Keys = ()

    @classmethod
    def start(cls, where: str | Origin, keys: Keys = ()) -> Place:
        """Open a tree that came from `where`."""
        return cls(where if isinstance(where, Origin) else Origin(file=where), keys)

    def at(self, key: str | int) -> Place:
        """Go one level down."""
        return Place(self.origin, (*self.keys, str(key)))

    def error(self, problem: str) -> ConfigError:
        """Make the error that says `problem` of this position."""
        return ConfigError(problem, path=dotted(self.keys), where=self.origin.of(self.keys))

    def adopt(self, error: ValueError, names: Iterable[str]) -> ConfigError:
        """Give an error raised by a component's own check its place.

        A message that starts with one of the component's field `names` and a colon is about
        that field.
        """
        name, colon, rest = str(error).partition(":")
        if colon and name in names:
            return self.at(name).error(rest.strip())
        return self.error(str(error))


def suggestion(word: str, known: Iterable[str]) -> str:
    """Return `; did you mean ...?` when a known word is near, else nothing."""
    near = difflib.get_close_matches(word, list(known), n=1)
    return f"; did you mean {near[0]!r}?" if near else ""
