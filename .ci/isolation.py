"""Install each package with the core in an empty environment, and use it there.

Usage: python .ci/isolation.py [--only PART ...] [--keep] [PACKAGE ...]      (make isolation)

What shares an environment hides what it does not declare. So every package is built as a wheel and
installed with the core's wheel, the versions of constraints.txt and pytest, and nothing else of the
workspace; then it is listed, checked, trained, judged by a probe, and passes its own tests. The
core alone lists, says what is missing and which package brings it. An environment is removed before
the next one is made. Without names all packages are tried, without parts all of `check`, `use` and
`tests`. Needs uv, whose cache makes the second environment cheap.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PARTS = ("check", "use", "tests")
FOR_TESTS = ("pytest", "pytest-timeout", "beartype")
SHORT = ("steps=4", "batch=16", "workers=0", "watch_every=0")


@dataclass(frozen=True, kw_only=True)
class Subject:
    """A package and how it is used.

    Args:
        folder: of its pyproject.toml, from the root.
        tests: of its own tests, from the root.
        method: trained ...
        data: ... on these, which are embedded.
        beside: folder of one more package, which brings the data to a method that brings none.
        tools: what its tests compare with, and it does not need itself.
    """

    folder: str
    tests: str
    method: str = ""
    data: str = ""
    beside: str = ""
    tools: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """The distribution's."""
        last = Path(self.folder).name
        return {"core": "tacit"}.get(last, last if last.startswith("tacit-") else f"tacit-{last}")


SUBJECTS = (
    Subject(folder="core", tests="tests/core", tools=("scikit-learn",)),
    Subject(folder="plugins/vision", tests="tests/vision", method="mae", data="vision/digits"),
    Subject(folder="plugins/audio", tests="tests/audio", method="audio/byol-a", data="audio/notes"),
    Subject(
        folder="plugins/graph", tests="tests/graph", method="graph/graphmae", data="graph/digits"
    ),
    Subject(
        folder="plugins/text",
        tests="tests/text",
        method="text/mlm",
        data="text/docstrings",
        tools=("scipy",),
    ),
    Subject(
        folder="plugins/tabular",
        tests="tests/tabular",
        method="tabular/mvm",
        data="tabular/wine",
        tools=("polars",),
    ),
    Subject(
        folder="examples/tacit-mmcr",
        tests="examples/tacit-mmcr/tests",
        method="mmcr/mmcr",
        data="tabular/wine",
        beside="plugins/tabular",
    ),
    Subject(
        folder="examples/tacit-timeseries",
        tests="examples/tacit-timeseries/tests",
        method="simclr",
        data="series/rhythms",
    ),
)


class Failed(Exception):
    """A command did not do what it must; the message is what it printed."""


@dataclass(frozen=True, kw_only=True)
class Environment:
    """An empty environment, and a folder outside the checkout where its commands run."""

    folder: Path

    @property
    def python(self) -> Path:
        """Its interpreter."""
        return self.folder / "env" / "bin" / "python"

    def install(self, *what: str) -> None:
        """Install wheels or names, in the versions of constraints.txt."""
        command = ["uv", "pip", "install", "--quiet", "--python", str(self.python)]
        run([*command, "--constraint", str(ROOT / "constraints.txt"), *what], cwd=self.folder)

    def tacit(self, *arguments: str, fails: bool = False) -> str:
        """What a verb of the command line prints."""
        return run([str(self.python), "-m", "tacit", *arguments], cwd=self.folder, fails=fails)

    def test(self, tests: str, *options: str) -> str:
        """Run tests as they lie in the checkout, away from it: its sources are not on the path."""
        target = self.folder / tests
        shutil.copytree(ROOT / tests, target, ignore=shutil.ignore_patterns("__pycache__"))
        shutil.copytree(ROOT / "docs", self.folder / "docs")  # which some tests compare with
        settings = "pyproject.toml"
        if tests.startswith("examples"):
            settings = f"{Path(tests).parent}/pyproject.toml"
        shutil.copy(ROOT / settings, self.folder / settings)
        command = [str(self.python), "-m", "pytest", "-q", "-p", "no:cacheprovider"]
        command += ["--show-capture=no", *options]
        printed = run([*command, tests], cwd=self.folder)
        return printed.strip().splitlines()[-1]


def run(command: Sequence[str], *, cwd: Path, fails: bool = False) -> str:
    """What a command prints, on both streams.

    Raises:
        Failed: it ends with an error, or without one where it must ``fail``.
    """
    clean = {k: v for k, v in os.environ.items() if not k.startswith(("TACIT_", "PYTHON"))}
    clean |= {"OMP_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1"}
    done = subprocess.run(
        command, cwd=cwd, env=clean, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )
    if (done.returncode != 0) != fails:
        raise Failed(f"{' '.join(command)}: status {done.returncode}\n{done.stdout[-6000:]}")
    return done.stdout


def build(folder: str, wheels: Path) -> Path:
    """The wheel of a package."""
    out = wheels / Path(folder).name
    if not out.exists():
        run(["uv", "build", "--quiet", "--wheel", "--out-dir", str(out), folder], cwd=ROOT)
    (wheel,) = out.glob("*.whl")
    return wheel


