"""Where the packages of the workspace lie, for the tests that hold all of them to one rule."""

from __future__ import annotations

import ast
import tomllib
from functools import cache
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
CORE = ROOT / "core" / "src" / "tacit"
PACKAGES = [CORE, *sorted(path.parent for path in ROOT.glob("plugins/*/src/*/plugin.py"))]
PLUGINS = PACKAGES[1:]
SOURCES = sorted(path for package in PACKAGES for path in package.rglob("*.py"))


def name(path: Path) -> str:
    """A path as test ids and failures show it."""
    return str(path.relative_to(ROOT))


@cache
def tree(path: Path) -> ast.Module:
    """A source file, parsed."""
    return ast.parse(path.read_text(encoding="utf-8"), filename=str(path))


def metadata(package: Path) -> dict[str, Any]:
    """The pyproject.toml a package is installed from."""
    return tomllib.loads((package.parents[1] / "pyproject.toml").read_text(encoding="utf-8"))


def workspace() -> dict[str, Any]:
    """The pyproject.toml of the workspace."""
    return tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
