"""Toy distributions on disk, found exactly as an installed plugin is."""

from __future__ import annotations

import importlib
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from textwrap import dedent

import pytest

_HEADER = "from tacit.plugin import Offer, hookimpl\n"


class Toys:
    """Writes plugins as pip would leave them, and forgets them after the test."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def add(
        self,
        name: str,
        body: str,
        *,
        distribution: str = "",
        version: str = "1.0",
        requires: Sequence[str] = (),
        value: str = "",
    ) -> str:
        """Install a toy; its module imports Offer and hookimpl. Returns the module's name."""
        distribution = distribution or f"toy-{name}"
        module = distribution.replace("-", "_").lower() + "_module"
        (self.root / f"{module}.py").write_text(_HEADER + dedent(body))
        info = self.root / f"{distribution.replace('-', '_')}-{version}.dist-info"
        info.mkdir()
        lines = ["Metadata-Version: 2.1", f"Name: {distribution}", f"Version: {version}"]
        lines += [f"Requires-Dist: {line}" for line in requires]
        (info / "METADATA").write_text("\n".join(lines) + "\n\nA toy.\n")
        (info / "entry_points.txt").write_text(f"[tacit.plugins]\n{name} = {value or module}\n")
        importlib.invalidate_caches()
        return module

    def healthy(self, name: str, **kwargs: object) -> str:
        """Install a toy with one encoder, ``<name>/tiny``."""
        body = f"""
            @hookimpl
            def tacit_encoders():
                return [Offer(name="{name}/tiny", target="json:loads", summary="A tiny one")]
        """
        return self.add(name, body, **kwargs)  # type: ignore[arg-type]

    def python(self, code: str, **environ: str) -> subprocess.CompletedProcess[str]:
        """Run code in a fresh interpreter that has the toys installed."""
        return self.command([sys.executable, "-c", dedent(code)], **environ)

    def tacit(self, *arguments: str, **environ: str) -> subprocess.CompletedProcess[str]:
        """Run the command line in a fresh interpreter that has the toys installed."""
        code = "import sys; from tacit.cli import main; sys.exit(main())"
        return self.command([sys.executable, "-c", code, *arguments], **environ)

    def command(self, command: Sequence[str], **environ: str) -> subprocess.CompletedProcess[str]:
        """Run any command with the toys installed and no TACIT_ variable but those given."""
        base = {k: v for k, v in os.environ.items() if not k.startswith("TACIT_")}
        environ = {**base, "PYTHONPATH": str(self.root), **environ}
        return subprocess.run(command, capture_output=True, text=True, env=environ, cwd=self.root)


@pytest.fixture
def toys(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Toys]:
    """An empty folder of toys, on the import path, with no TACIT_ variable set."""
    for variable in [name for name in os.environ if name.startswith("TACIT_")]:
        monkeypatch.delenv(variable)
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])
    before = set(sys.modules)
    yield Toys(tmp_path)
    for name in set(sys.modules) - before:
        if name.endswith("_module"):
            del sys.modules[name]
    importlib.invalidate_caches()
