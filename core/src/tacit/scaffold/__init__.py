"""New packages: what `tacit new` writes."""

from __future__ import annotations

from tacit.scaffold.writing import KINDS, Names, names, write_package

__all__ = ["KINDS", "Names", "names", "write_package"]
