"""Listing what is installed is quick and imports nothing heavy, whatever is installed."""

from __future__ import annotations

import resource
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.core.plugin.conftest import Toys

ROOT = Path(__file__).parents[3]
PLUGINS = [f"{path.parent.name}.plugin" for path in sorted(ROOT.glob("plugins/*/src/*/plugin.py"))]
LIST = "from tacit.cli import main; main(['list'])"


def cpu_seconds(toys: Toys, code: str, *, runs: int = 7, enough: float = 0.0) -> float:
    """CPU time of a fresh interpreter that runs the code, best of several: load only adds.

    Stops at a run that takes no more than ``enough``.
    """
    times = [float("inf")]
    while len(times) <= runs and min(times) > enough:
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        answer = toys.command([sys.executable, "-c", code])
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        assert answer.returncode == 0, answer.stderr
        times.append(after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime)
    return min(times)


def test_list_does_not_import_torch_nor_any_plugins_package_body(toys: Toys) -> None:
    heavy = ("torch", "numpy", "datasets", "jaxtyping", "rich")
    code = f"{LIST}; import sys; print(sorted(set({heavy!r}) & set(sys.modules)))"
    answer = toys.python(code)
    assert answer.stdout.splitlines()[-1] == "[]", answer.stderr


def test_list_takes_a_fifth_of_a_second(toys: Toys) -> None:
    assert cpu_seconds(toys, LIST, runs=20, enough=0.2) <= 0.2


def test_thirty_plugins_more_take_a_tenth_of_a_second_more(toys: Toys) -> None:
    alone = cpu_seconds(toys, LIST)
    for number in range(30):
        toys.healthy(f"toy{number}")
    assert cpu_seconds(toys, LIST) - alone < 0.1


@pytest.mark.parametrize("module", PLUGINS)
def test_a_first_party_plugin_is_light(toys: Toys, module: str) -> None:
    base = cpu_seconds(toys, "import tacit.plugin")
    code = f"import {module}, sys; assert 'torch' not in sys.modules"
    assert cpu_seconds(toys, code) - base < 0.05
