"""Packages outside the workspace, installed as far as finding them goes: metadata beside code."""

from __future__ import annotations

import os
import subprocess
import sys
import tomllib
from collections.abc import Sequence
from pathlib import Path


def install(folder: Path, site: Path) -> Path:
    """Leave what `pip install -e` leaves, in a folder of its own; returns what goes on the path."""
    project = tomllib.loads((folder / "pyproject.toml").read_text())["project"]
    info = site / f"{project['name'].replace('-', '_')}-{project['version']}.dist-info"
    info.mkdir(parents=True)
    needs = "".join(f"Requires-Dist: {line}\n" for line in project["dependencies"])
    head = f"Metadata-Version: 2.1\nName: {project['name']}\nVersion: {project['version']}\n"
    (info / "METADATA").write_text(head + needs)
    entries = project["entry-points"]["tacit.plugins"]
    lines = "".join(f"{name} = {value}\n" for name, value in entries.items())
    (info / "entry_points.txt").write_text(f"[tacit.plugins]\n{lines}")
    return folder / "src"


def python(
    arguments: Sequence[str], *, path: Sequence[Path], cwd: Path, **environment: str
) -> subprocess.CompletedProcess[str]:
    """A fresh interpreter that has these folders on its path and no TACIT_ variable but those."""
    base = {k: v for k, v in os.environ.items() if not k.startswith("TACIT_")}
    base["PYTHONPATH"] = os.pathsep.join(map(str, path))
    command = [sys.executable, *arguments]
    return subprocess.run(
        command, capture_output=True, text=True, cwd=cwd, env={**base, **environment}, timeout=280
    )


def tacit(
    *verbs: Sequence[str], path: Sequence[Path], cwd: Path
) -> subprocess.CompletedProcess[str]:
    """Verbs of the command line, one after the other; stops at the first that does not succeed."""
    code = "from tacit.cli import main\n" + "".join(
        f"assert main({list(verb)!r}) == 0, {list(verb)!r}\n" for verb in verbs
    )
    return python(["-c", code], path=path, cwd=cwd)
