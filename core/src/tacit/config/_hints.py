"""What the type of a field allows, and how to say it in words."""

from __future__ import annotations

import dataclasses
import functools
import types
import typing
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

from tacit.config.component import Component

NONE = "none"  # TOML has no null: this word stands for None wherever None is allowed.
MISSING = dataclasses.MISSING

_WORDS: dict[object, str] = {
    bool: "true or false",
    int: "whole number",
    float: "number",
    str: "string",
    Path: "path",
    types.NoneType: NONE,
    Component: "name, or table with name and options",
    object: "anything",
}
_SHAPE_OF: dict[object, str] = {
    bool: "bool",
    int: "int",
    float: "float",
    str: "string",
    Path: "string",
    types.NoneType: "none",
    Component: "table",
    object: "any",
}
# Members of a union are tried in this order: the narrow before the wide.
_SHAPES = ("literal", "bool", "int", "float", "string", "list", "tagged", "table", "any", "none")


def fields_of(cls: type) -> dict[str, tuple[dataclasses.Field[Any], object]]:
    """Map the name of every settable field to the field and its resolved type, as declared.

    Raises:
        TypeError: when `cls` is not a dataclass or a field has a type that TOML cannot spell.
    """
    return _fields_of(cls)


@functools.cache
def _fields_of(cls: type) -> dict[str, tuple[dataclasses.Field[Any], object]]:
    if not dataclasses.is_dataclass(cls):
        raise TypeError(f"wanted a dataclass of settings, got {cls!r}")
    hints = typing.get_type_hints(cls)
    fields = {f.name: (f, hints[f.name]) for f in dataclasses.fields(cls) if f.init}
    for name, (_, hint) in fields.items():
        try:
            _supported(hint)
        except TypeError as error:
            raise TypeError(f"{cls.__name__}.{name}: {error}") from error
    return fields


def default_of(field: dataclasses.Field[Any]) -> object:
    """Return the default of a field, freshly made where there is a factory, or `MISSING`."""
    if field.default_factory is not MISSING:
        return field.default_factory()
    return field.default


@functools.cache
def members(hint: object) -> tuple[object, ...]:
    """Flatten a union into its members, the narrow first; anything else is its own only member."""
    flat = _flat(hint)
    return tuple(sorted(flat, key=lambda member: _SHAPES.index(shape(member))))


def _flat(hint: object) -> list[object]:
    if typing.get_origin(hint) in (typing.Union, types.UnionType):
        return [inner for arg in typing.get_args(hint) for inner in _flat(arg)]
    return [object if hint is Any else hint]


@functools.cache
def shape(member: object) -> str:
    """Name the TOML spelling that a member of a union takes.

    Raises:
        TypeError: when TOML cannot spell it.
    """
    if member in _SHAPE_OF:
        return _SHAPE_OF[member]
    origin = typing.get_origin(member)
    if origin is Literal:
        return "literal"
    if origin is tuple:
        return "list"
    if origin is Mapping:
        return "table"
    if isinstance(member, type) and dataclasses.is_dataclass(member):
        return "tagged" if kind_of(member) else "table"
    raise TypeError(f"{member!r} is not a type that settings can have")


def kind_of(cls: object) -> str | None:
    """Return the tag that chooses `cls` among the members of a union, if it has one."""
    if dataclasses.is_dataclass(cls) and "kind" in {
        field.name for field in dataclasses.fields(cls)
    }:
        return None  # a setting that happens to be called so, not a tag of the class
    kind = getattr(cls, "kind", None)
    return kind if isinstance(kind, str) else None


def tagged(hint: object) -> dict[str, type]:
    """Map each kind that a type allows to its dataclass."""
    kinds: dict[str, type] = {}
    for member in members(hint):
        kind = kind_of(member)
        if kind is not None and isinstance(member, type):
            kinds[kind] = member
    return kinds


def element(hint: object, origin: type) -> tuple[object, ...]:
    """Return the arguments of the one tuple or mapping that a type allows, or nothing."""
    for member in members(hint):
        if typing.get_origin(member) is origin:
            return typing.get_args(member)
    return ()


def _supported(hint: object) -> None:
    """Refuse unions whose members share a spelling: what was written could be read as another."""
    flat = members(hint)
    shapes = [shape(member) for member in flat]
    strings = sum(member in (str, Path, Component) for member in flat)
    if strings > 1 or shapes.count("list") > 1 or shapes.count("table") > 1:
        raise TypeError(f"{words(hint)}: two members of this union are spelt alike in TOML")
    if len(tagged(hint)) != shapes.count("tagged"):
        raise TypeError(f"{hint!r}: two members of this union have the same kind")
    for origin in (tuple, Mapping):
        for inner in element(hint, origin):
            if inner is not Ellipsis:
                _supported(inner)


def words(hint: object) -> str:
    """Say in words what a type allows."""
    flat = _flat(hint)
    kinds = list(tagged(hint))
    said = [_member_words(member) for member in flat if kind_of(member) is None]
    if kinds:
        said.insert(0 if flat[0] in tagged(hint).values() else 1, f"table with kind {_or(kinds)}")
    return " or ".join(said)


def _member_words(member: object) -> str:
    if member in _WORDS:
        return _WORDS[member]
    args = typing.get_args(member)
    kind = shape(member)
    if kind == "literal":
        return _or([repr(arg) for arg in args])
    if kind == "list" and args[-1:] == (Ellipsis,):
        return f"list of ({words(args[0])})"
    if kind == "list":
        return f"list of {len(args)}: " + ", ".join(f"({words(arg)})" for arg in args)
    if args:
        return f"table of ({words(args[1])}) by name"
    assert isinstance(member, type)
    return f"table of {member.__name__} settings"


def _or(words: list[str]) -> str:
    return ", ".join(words[:-1]) + " or " + words[-1] if len(words) > 1 else words[0]
