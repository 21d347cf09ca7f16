"""What goes is marked first: it works on, and warns, for two minor versions.

    @deprecated(since="0.2", instead="tacit.functional.nt_xent")
    def info_nce(...): ...

    temperature: float = field(default=0.1, metadata=was("tau", since="0.2"))

    @hookspec(warn_on_impl=Going(since="0.2", instead="tacit_sources").warning("tacit_data"))
    def tacit_data(self) -> list[Offer]: ...

An offer keeps its former names in `Offer.formerly`. A test holds every mark to its time.
"""

from __future__ import annotations

import functools
import warnings
from collections.abc import Callable, Iterable, Mapping
from dataclasses import Field, dataclass
from typing import Any, TypeVar

T = TypeVar("T", bound=Callable[..., Any])

MINORS = 2
"""Minor versions for which what goes still works."""
_KEY = "tacit.was"


class TacitDeprecationWarning(FutureWarning):
    """Something public is about to go: the message says when, and what to use instead.

    A `FutureWarning`, since it is for whoever trains as much as for whoever writes code.
    """


@dataclass(frozen=True, kw_only=True)
class Going:
    """Since when something is about to go, and what takes its place.

    Args:
        since: the minor version that warns first, such as `0.2`.
        instead: what to use.

    Raises:
        ValueError: `since` is no minor version.
    """

    since: str
    instead: str

    def __post_init__(self) -> None:
        parts = self.since.split(".")
        if len(parts) != 2 or not all(part.isdecimal() for part in parts):
            raise ValueError(f"since: wanted a minor version such as 0.2; got {self.since!r}")

    @property
    def goes(self) -> str:
        """The minor version in which it is no longer there."""
        major, minor = map(int, self.since.split("."))
        return f"{major}.{minor + MINORS}"

    def warning(self, what: str) -> TacitDeprecationWarning:
        """The warning about something of this name."""
        told = f"{what} is deprecated since tacit {self.since} and goes in {self.goes}"
        return TacitDeprecationWarning(f"{told}; use {self.instead}")


def deprecated(*, since: str, instead: str) -> Callable[[T], T]:
    """Mark a function or a class; it warns whoever calls it, at the place of the call.

    Args:
        since: the minor version that warns first.
        instead: what to use.
    """
    going = Going(since=since, instead=instead)

    def mark(thing: T) -> T:
        if isinstance(thing, type):
            thing.__init__ = _warning(thing.__init__, thing.__qualname__, going)  # type: ignore[misc]
            return thing
        marked: T = _warning(thing, thing.__qualname__, going)
        return marked

    return mark


def was(*names: str, since: str) -> dict[str, object]:
    """Former names of a setting, for the metadata of its field; files that hold them still read."""
    Going(since=since, instead="")
    return {_KEY: dict.fromkeys(names, since)}


def with_new_names(
    table: Mapping[str, object], fields: Iterable[Field[Any]]
) -> Mapping[str, object]:
    """Settings under the names they have now.

    Args:
        table: settings as they were given.
        fields: those of their dataclass.

    Raises:
        ValueError: a setting is given under both names.
    """
    found = dict(table)
    for field in fields:
        for name, since in field.metadata.get(_KEY, {}).items():
            if name not in found:
                continue
            if field.name in found:
                raise ValueError(f"{name} is what {field.name} was called: give one of them")
            going = Going(since=since, instead=field.name)
            warnings.warn(going.warning(f"the setting {name}"), stacklevel=2)
            found[field.name] = found.pop(name)
    return found


def _warning(function: Any, name: str, going: Going) -> Any:
    @functools.wraps(function)
    def warned(*args: Any, **kwargs: Any) -> Any:
        warnings.warn(going.warning(name), stacklevel=2)
        return function(*args, **kwargs)

    return warned
