"""Dotted keys, as TOML and the command line spell them."""

from __future__ import annotations

import re
from typing import TypeAlias

Keys: TypeAlias = tuple[str, ...]

_BARE = re.compile(r"[A-Za-z0-9_-]+")
# More lenient than TOML, which would want quotes around a slash: shells eat quotes.
_PART = re.compile(r"""\s*(?:"(?P<basic>[^"]*)"|'(?P<literal>[^']*)'|(?P<bare>[^\s."'=]+))\s*""")


def dotted(keys: Keys) -> str:
    """Spell keys as one dotted path, quoting those that hold more than a bare key may."""
    return ".".join(key if _BARE.fullmatch(key) else f'"{key}"' for key in keys)


def _take_keys(text: str) -> tuple[Keys, str]:
    keys: list[str] = []
    while part := _PART.match(text):
        keys.append(next(group for group in part.groups() if group is not None))
        text = text[part.end() :]
        if not text.startswith("."):
            return tuple(keys), text
        text = text[1:]
    raise ValueError(f"wanted a key, got {text!r}")


def split_keys(text: str) -> Keys:
    """Take a dotted path apart: `a."b.c".d` is `("a", "b.c", "d")`.

    Raises:
        ValueError: when the text is not a dotted path.
    """
    keys, rest = _take_keys(text)
    if rest:
        raise ValueError(f"wanted a dotted key such as optimizer.lr, got {text!r}")
    return keys


def split_override(text: str) -> tuple[Keys, str]:
    """Take `key=value` apart into keys and the text of the value.

    Raises:
        ValueError: when there is no key, no `=`, or no value.
    """
    try:
        keys, rest = _take_keys(text)
    except ValueError:
        keys, rest = (), text
    if not keys or not rest.startswith("="):
        raise ValueError(f"wanted key=value such as optimizer.lr=0.1, got {text!r}")
    value = rest[1:].strip()
    if not value:
        raise ValueError(
            f'{text!r} has no value; write {text}"" for an empty string, {text}none for none'
        )
    return keys, value
