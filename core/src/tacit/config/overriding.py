"""Command-line overrides: `optimizer.lr=0.1` laid over nested mappings."""

from __future__ import annotations

import datetime
import tomllib
from collections.abc import Iterable, Mapping

from tacit.config._keys import Keys, dotted, split_override
from tacit.config.error import ConfigError
from tacit.config.writing import write


def override(settings: object, arguments: Iterable[str]) -> dict[str, object]:
    """Lay `key=value` arguments over settings, in order; what was given stays as it was.

    This happens before `read`, which then knows unknown keys and wrong types; give it
    `Origin(file=..., overrides=...)` and its errors name the argument. Values are TOML values;
    anything that is not one is a string, so `name=toy/encoder` needs no quotes. A number in the key
    reaches into a list (`stages.0.epochs=5`). A string on the way is taken for the bare name of a
    component: over `encoder = "toy/encoder"`, `encoder.width=192` keeps the name.

    Args:
        settings: nested mappings, or a dataclass, which is written first.
        arguments: such as `optimizer.lr=0.1`, `betas=[0.9, 0.95]`, `data=./unlabelled`.

    Raises:
        ConfigError: when an argument is not of the form `key=value`, its value starts like a
            list, table or quoted string but is not one, or its key runs through a plain value.
    """
    mapping = settings if isinstance(settings, Mapping) else write(settings)
    tree: dict[str, object] = dict(mapping)
    for argument in arguments:
        keys, value = _split(argument)
        updated = _set(tree, keys, value, argument, depth=0)
        assert isinstance(updated, dict)
        tree = updated
    return tree


def _split(argument: str) -> tuple[Keys, object]:
    try:
        keys, text = split_override(argument)
    except ValueError as error:
        raise ConfigError(str(error), where="command line") from error
    try:
        return keys, _value(text)
    except tomllib.TOMLDecodeError as error:
        problem = f"{text!r} is not a TOML value ({error}); mind the shell's own quotes"
        raise ConfigError(problem, path=dotted(keys), where="command line") from error


def _value(text: str) -> object:
    """Read a TOML value, or a bare string where it does not even start like a structured one."""
    try:
        table = tomllib.loads(f"value = {text}")
    except tomllib.TOMLDecodeError:
        if text[0] in "[{\"'":
            raise
        return text
    value = table["value"]
    # TOML finds more in these than was meant: further keys, a date, a comment.
    if len(table) > 1 or isinstance(value, datetime.date | datetime.time):
        return text
    return text if "#" in text and text[0] not in "[{\"'" else value


def _set(node: object, keys: Keys, value: object, argument: str, *, depth: int) -> object:
    """Return a copy of `node` in which the place at `keys[depth:]` holds `value`."""
    if depth == len(keys):
        return value
    key = keys[depth]
    if isinstance(node, list | tuple):
        index = _index(node, keys, argument, depth)
        below = _set(node[index], keys, value, argument, depth=depth + 1)
        return [*node[:index], below, *node[index + 1 :]]
    if isinstance(node, str):
        node = {"name": node}
    if not isinstance(node, Mapping):
        problem = f"{dotted(keys[:depth])} is {node!r}, which has nothing below it to set"
        raise ConfigError(problem, path=dotted(keys), where=f"command line ({argument})")
    return {**node, key: _set(node.get(key, {}), keys, value, argument, depth=depth + 1)}


def _index(node: list[object] | tuple[object, ...], keys: Keys, argument: str, depth: int) -> int:
    key = keys[depth]
    if key.isdecimal() and int(key) < len(node):
        return int(key)
    problem = f"{dotted(keys[:depth])} is a list of {len(node)}; wanted a position, got {key!r}"
    raise ConfigError(problem, path=dotted(keys), where=f"command line ({argument})")
