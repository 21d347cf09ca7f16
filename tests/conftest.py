"""The order of the tests, and what checks the types of what they call.

Files that take long begin, so that the processes end together. Annotations are checked by jaxtyping
(`--jaxtyping-packages`); on floors without arrays, which are called the most, by beartype alone: it
takes a small part of the time.
"""

from __future__ import annotations

import pytest
from beartype import BeartypeConf
from beartype.claw import beartype_packages

WITHOUT_ARRAYS = (
    "tacit.config",
    "tacit.deprecation",
    "tacit.offers",
    "tacit.plugin",
    "tacit.scaffold",
)
AS_WRITTEN = ("tacit.plugin._hooks",)
"""Their signatures are compared with those on the page; beartype's are others."""

beartype_packages(
    WITHOUT_ARRAYS,
    conf=BeartypeConf(claw_is_pep526=False, claw_skip_package_names=AS_WRITTEN),
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
