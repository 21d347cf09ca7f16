"""The choice of a named offer, with options that its own settings will check."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from pathlib import Path

_SCALARS = (str, bool, int, float)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Component:
    """A named offer and its options, before anyone knows which settings the offer has.

    In TOML a table, `encoder = { name = "toy/encoder", width = 192 }`, or the bare name alone.
    The options stay raw until `resolve` reads them into the offer's own dataclass.

    Args:
        name: the name of an installed offer.
        options: raw settings by name: strings, numbers, true or false, lists, tables and none.
            Lists are kept as tuples, paths as text and None as "none", as TOML would spell them.

    Raises:
        ValueError: when the name is empty, an option is called `name`, or a value cannot be
            spelt in TOML.
    """

    name: str
    options: Mapping[str, object] = dataclasses.field(default_factory=dict)

    def __post_init__(self) -> None:
        if not self.name:
            raise ValueError("name: wanted the name of an offer, got an empty string")
        if "name" in self.options:
            raise ValueError("options: 'name' is the component's own key; rename the option")
        object.__setattr__(self, "options", raw(self.options))


def raw(value: object) -> object:
    """Bring a free value into the one form that survives a round trip through TOML.

    Raises:
        ValueError: when TOML cannot spell the value, or could not give it back as it was.
    """
    if isinstance(value, _SCALARS):
        return value
    if value is None:
        return "none"
    if isinstance(value, Path):
        return str(value)
    if isinstance(value, list | tuple):
        return tuple(raw(item) for item in value)
    if isinstance(value, Mapping) and all(isinstance(key, str) for key in value):
        return {key: raw(item) for key, item in value.items()}
    raise ValueError(
        f"wanted a string, a number, true or false, a list or a table, got {value!r} "
        f"({type(value).__name__}); give a dataclass of settings as the table it is written as"
    )