@contextmanager
def empty(work: Path, *, keep: bool) -> Iterator[Environment]:
    """A new environment; without ``keep`` it is gone afterwards, several gigabytes at a time."""
    folder = Path(tempfile.mkdtemp(dir=work))
    run(["uv", "venv", "--quiet", "--python", sys.executable, str(folder / "env")], cwd=folder)
    try:
        yield Environment(folder=folder)
    finally:
        if not keep:
            shutil.rmtree(folder)


def must_say(printed: str, *wanted: str) -> None:
    """Hold what was printed against what it must name."""
    missing = [each for each in wanted if each not in printed]
    if missing:
        raise Failed(f"wanted it to say {missing}; it said:\n{printed}")


def bare_core(environment: Environment) -> Iterator[str]:
    """The core alone: what it has, and who brings what it has not."""
    extras = [Path(subject.folder).name for subject in SUBJECTS if "plugins" in subject.folder]
    installs = [f"pip install 'tacit[{extra}]'" for extra in extras]
    must_say(environment.tacit("list"), "simclr", *installs)
    yield "lists, and names the packages there are"
    must_say(environment.tacit("doctor"), *installs)
    train = ("pretrain", "simclr", "--data", "vision/digits", "--out", "none")
    must_say(environment.tacit(*train, fails=True), "pip install 'tacit[vision]'")
    train = ("pretrain", "graph/grace", "--data", "graph/karate", "--out", "none")
    must_say(environment.tacit(*train, fails=True), "pip install 'tacit[graph]'")
    yield "says which package brings what is missing"


def use(environment: Environment, subject: Subject) -> Iterator[str]:
    """A package in use: a training, and a probe on what came of it."""
    train = ("pretrain", subject.method, "--data", subject.data, "--out", "run", "--no-evaluate")
    environment.tacit(*train, *SHORT)
    yield f"{subject.method} trains on {subject.data}"
    must_say(environment.tacit("evaluate", "run", "--seeds", "1"), "random")
    yield "is judged by a probe"


def tried(
    subject: Subject, environment: Environment, wheels: Path, parts: Sequence[str]
) -> Iterator[str]:
    """What a package does in an environment of its own, as lines of a report."""
    core = str(build("core", wheels))
    environment.install(*dict.fromkeys([core, str(build(subject.folder, wheels))]))
    if "check" in parts:
        # Of the methods of the core, its own tests are the longer check.
        quick = ["--quick"] if subject.name == "tacit" else []
        checked = environment.tacit("check", subject.name, *quick)
        yield f"tacit check: {checked.strip().splitlines()[-1]}"
    if "use" in parts:
        if subject.beside:
            environment.install(str(build(subject.beside, wheels)))
        yield from use(environment, subject) if subject.method else bare_core(environment)
    if "tests" in parts:
        environment.install(*FOR_TESTS, *subject.tools)
        own = ["-k", "not conforms"] if "examples" in subject.tests else []  # `check` does that
        yield f"its tests: {environment.test(subject.tests, *own)}"


def report(subject: Subject, work: Path, arguments: argparse.Namespace) -> bool:
    """Try one package and print what it did; whether all of it worked."""
    began = time.monotonic()
    print(f"== {subject.name}", flush=True)
    with empty(work, keep=arguments.keep) as environment:
        try:
            for line in tried(subject, environment, work / "wheels", arguments.only):
                print(f"   {line}  ({time.monotonic() - began:.0f} s)", flush=True)
        except Failed as failure:
            print(f"   FAILED: {failure}", flush=True)
            return False
    return True


def in_turn(
    names: Sequence[str], wanted: Sequence[str], one: Callable[[str, Path], bool], *, keep: bool
) -> int:
    """Try what is wanted of these, all where nothing is, and say how many went well.

    Args:
        names: what there is.
        wanted: of these.
        one: tries one, with a folder to work in, and answers whether it went well.
        keep: whether that folder stays.
    """
    if unknown := set(wanted) - set(names):
        print(f"wanted some of {', '.join(names)}; got {', '.join(sorted(unknown))}")
        return 2
    chosen = [name for name in names if name in (wanted or names)]
    work = Path(tempfile.mkdtemp(prefix="tacit-"))
    try:
        bad = [name for name in chosen if not one(name, work)]
    finally:
        if not keep:
            shutil.rmtree(work)
    print(f"{len(chosen) - len(bad)} of {len(chosen)} went well", *bad, sep="\n   ")
    return int(bool(bad))


def main() -> int:
    """Try the packages that are named, or all."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("packages", nargs="*", metavar="PACKAGE", default=[])
    parser.add_argument("--only", nargs="+", choices=PARTS, default=PARTS, help="these parts")
    parser.add_argument("--keep", action="store_true", help="leave the environments")
    arguments = parser.parse_args()
    subjects = {subject.name: subject for subject in SUBJECTS}

    def one(name: str, work: Path) -> bool:
        return report(subjects[name], work, arguments)

    return in_turn(list(subjects), arguments.packages, one, keep=arguments.keep)


if __name__ == "__main__":
    sys.exit(main())
