"""Write constraints.txt: the exact version of everything the workspace installs anywhere.

Usage: python .ci/constraints.py PACKAGE_DIRECTORY ...   (make constraints)

Versions that are in the file already stay if they still fit; take a line out to get the newest.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tomllib
from pathlib import Path

FILE = Path("constraints.txt")
HEADER = """\
# The exact versions tacit is tested with: packages, tests, linters, documentation and benchmarks.
# Constraints install nothing; they pin what something else asks for. Made by `make constraints`.
"""


def resolve(packages: list[str]) -> None:
    """Pin what every package, extra and group asks for, on every platform and Python from 3.11."""
    groups = tomllib.loads(Path("pyproject.toml").read_text())["dependency-groups"]
    command = ["uv", "pip", "compile", "--quiet", "--universal", "--python-version", "3.11"]
    command += ["--no-annotate", "--no-header", "--all-extras"]
    command += [word for group in groups for word in ("--group", group)]
    command += [f"{package}/pyproject.toml" for package in packages]
    # Without this the file would constrain its own renewal, which then could add nothing.
    apart = {k: v for k, v in os.environ.items() if k != "UV_CONSTRAINT"}
    subprocess.run([*command, "--output-file", str(FILE)], check=True, env=apart)


def pinned(resolved: str, packages: list[str]) -> str:
    """The lines that pin something other than the workspace's own packages."""
    metadata = (tomllib.loads(Path(p, "pyproject.toml").read_text()) for p in packages)
    own = {each["project"]["name"] for each in metadata}
    lines = [line for line in resolved.splitlines() if "==" in line]
    return "".join(f"{line}\n" for line in lines if line.split("==")[0] not in own)


def main() -> None:
    """Resolve and write."""
    packages = sys.argv[1:]
    if not packages:
        raise SystemExit(__doc__)
    resolve(packages)
    FILE.write_text(HEADER + pinned(FILE.read_text(), packages))


if __name__ == "__main__":
    main()
