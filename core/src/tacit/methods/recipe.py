"""A recipe: a complete, versioned run of a method, with what it was measured to reach."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """Settings somebody ran and measured, under a name with a version.

    A recipe never changes: better settings are a recipe with the next version.

    Args:
        settings: what a run file holds, nested; `data` may be left to the user.
        measured: what it reached, on what, over how many seeds; empty while nobody has.
    """

    settings: Mapping[str, object] = field(default_factory=dict)
    measured: str = ""
