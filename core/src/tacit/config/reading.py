"""From nested mappings, as TOML gives them, to a tree of dataclasses; strict."""

from __future__ import annotations

import datetime
import tomllib
import types
import typing
from collections.abc import Mapping
from pathlib import Path
from typing import TypeVar

from tacit.config._hints import (
    MISSING,
    NONE,
    default_of,
    element,
    fields_of,
    kind_of,
    members,
    shape,
    tagged,
    words,
)
from tacit.config._keys import dotted, split_keys
from tacit.config.component import Component, raw
from tacit.config.describing import describe
from tacit.config.error import ConfigError, Origin, Place, suggestion
from tacit.config.writing import write
from tacit.deprecation import with_new_names

T = TypeVar("T")


def parse(text: str, *, where: str = "run.toml") -> dict[str, object]:
    """Parse TOML text into nested mappings.

    Raises:
        ConfigError: when the text is not TOML, with line and column.
    """
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"not valid TOML: {error}", where=where) from error


def loads(cls: type[T], text: str, *, where: str = "run.toml") -> T:
    """Read an instance of `cls` from TOML text: `parse`, then `read`."""
    return read(cls, parse(text, where=where), where=where)


def read(cls: type[T], mapping: Mapping[str, object], *, where: str | Origin = "run.toml") -> T:
    """Read an instance of the dataclass `cls` from nested mappings.

    Args:
        cls: a dataclass of settings. Its fields may be int, float (an int is taken too), bool,
            str, Path, Literal, None, tuples, `Mapping[str, X]`, `Component`, other dataclasses,
            and unions of these whose members TOML spells differently. Dataclasses in a union
            carry a `kind: ClassVar[str]`, and the table's key `kind` chooses among them.
        mapping: the settings by name, nested as TOML gives them.
        where: what to call the source in errors.

    Raises:
        ConfigError: for an unknown or missing key, a wrong type, or a value that the
            dataclass itself refuses.
        TypeError: when `cls` is not a dataclass or has fields that TOML cannot spell.
    """
    return _read_fields(cls, mapping, Place.start(where), MISSING)


def resolve(
    component: Component, cls: type[T], *, path: str = "", where: str | Origin = "run.toml"
) -> T:
    """Read the options of a chosen component into its own settings.

    Args:
        component: the choice.
        cls: the dataclass of settings that the named offer declares.
        path: dotted path of the component in its tree, for errors: `encoder`.
        where: what to call the source in errors.

    Raises:
        ConfigError: when the options do not fit `cls`.
    """
    keys = split_keys(path) if path else ()
    return _read_fields(cls, component.options, Place.start(where, keys), MISSING)


def check(instance: T, *, where: str = "settings made in Python") -> T:
    """Hold a tree that was built in Python to the rules of the other doors.

    Returns:
        An equal tree in which every value has its declared type (a float given as int is one).

    Raises:
        ConfigError: when a value does not have its declared type.
    """
    return read(type(instance), write(instance), where=where)


def _read_fields(cls: type[T], table: Mapping[str, object], place: Place, base: object) -> T:
    """Read a dataclass; what the table leaves out comes from `base` where that is one of `cls`."""
    fields = fields_of(cls)
    try:
        table = with_new_names(table, [field for field, _ in fields.values()])
    except ValueError as error:
        raise place.error(str(error)) from error
    for key in table:
        if key not in fields and not (key == "kind" and kind_of(cls)):
            raise place.at(key).error(_unknown(cls, key, place))
    values = {}
    for name, (field, hint) in fields.items():
        default = getattr(base, name) if type(base) is cls else default_of(field)
        if name in table:
            values[name] = _read_value(table[name], hint, place.at(name), default)
        elif default is not MISSING:
            values[name] = default
        else:
            raise place.at(name).error(f"missing; wanted {words(hint)}")
    try:
        return cls(**values)
    except ValueError as error:
        raise place.adopt(error, fields) from error


def _unknown(cls: type, key: str, place: Place) -> str:
    """Say that a key is unknown, and which near or misplaced one may have been meant."""
    known = list(fields_of(cls))
    hint = suggestion(key, known)
    if not hint:
        below = [
            f.name for f in describe(cls) if f.name.split(".")[-1] == key and "<" not in f.name
        ]
        path = dotted(place.keys) + "." if place.keys else ""
        hint = f"; did you mean {path + below[0]!r}?" if below else ""
    return f"unknown key{hint} (known here: {', '.join(known) or 'none'})"


def _read_value(value: object, hint: object, place: Place, base: object) -> object:
    """Read one value by the member of its type that takes the value's TOML spelling."""
    allowed = members(hint)
    if types.NoneType in allowed and (value is None or value == NONE):
        return None
    kinds = tagged(hint)
    kind = _kind(value, kinds, base)
    for member in allowed:
        if kind_of(member) == kind if shape(member) == "tagged" else _takes(member, value):
            return _convert(value, member, place, base)
    if kinds and isinstance(value, Mapping):
        raise _kind_error(value, kinds, place)
    raise place.error(f"wanted {words(hint)}, got {_got(value)}{_near(value, allowed)}")


