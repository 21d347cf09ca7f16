"""The house rules that no linter knows, for every package alike."""

from __future__ import annotations

import ast
import re
import statistics
from pathlib import Path

import pytest
from tests.conftest import CALLED_MOST
from tests.core.plugin.test_speed import PLUGINS as HELD_TO_BE_LIGHT
from tests.ecosystem.house import CORE, PACKAGES, PLUGINS, ROOT, SOURCES, metadata, name, tree
from tests.ecosystem.house import workspace as read_workspace

from tacit.deprecation import Going

MODALITY_WORDS = re.compile(
    r"\b(images?|audio|graphs?|text|table|vision|speech|music|tabular|waveforms?|spectrograms?"
    r"|patch(es)?|pixels?|sentences?|subwords?)\b"
)
# Words of plain text and of drawing tables, not of a modality, by the module that needs them.
PLAIN = {"text": {"cli", "config", "plugin"}, "table": {"api", "cli", "config", "plugin"}}


def literals(module: ast.Module) -> list[ast.Constant]:
    """The string literals of a module that are not docstrings."""
    prose = {
        id(node.value)
        for node in ast.walk(module)
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
    }
    strings = [node for node in ast.walk(module) if isinstance(node, ast.Constant)]
    return [node for node in strings if isinstance(node.value, str) and id(node) not in prose]


def functions(path: Path) -> list[tuple[str, int]]:
    """Name and number of lines of every function of a file, what it says of itself not counted."""
    kinds = ast.FunctionDef | ast.AsyncFunctionDef
    found = [node for node in ast.walk(tree(path)) if isinstance(node, kinds)]
    return [(node.name, span(node) - docstring_span(node)) for node in found]


def span(node: ast.stmt) -> int:
    return (node.end_lineno or node.lineno) - node.lineno + 1


def docstring_span(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    return span(function.body[0]) if ast.get_docstring(function) else 0


@pytest.mark.parametrize("path", [p for p in SOURCES if p.is_relative_to(CORE)], ids=name)
def test_the_core_names_no_modality(path: Path) -> None:
    floor = path.relative_to(CORE).parts[0]
    named = [
        f"{name(path)}:{literal.lineno}: {word.group()}"
        for literal in literals(tree(path))
        for word in MODALITY_WORDS.finditer(str(literal.value).lower())
        if floor not in PLAIN.get(word.group(), ())
    ]
    assert not named


@pytest.mark.parametrize("path", SOURCES, ids=name)
def test_a_file_says_what_it_is_for_and_holds_one_idea(path: Path) -> None:
    assert ast.get_docstring(tree(path)), f"{name(path)} has no docstring"
    assert len(path.read_text(encoding="utf-8").splitlines()) <= 400


def test_no_function_is_longer_than_a_screen() -> None:
    long = [
        f"{name(path)}: {function} has {lines} lines"
        for path in SOURCES
        for function, lines in functions(path)
        if lines > 60
    ]
    assert not long


@pytest.mark.parametrize("package", PACKAGES, ids=name)
def test_half_of_the_functions_take_ten_lines_at_most(package: Path) -> None:
    lines = [n for path in package.rglob("*.py") for _, n in functions(path)]
    assert not lines or statistics.median(lines) <= 10


@pytest.mark.parametrize("package", PACKAGES, ids=name)
def test_type_checkers_are_told_that_a_package_is_typed(package: Path) -> None:
    assert (package / "py.typed").is_file()


@pytest.mark.parametrize("package", PACKAGES, ids=name)
def test_every_folder_of_code_is_a_package(package: Path) -> None:
    bare = {path.parent for path in package.rglob("*.py")}
    assert not [name(folder) for folder in bare if not (folder / "__init__.py").is_file()]


def test_packages_carry_one_version() -> None:
    versions = {package.name: metadata(package)["project"]["version"] for package in PACKAGES}
    assert len(set(versions.values())) == 1, versions


@pytest.mark.parametrize("plugin", PLUGINS, ids=name)
def test_a_plugin_asks_for_the_core_it_is_released_with(plugin: Path) -> None:
    project = metadata(plugin)["project"]
    major, minor, _ = project["version"].split(".")
    assert f"tacit>={major}.{minor},<{major}.{int(minor) + 1}" in project["dependencies"]


@pytest.mark.parametrize("plugin", PLUGINS, ids=name)
def test_a_plugin_has_the_rooms_all_plugins_have(plugin: Path) -> None:
    def is_there(room: str) -> bool:
        return (plugin / f"{room}.py").is_file() or (plugin / room / "__init__.py").is_file()

    rooms = ("plugin", "modality", "encoders", "views", "data")
    assert [room for room in rooms if not is_there(room)] == []


@pytest.mark.parametrize("plugin", PLUGINS, ids=name)
def test_the_linters_know_every_plugin(plugin: Path) -> None:
    tool = read_workspace()["tool"]
    source = name(plugin.parent)
    assert source in tool["mypy"]["mypy_path"]
    assert source in tool["ruff"]["src"]
    assert plugin.name in tool["importlinter"]["root_packages"]
    floors = tool["importlinter"]["contracts"][0]["layers"]
    assert plugin.name in floors[0].split(" | ")
    checked = [o for o in tool["pytest"]["ini_options"]["addopts"] if o.startswith("--jaxtyping")]
    assert plugin.name in checked[0].split("=")[1].split(",")


def test_every_floor_of_the_core_is_type_checked_in_tests() -> None:
    options = read_workspace()["tool"]["pytest"]["ini_options"]["addopts"]
    (arrays,) = (o.split("=")[1].split(",") for o in options if o.startswith("--jaxtyping"))
    files = {path.relative_to(CORE).with_suffix("").parts[0] for path in CORE.rglob("*.py")}
    floors = {f"tacit.{each}" for each in files - {"__init__", "__main__"}}
    assert floors - {*arrays, *CALLED_MOST} == set()


def outlived(module: ast.Module, version: str) -> list[str]:
    """Marks of what should have gone by this version."""
    marks = [
        word.value.value
        for call in ast.walk(module)
        if isinstance(call, ast.Call) and ast.unparse(call.func) in ("Going", "deprecated", "was")
        for word in call.keywords
        if word.arg == "since" and isinstance(word.value, ast.Constant)
    ]
    now = tuple(map(int, version.split(".")[:2]))
    goes = {since: Going(since=str(since), instead="").goes for since in marks}
    return [str(s) for s, gone in goes.items() if tuple(map(int, gone.split("."))) <= now]


@pytest.mark.parametrize("package", PACKAGES, ids=name)
def test_what_was_to_go_has_gone(package: Path) -> None:
    version = metadata(package)["project"]["version"]
    assert not [name(p) for p in package.rglob("*.py") if outlived(tree(p), version)]


def test_a_mark_outlives_its_time_in_the_second_minor_version() -> None:
    marked = ast.parse("@deprecated(since='0.2', instead='x')\ndef f(): ...\nwas('a', since='0.3')")
    assert outlived(marked, "0.3.9") == []
    assert outlived(marked, "0.4.0") == ["0.2"]
    assert sorted(outlived(marked, "0.5.0")) == ["0.2", "0.3"]


def test_every_plugin_is_held_to_being_light() -> None:
    assert sorted(HELD_TO_BE_LIGHT) == sorted(f"{plugin.name}.plugin" for plugin in PLUGINS)


def test_ci_scripts_can_be_run() -> None:
    assert (ROOT / ".ci" / "run").stat().st_mode & 0o111
