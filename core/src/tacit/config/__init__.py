"""Configuration: frozen dataclasses, strict TOML and command-line overrides are doors to one tree.

A component's settings are one frozen, keyword-only dataclass that stands next to the component.
A run is a tree of them. This package moves such a tree between its spellings and refuses
whatever does not fit, with the dotted path, what was wanted, what was got and what to do:

    mapping = parse(text, where="run.toml")                  # TOML file -> nested mapping
    mapping = override(mapping, ["optimizer.lr=0.1"])        # command line on top
    run = read(Run, mapping, where=Origin(file="run.toml", overrides=("optimizer.lr=0.1",)))
    text = dumps(run)                                        # the resolved run.toml

What a table leaves out keeps the value it would have had without the table: with
`optimizer: AdamW = AdamW(lr=0.1)`, the file `optimizer.eps = 1e-6` keeps the rate 0.1.
Two exceptions replace instead of merging, because their keys are open: a table of named values
(`Mapping[str, X]`), and a component given by name (a table without `name` keeps the default's
name and adds to its options).

TOML has no null. A value left out takes the default, so a field that is None by default is not
written at all; anywhere else None is spelt `"none"`. That word is therefore reserved wherever None
is allowed: an optional string cannot hold "none", and writing it is refused.
"""

from __future__ import annotations

from tacit.config.component import Component
from tacit.config.describing import Field, describe, help_text
from tacit.config.error import ConfigError, Origin
from tacit.config.overriding import override
from tacit.config.reading import check, loads, parse, read, resolve
from tacit.config.writing import dumps, fingerprint, write

__all__ = [
    "Component",
    "ConfigError",
    "Field",
    "Origin",
    "check",
    "describe",
    "dumps",
    "fingerprint",
    "help_text",
    "loads",
    "override",
    "parse",
    "read",
    "resolve",
    "write",
]
