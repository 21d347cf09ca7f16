"""Do what the how-tos say, as a stranger would: from an empty folder to a wheel that is used.

Usage: python .ci/author.py [--keep] [TRIAL ...]      (make author)

The first party's wheels go into an empty environment. Then a trial follows a page to the letter:
its titled blocks become files in an empty folder, its commands run one after the other in that
environment. Trainings are cut to a few steps, and what the page builds as a wheel takes the place
of what it installed from its folder. The trials named after `tacit new` go from its command to a
wheel in the same way. Each reports the lines that were written and what every command took. Needs
uv, as isolation.py does.
"""

from __future__ import annotations

import argparse
import shlex
import shutil
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from isolation import (
    FOR_TESTS,
    ROOT,
    SHORT,
    SUBJECTS,
    Environment,
    Failed,
    build,
    empty,
    in_turn,
    run,
)

PAGES = {"method": "write-a-method.md", "modality": "write-a-modality.md"}
LENGTHS = ("epochs=", "steps=", "batch=")
FIRST_PARTY = [subject for subject in SUBJECTS if "examples" not in subject.folder]


@dataclass(frozen=True, kw_only=True)
class Author:
    """Somebody with an environment and a folder that is empty at first."""

    environment: Environment
    folder: Path

    def do(self, line: str) -> None:
        """One command of a page.

        Raises:
            Failed: it does, or nobody told this script how to run such a command.
        """
        match shlex.split(line, comments=True):
            case []:
                return
            case ["tacit", "pretrain", *words]:
                short = [word for word in words if not word.startswith(LENGTHS)]
                self._tacit("pretrain", "--no-evaluate", *short, *SHORT)
            case ["tacit", "evaluate", *words]:
                self._tacit("evaluate", "--seeds", "1", *words)
            case ["tacit", *words]:
                self._tacit(*words)
            case ["pip", "install", "-e", "."]:
                self.environment.install("--editable", str(self.folder))
            case ["pip", "wheel", "--no-deps", "--wheel-dir", out, "."]:
                self.wheel(self.folder, out)
            case _:
                raise Failed(f"this script cannot run: {line}")

    def wheel(self, folder: Path, out: str) -> None:
        """Build a package, and install the wheel in the place of its folder, which goes away."""
        run(["uv", "build", "--quiet", "--wheel", "--out-dir", out, "."], cwd=folder)
        (wheel,) = (folder / out).glob("*.whl")
        self.environment.install("--reinstall-package", wheel.name.split("-")[0], str(wheel))
        shutil.rmtree(folder / "src")

    def _tacit(self, *words: str) -> None:
        command = [str(self.environment.python), "-m", "tacit", *words]
        run(command, cwd=self.folder)


def by_the_page(page: str, author: Author) -> Iterator[str]:
    """Follow a how-to from its first block to its last."""
    sys.path.insert(0, str(ROOT))
    from tests.ecosystem.blocks import blocks

    lines = files = 0
    for block in blocks(ROOT / "docs" / "how-to" / page):
        if block.title is not None:
            path = author.folder / block.title
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(block.body)
            files, lines = files + 1, lines + sum(map(bool, map(str.strip, block.body.split("\n"))))
        elif block.language == "bash" and block.skip is None:
            yield from timed(author.do, block.body.replace("\\\n", " ").splitlines())
    yield f"{lines} lines in {files} files were written"


def by_the_command(kind: str, author: Author) -> Iterator[str]:
    """Begin a package with `tacit new`, change nothing, build it, check it and run its tests."""
    yield from timed(author.do, [f"tacit new {kind} fresh"])
    folder = author.folder / "tacit-fresh"
    shutil.copytree(folder / "tests", author.folder / "tests")
    author.wheel(folder, "dist")
    author.environment.install(*FOR_TESTS)
    yield from timed(author.do, ["tacit list", "tacit check tacit-fresh"])
    began = time.monotonic()
    command = [str(author.environment.python), "-m", "pytest", "-q", "-k", "not conforms", "tests"]
    passed = run(command, cwd=author.folder).strip().splitlines()[-1]
    yield f"{time.monotonic() - began:6.1f} s  its tests: {passed}"


def timed(do: Callable[[str], None], lines: Sequence[str]) -> Iterator[str]:
    """Commands with the seconds each took."""
    for line in filter(str.strip, lines):
        began = time.monotonic()
        do(line)
        yield f"{time.monotonic() - began:6.1f} s  {' '.join(line.split())}"


TRIALS: dict[str, Callable[[Author], Iterator[str]]] = {
    **{kind: partial(by_the_page, page) for kind, page in PAGES.items()},
    **{f"new-{kind}": partial(by_the_command, kind) for kind in ("method", "modality", "plugin")},
}


def report(name: str, work: Path, *, keep: bool) -> bool:
    """Do one trial and print what happened; whether all of it worked."""
    print(f"== {name}", flush=True)
    with empty(work, keep=keep) as environment:
        environment.install(*(str(build(each.folder, work / "wheels")) for each in FIRST_PARTY))
        author = Author(environment=environment, folder=environment.folder / "author")
        author.folder.mkdir()
        try:
            for line in TRIALS[name](author):
                print(f"   {line}", flush=True)
        except Failed as failure:
            print(f"   FAILED: {failure}", flush=True)
            return False
    return True


def main() -> int:
    """Do the trials that are named, or all."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("trials", nargs="*", metavar="TRIAL", default=[], help=", ".join(TRIALS))
    parser.add_argument("--keep", action="store_true", help="leave the environments")
    arguments = parser.parse_args()
    one = partial(report, keep=arguments.keep)
    return in_turn(list(TRIALS), arguments.trials, one, keep=arguments.keep)


if __name__ == "__main__":
    sys.exit(main())
