"""The page of needs and these tests say the same."""

from __future__ import annotations

import ast
import re
from pathlib import Path

HERE = Path(__file__).parent
ROWS = [
    line
    for line in (HERE.parents[2] / "docs/explanation/needs.md").read_text().splitlines()
    if line.startswith("| ") and not line.startswith("| need ")
]


def names_here() -> list[str]:
    """The names of the tests of this folder, this file's apart."""
    files = [file for file in HERE.glob("test_*.py") if file != Path(__file__)]
    nodes = [node for file in files for node in ast.parse(file.read_text()).body]
    functions = [node.name for node in nodes if isinstance(node, ast.FunctionDef)]
    return sorted(name for name in functions if name.startswith("test_"))


def test_every_need_is_shown_by_a_test() -> None:
    assert len(ROWS) == 15
    assert all(re.findall(r"`(test_\w+)`", row.split("|")[-2]) for row in ROWS)


def test_the_page_lists_the_tests_there_are() -> None:
    listed = sorted(name for row in ROWS for name in re.findall(r"`(test_\w+)`", row))
    assert listed == names_here()
