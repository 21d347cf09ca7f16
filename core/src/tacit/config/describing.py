"""Typed help, taken from the dataclasses and their docstrings, where it is written once."""

from __future__ import annotations

import dataclasses
import inspect
import json
import re
import textwrap
from collections.abc import Iterator, Mapping

from tacit.config._hints import (
    MISSING,
    default_of,
    element,
    fields_of,
    kind_of,
    members,
    shape,
    words,
)
from tacit.config.component import Component
from tacit.config.writing import write


@dataclasses.dataclass(frozen=True, kw_only=True)
class Field:
    """One setting, as help shows it.

    Args:
        name: dotted name; `<name>` stands for a name of one's own, `<n>` for a position.
        type: what it takes, in words.
        default: its value when left out, as TOML spells it; None when it must be given.
        doc: what it is for, from the `Args` section of its dataclass.
        when: the choice on which it exists, such as `schedule.kind=cosine`, or empty.
    """

    name: str
    type: str
    default: str | None
    doc: str
    when: str = ""


def describe(cls: type) -> list[Field]:
    """List every setting of a dataclass and of those nested in it, in the order declared.

    Raises:
        TypeError: when `cls` is not a dataclass or has fields that TOML cannot spell.
    """
    return list(_describe(cls, "", MISSING, "", ()))


def help_text(cls: type, *, width: int = 100) -> str:
    """Lay out the settings of a dataclass for a terminal `width` columns wide."""
    lines: list[str] = []
    when = ""
    for field in describe(cls):
        if field.when != when and field.when:
            lines.append(f"  with {field.when}:")
        when = field.when
        indent = "    " if when else "  "
        given = "required" if field.default is None else f"default {field.default}"
        lines.append(f"{indent}{field.name}  <{field.type}>  {given}")
        note = indent + "    "
        lines += textwrap.wrap(field.doc, width, initial_indent=note, subsequent_indent=note)
    return "\n".join(lines) + "\n" if lines else "  no settings\n"


def _describe(
    cls: type, prefix: str, base: object, when: str, above: tuple[type, ...]
) -> Iterator[Field]:
    docs = _docs(cls)
    for name, (field, hint) in fields_of(cls).items():
        default = getattr(base, name) if type(base) is cls else default_of(field)
        if not _is_plain_table(hint):
            yield Field(
                name=prefix + name,
                type=words(hint),
                default=None if default is MISSING else _spell(default),
                doc=docs.get(name, ""),
                when=when,
            )
        for inner, path, choice in _tables(hint, prefix + name):
            if inner not in (cls, *above):  # a dataclass may nest itself
                yield from _describe(inner, path + ".", default, choice or when, (cls, *above))


def _is_plain_table(hint: object) -> bool:
    """Whether a type is just a nested dataclass, which its own fields say all about."""
    only = members(hint)[0]
    return len(members(hint)) == 1 and dataclasses.is_dataclass(only) and only is not Component


def _tables(hint: object, path: str) -> Iterator[tuple[type, str, str]]:
    """Find the dataclasses within a type, each with its dotted path and the choice it needs."""
    for member in members(hint):
        if (
            isinstance(member, type)
            and dataclasses.is_dataclass(member)
            and member is not Component
        ):
            union = shape(member) == "tagged" and len(members(hint)) > 1
            yield member, path, f"{path}.kind={kind_of(member)}" if union else ""
    for inner in (arg for arg in element(hint, tuple) if arg is not Ellipsis):
        yield from _tables(inner, path + ".<n>")
    for inner in element(hint, Mapping)[1:]:
        yield from _tables(inner, path + ".<name>")


def _spell(value: object) -> str:
    """Spell a default as TOML would on one line."""
    if isinstance(value, Component):
        return _spell({"name": value.name, **value.options})
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return _spell(write(value))
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{key} = {_spell(item)}" for key, item in value.items()) + "}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(_spell(item) for item in value) + "]"
    if value is None:
        return "none"
    return repr(value) if isinstance(value, float) else json.dumps(value, default=str)


def _docs(cls: type) -> dict[str, str]:
    """Collect `name: text` from the `Args` sections of a class and those it inherits from."""
    docs: dict[str, str] = {}
    for base in reversed(cls.__mro__):
        docs.update(_args_section(inspect.cleandoc(base.__dict__.get("__doc__") or "")))
    return docs


def _args_section(doc: str) -> dict[str, str]:
    section = re.search(r"^Args:\n((?:(?:[ \t]+.*)?(?:\n|\Z))+)", doc, flags=re.MULTILINE)
    entries: dict[str, str] = {}
    name = ""
    for line in textwrap.dedent(section[1] if section else "").splitlines():
        entry = re.match(r"(\w+):\s*(.*)", line)
        if entry:
            name = entry[1]
            entries[name] = entry[2].strip()
        elif name and line.strip():
            entries[name] += " " + line.strip()
    return entries