def _kind(value: object, kinds: dict[str, type], base: object) -> object:
    """Return the kind a table asks for; without the key, the default's, or the only one."""
    if not isinstance(value, Mapping):
        return MISSING
    if "kind" in value:
        return value["kind"]
    if type(base) in kinds.values():
        return kind_of(base)
    return next(iter(kinds)) if len(kinds) == 1 else MISSING


def _kind_error(value: Mapping[str, object], kinds: dict[str, type], place: Place) -> ConfigError:
    known = ", ".join(kinds)
    if "kind" not in value:
        return place.at("kind").error(f"missing; wanted one of {known}")
    near = suggestion(str(value["kind"]), kinds)
    return place.at("kind").error(f"wanted one of {known}, got {value['kind']!r}{near}")


def _takes(member: object, value: object) -> bool:
    """Whether a member of a union, other than a tagged one, takes this spelling."""
    if shape(member) == "literal":
        return any(value == arg and type(value) is type(arg) for arg in typing.get_args(member))
    if isinstance(value, bool):
        return member in (bool, object)
    accepted: dict[str, tuple[type, ...]] = {
        "int": (int,),
        "float": (int, float),
        "string": (str, Path) if member is Path else (str,),
        "list": (list, tuple),
        "table": (Mapping, str) if member is Component else (Mapping,),
        "any": (object,),
    }
    return isinstance(value, accepted.get(shape(member), ()))


def _convert(value: object, member: object, place: Place, base: object) -> object:
    """Turn a value into the member that was found to take it."""
    if member is float and isinstance(value, int):
        return float(value)
    if member is Path and isinstance(value, str):
        return Path(value)
    if member is object:
        return _read_raw(value, place)
    if member is Component:
        return _read_component(value, place, base)
    if isinstance(value, list | tuple) and shape(member) == "list":
        return _read_list(value, member, place)
    if isinstance(value, Mapping) and (args := element(member, Mapping)):
        return {key: _read_value(value[key], args[1], place.at(key), MISSING) for key in value}
    if isinstance(value, Mapping) and isinstance(member, type):
        return _read_fields(member, value, place, base)
    return value


def _read_list(
    value: list[object] | tuple[object, ...], member: object, place: Place
) -> tuple[object, ...]:
    hints = typing.get_args(member)
    if hints[-1:] == (Ellipsis,):
        hints = hints[:1] * len(value)
    if len(hints) != len(value):
        raise place.error(f"wanted {words(member)}, got {len(value)} values: {_got(value)}")
    pairs = enumerate(zip(value, hints, strict=True))
    return tuple(_read_value(item, hint, place.at(n), MISSING) for n, (item, hint) in pairs)


def _read_component(value: object, place: Place, base: object) -> Component:
    if isinstance(value, str):
        value = {"name": value}
    assert isinstance(value, Mapping)
    options = {key: item for key, item in value.items() if key != "name"}
    name = value.get("name", MISSING)
    if name is MISSING and isinstance(base, Component):
        name, options = base.name, {**base.options, **options}
    if not isinstance(name, str):
        got = "nothing" if name is MISSING else _got(name)
        raise place.at("name").error(f"wanted the name of an offer, got {got}")
    try:
        return Component(name=name, options=options)
    except ValueError as error:
        raise place.adopt(error, ("name",)) from error


def _read_raw(value: object, place: Place) -> object:
    try:
        return raw(value)
    except ValueError as error:
        raise place.error(str(error)) from error


def _got(value: object) -> str:
    """Show a value with the word for its spelling, so that 3, "3" and 3.0 are told apart."""
    names: list[tuple[type | tuple[type, ...], str]] = [
        (bool, "true or false"),
        (int, "whole number"),
        (float, "number"),
        (str, "string"),
        ((list, tuple), "list"),
        (Mapping, "table"),
        ((datetime.date, datetime.time), "date or time"),
    ]
    name = next((n for cls, n in names if isinstance(value, cls)), type(value).__name__)
    return f"{value!r} ({name})"


def _near(value: object, allowed: tuple[object, ...]) -> str:
    """Suggest the literal that was misspelt, or quotes for a string that looks like a number."""
    if isinstance(value, str):
        known = [a for m in allowed if shape(m) == "literal" for a in typing.get_args(m)]
        return suggestion(value, [arg for arg in known if isinstance(arg, str)])
    if not isinstance(value, Mapping | list | tuple) and {str, Path, Component} & set(allowed):
        return f"; to make it a string, quote it: '\"{value}\"'"
    return ""
