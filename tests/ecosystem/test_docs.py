"""What the pages show works: every block of every page runs, in order, in one folder a page."""

from __future__ import annotations

import importlib
import re
import shlex
import subprocess
import sys
import tomllib
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from tests.ecosystem.blocks import Block, blocks
from tests.ecosystem.house import ROOT

PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted(ROOT.glob("docs/**/*.md"))]
PAGES_WITH_BLOCKS = [page for page in PAGES if any(blocks(page))]
MOST_SKIPPED = 12
SHOWN = frozenset({"text"})  # output and drawings: nothing to run
# What encoders of two steps are warned of, and rightly.
TOO_SHORT = [
    "ignore:the .* embeddings look collapsed",
    "ignore:the logistic regression with penalty .* was still moving:RuntimeWarning",
]
TARGETS = re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE)


def page_id(page: Path) -> str:
    return str(page.relative_to(ROOT))


def brief(tree: Mapping[str, Any]) -> dict[str, Any]:
    """The settings of a run that learns next to nothing but does all of its steps' work."""
    length = ("epochs", "steps", "batch")
    short = {key: value for key, value in tree.items() if key not in length}
    if "training" in short:
        short["training"] = {k: v for k, v in short["training"].items() if k not in length}
    return {**short, "steps": 2, "batch": 16, "watch_size": 64, "workers": 0}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Where a page runs: an empty folder but for what a reader is taken to have."""
    # By its full name, since the package has a function of the same one.
    inner = importlib.import_module("tacit.api.pretrain")
    resolve = inner.resolve_run
    monkeypatch.setattr(inner, "resolve_run", lambda tree, **rest: resolve(brief(tree), **rest))
    for module in ("digits", "scenes"):
        data = importlib.import_module(f"tacit_vision.data.{module}")
        monkeypatch.setattr(data, "digit_positions", few(data.digit_positions))
    played = importlib.import_module("tacit_audio.data.notes")
    monkeypatch.setattr(played, "TRAIN", played.TRAIN // 6)
    monkeypatch.setattr(played, "TEST", played.TEST // 6)
    write_photos(tmp_path / "photos", per_class=40)
    write_photos(tmp_path / "held-out-photos", per_class=8)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    before = set(sys.modules)
    yield tmp_path
    for module in {name for name in sys.modules if name.startswith("acme")} - before:
        del sys.modules[module]


def few(positions: Callable[[str], Any]) -> Callable[[str], Any]:
    """A sixth of the digits, as of the notes: enough to run everything, too few to learn from."""
    return lambda split: positions(split)[::6]


def write_photos(folder: Path, *, per_class: int) -> None:
    """Grey squares, brighter in one class than in the other, as a folder of PNG files."""
    import numpy as np
    from PIL import Image

    draw = np.random.default_rng(0)
    for label, level in (("day", 160), ("night", 40)):
        (folder / label).mkdir(parents=True)
        for number in range(per_class):
            pixels = draw.integers(level, level + 60, (40, 48, 3), dtype=np.uint8)
            Image.fromarray(pixels).save(folder / label / f"{number}.png")


def run_command(line: str, page: Path) -> None:
    """One line of a shell block."""
    from tacit.cli import main

    words = shlex.split(line, comments=True)
    match words:
        case []:
            return
        case ["make", *targets]:
            assert set(targets) <= set(TARGETS), f"{page}: no target for: {line}"
        case ["tacit", "pretrain", *arguments]:
            # The pages evaluate by themselves, and a page need not do it after every run.
            assert main(["pretrain", "--no-evaluate", *arguments]) == 0, f"{page}: {line}"
        case ["tacit", "evaluate", *arguments]:
            assert main(["evaluate", "--seeds", "1", *arguments]) == 0, f"{page}: {line}"
        case ["tacit", "check", *arguments]:
            # In full, and in an environment of its own, by .ci/author.py.
            assert main(["check", "--quick", *arguments]) == 0, f"{page}: {line}"
        case ["tacit", *arguments]:
            assert main(arguments) == 0, f"{page}: {line}"
        case ["pip", "install", "-e", "."]:
            install_here()
        case ["pip", "wheel", *_]:
            return  # .ci/author.py builds what pages write, where nothing else is installed
        case ["python", script]:
            run_python((ROOT / script).read_text(), {"__name__": "__main__"}, script)
        case _:
            pytest.fail(f"{page}: a test cannot run {line!r}: run it or mark the block 'skip: why'")


def install_here() -> None:
    """Leave what `pip install -e .` leaves, as far as plugins go: metadata on the import path."""
    project = tomllib.loads(Path("pyproject.toml").read_text())["project"]
    source = Path("src").resolve()
    info = source / f"{project['name'].replace('-', '_')}-{project['version']}.dist-info"
    info.mkdir()
    needs = "".join(f"Requires-Dist: {line}\n" for line in project["dependencies"])
    head = f"Metadata-Version: 2.1\nName: {project['name']}\nVersion: {project['version']}\n"
    (info / "METADATA").write_text(head + needs)
    entries = project["entry-points"]["tacit.plugins"]
    lines = "".join(f"{name} = {value}\n" for name, value in entries.items())
    (info / "entry_points.txt").write_text(f"[tacit.plugins]\n{lines}")
    sys.path.insert(0, str(source))
    importlib.invalidate_caches()


def write_file(block: Block) -> None:
    """A block that is the content of a file."""
    assert block.title is not None
    path = Path(block.title)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(block.body)


def run_python(code: str, namespace: dict[str, object], file: str) -> None:
    """Python, in the namespace of its page."""
    exec(compile(code, file, "exec", dont_inherit=True), namespace)


def check_toml(text: str) -> None:
    """A run file must resolve, anything else must parse."""
    tree = tomllib.loads(text)
    if "method" in tree:
        from tacit.api.resolve import resolve_run

        resolve_run(tree, where="a page")


def run_block(block: Block, page: Path, namespace: dict[str, object]) -> None:
    """One block, by its language."""
    if block.title is not None:
        write_file(block)
    elif block.language == "python":
        run_python("\n" * (block.line - 1) + block.body, namespace, str(page))
    elif block.language == "toml":
        check_toml(block.body)
    elif block.language == "bash":
        for line in block.body.replace("\\\n", " ").splitlines():
            run_command(line, page)
    else:
        assert block.language in SHOWN, f"{page}:{block.line}: say what the block is written in"


@pytest.mark.filterwarnings(*TOO_SHORT)
@pytest.mark.parametrize("page", PAGES_WITH_BLOCKS, ids=page_id)
def test_a_page_does_what_it_shows(
    page: Path, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # A module of its own: data classes and pickles look their module up by name.
    module = ModuleType("page")
    monkeypatch.setitem(sys.modules, "page", module)
    for block in blocks(page):
        if block.skip is None:
            run_block(block, page, vars(module))


@pytest.mark.filterwarnings(*TOO_SHORT)
@pytest.mark.parametrize("script", sorted(ROOT.glob("examples/*.py")), ids=page_id)
def test_an_example_runs(script: Path, folder: Path) -> None:
    run_python(script.read_text(), {"__name__": "__main__"}, str(script))


def test_few_blocks_are_left_out_and_each_says_why() -> None:
    skipped = [block for page in PAGES for block in blocks(page) if block.skip is not None]
    assert all(block.skip for block in skipped)
    assert len(skipped) <= MOST_SKIPPED


def test_a_page_is_reached_from_the_contents() -> None:
    contents = (ROOT / "mkdocs.yml").read_text()
    pages = [str(page.relative_to(ROOT / "docs")) for page in ROOT.glob("docs/**/*.md")]
    assert not [page for page in pages if page not in contents]


@pytest.mark.parametrize("page", PAGES, ids=page_id)
def test_links_between_files_lead_somewhere(page: Path) -> None:
    prose = re.sub(r"^```.*?^```$|`[^`\n]*`", "", page.read_text(), flags=re.MULTILINE | re.DOTALL)
    links = re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", prose)
    # Pages of methods are made when the documentation is built, which checks links to them.
    there = [link for link in links if "methods/" not in link]
    assert not [link for link in there if not (page.parent / link).exists()]


@pytest.mark.parametrize(
    ("script", "page", "arguments"),
    [
        ("benchmarks/tables.py", "docs/results.md", ["benchmarks/results"]),
        (".ci/settings_page.py", "docs/reference/settings.md", []),
    ],
)
def test_generated_pages_are_those_of_today(
    script: str, page: str, arguments: list[str], tmp_path: Path
) -> None:
    target = tmp_path / "page.md"
    command = [sys.executable, script, *arguments, str(target)]
    subprocess.run(command, check=True, cwd=ROOT)
    assert target.read_text() == (ROOT / page).read_text(), f"{page}: out of date: make pages"
