"""The order of the tests, and what checks the types of what they call.

Files that take long begin, so that the processes end together. Annotations are checked by jaxtyping
(`--jaxtyping-packages`); on floors that are called the most, by beartype alone, which takes a small
part of the time, where it can.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from beartype import BeartypeConf
from beartype.claw import beartype_packages
from jaxtyping import install_import_hook

SOURCE = Path(__file__).parents[1] / "core" / "src"
CALLED_MOST = (
    "tacit.api",
    "tacit.cli",
    "tacit.config",
    "tacit.data",
    "tacit.deprecation",
    "tacit.methods",
    "tacit.offers",
    "tacit.plugin",
    "tacit.scaffold",
    "tacit.testing",
    "tacit.training",
)
AS_WRITTEN = ("tacit.plugin._hooks",)
"""Their signatures are compared with those on the page; beartype's are others."""


def beyond_beartype(package: str) -> Iterator[str]:
    """The modules of a package that name shapes, or what only type checkers import."""
    for file in SOURCE.joinpath(*package.split(".")).rglob("*.py"):
        code = file.read_text()
        if file.stem != "__init__" and ("jaxtyping" in code or "TYPE_CHECKING" in code):
            yield ".".join(file.relative_to(SOURCE).with_suffix("").parts)


beartype_packages(
    CALLED_MOST, conf=BeartypeConf(claw_is_pep526=False, claw_skip_package_names=AS_WRITTEN)
)
install_import_hook(
    [*AS_WRITTEN, *(name for package in CALLED_MOST for name in beyond_beartype(package))],
    "beartype.beartype",
)

LONG = (
    "ecosystem/test_grid.py",
    "ecosystem/test_docs.py",
    "ecosystem/test_third_party.py",
    "core/training/test_distributed.py",
    "ecosystem/runs/test_resume.py",
    "core/methods/test_catalogue.py",
    "ecosystem/test_new.py",
    "ecosystem/test_method_cards.py",
    "ecosystem/test_tabular_benchmark.py",
    "ecosystem/test_methods_benchmark.py",
    "ecosystem/test_conformance.py",
    "core/objectives/test_cross_modal.py",
    "text/test_runs.py",
    "tabular/test_estimator.py",
    "core/objectives/test_distributed.py",
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Sort by file, those of `LONG` first; within a file nothing moves."""
    ranks = {f"tests/{name}": rank for rank, name in enumerate(LONG)}
    items.sort(key=lambda item: ranks.get(item.nodeid.partition("::")[0], len(LONG)))
