"""The order of the tests: files that take long begin, so that the processes end together."""

from __future__ import annotations

import pytest

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
