"""From a tree of dataclasses to nested mappings, TOML and a fingerprint."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import types
import typing
from collections.abc import Mapping
from pathlib import Path

import tomli_w

from tacit.config._hints import (
    MISSING,
    NONE,
    default_of,
    element,
    fields_of,
    kind_of,
    members,
    shape,
)
from tacit.config.component import Component
from tacit.config.error import Place


def write(instance: object) -> dict[str, object]:
    """Write a dataclass as nested mappings that TOML can spell and `read` gives back as it was.

    Every field is written in the order of its declaration, except one that is None where None
    is what leaving it out means.

    Raises:
        ConfigError: when a value cannot be spelt in TOML, or would not come back as it was.
        TypeError: when `instance` is not a dataclass or has fields that TOML cannot spell.
    """
    return _write_fields(instance, Place.start("settings"), MISSING)


def dumps(instance: object) -> str:
    """Write a dataclass as TOML text: fields as declared, named values in their own order."""
    return tomli_w.dumps(write(instance))


def fingerprint(instance: object) -> str:
    """Return 16 hexadecimal digits that equal trees share, in any process and on any machine.

    The order of named values (`Mapping[str, X]`, options) does not count; that of lists does.
    """
    text = json.dumps(write(instance), sort_keys=True, ensure_ascii=True)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _write_fields(instance: object, place: Place, base: object) -> dict[str, object]:
    """Write a dataclass; `base` is what the reader falls back to for what is left out."""
    kind = kind_of(instance)
    table: dict[str, object] = {} if kind is None else {"kind": kind}
    for name, (field, hint) in fields_of(type(instance)).items():
        value = getattr(instance, name)
        default = getattr(base, name) if type(base) is type(instance) else default_of(field)
        if value is not None or default is not None:
            table[name] = _write_value(value, hint, place.at(name), default)
    return table


def _write_value(value: object, hint: object, place: Place, base: object) -> object:
    if value is None:
        return NONE
    if isinstance(value, Component):
        return {"name": value.name, **_thaw(value.options)}
    if dataclasses.is_dataclass(value):
        return _write_fields(value, place, base)
    if isinstance(value, list | tuple):
        return _write_list(value, hint, place)
    if isinstance(value, Mapping):
        inner = (*element(hint, Mapping), object, object)[1]
        return {key: _write_value(value[key], inner, place.at(key), MISSING) for key in value}
    return _write_scalar(value, hint, place)


def _write_list(
    value: list[object] | tuple[object, ...], hint: object, place: Place
) -> list[object]:
    hints = element(hint, tuple)
    if hints[-1:] == (Ellipsis,):
        hints = hints[:1] * len(value)
    hints = hints if len(hints) == len(value) else (object,) * len(value)
    pairs = enumerate(zip(value, hints, strict=True))
    return [_write_value(item, inner, place.at(n), MISSING) for n, (item, inner) in pairs]


def _write_scalar(value: object, hint: object, place: Place) -> object:
    allowed = members(hint)
    if value == NONE and types.NoneType in allowed:
        raise place.error(f"the string {NONE!r} stands for None here; use another word")
    if isinstance(value, Path):
        return str(value)
    if not isinstance(value, bool | int | float | str):
        raise place.error(f"wanted a value that TOML can spell, got {value!r}")
    literals = [arg for m in allowed if shape(m) == "literal" for arg in typing.get_args(m)]
    if type(value) is int and float in allowed and int not in allowed and value not in literals:
        return float(value)  # so that 1 and 1.0 have one spelling and one fingerprint
    return value


def _thaw(options: Mapping[str, object]) -> dict[str, object]:
    """Copy raw options with lists for tuples, as TOML and JSON have them."""

    def thaw(value: object) -> object:
        if isinstance(value, tuple):
            return [thaw(item) for item in value]
        return _thaw(value) if isinstance(value, Mapping) else value

    return {key: thaw(value) for key, value in options.items()}
