"""A plugin made for another core is refused before it is imported."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

import pytest
from packaging.requirements import Requirement

from tacit.plugin import load_plugins
from tacit.plugin._requirement import version_conflict

if TYPE_CHECKING:
    from tests.core.plugin.conftest import Toys


@pytest.mark.parametrize(
    "line",
    [
        "tacit",
        "tacit>=0.1,<0.2",
        "tacit (>=0.1)",
        "tacit[all]>=0.1",
        "Tacit ~= 0.1.0",
        "tacit @ https://example.org/tacit.whl",
        "tacit>=9; extra == 'future'",
        "tacit>=9; python_version < '3'",
        "tacit-vision>=9",
        "tacit_extra>=9",
        "tacit.more>=9",
        "tacitly>=9",
        "not a requirement at all !!",
    ],
)
def test_what_this_core_meets_is_no_conflict(line: str) -> None:
    assert version_conflict([line], "0.1.4") == ""


@pytest.mark.parametrize(
    ("line", "conflict"),
    [
        ("tacit>=0.2", "tacit>=0.2"),
        ("tacit (<0.1)", "tacit<0.1"),
        ("tacit[all]>=0.2", "tacit>=0.2"),
        ("TACIT==0.1.3", "tacit==0.1.3"),
        ("tacit>=0.2; python_version >= '3'", "tacit>=0.2"),
    ],
)
def test_what_this_core_does_not_meet_is_named(line: str, conflict: str) -> None:
    assert version_conflict(["numpy>=1", line], "0.1.4") == conflict


def test_a_pre_release_of_the_core_meets_what_the_release_will() -> None:
    assert version_conflict(["tacit>=0.1"], "0.2.0.dev3") == ""


VERSIONS = [
    "0",
    "0.1",
    "0.1.0",
    "0.1.4",
    "0.2.0",
    "0.2.0.dev3",
    "0.2rc1",
    "1",
    "1.0.0",
    "1.0.post1",
]
LINES = [
    "tacit{} {} {}".format(*parts)
    for parts in itertools.product(
        ["", ">=0.1", ">= 0.1.0", ">=0", ">0.1", "~=0.1"],
        [",", " , "],
        ["<0.2", "<1.0.0", "<0.1.4"],
    )
    if parts[0]
]


@pytest.mark.parametrize("version", VERSIONS)
def test_what_is_told_without_packaging_is_what_packaging_tells(version: str) -> None:
    for line in ["tacit", *LINES]:
        met = Requirement(line).specifier.contains(version, prereleases=True)
        assert (version_conflict([line], version) == "") is met, line


def test_what_everyone_writes_needs_no_packaging(toys: Toys) -> None:
    code = """
        import sys
        from tacit.plugin._requirement import version_conflict
        assert version_conflict(["tacit>=0.1,<0.2", "numpy"], "0.1.0") == ""
        assert "packaging" not in sys.modules
    """
    answer = toys.python(code)
    assert answer.returncode == 0, answer.stderr


def test_a_plugin_for_another_core_is_not_even_imported(toys: Toys) -> None:
    toys.add("bad", "raise AssertionError('imported')", requires=["tacit>=99"])
    (bad,) = load_plugins().broken
    assert "needs tacit>=99; installed is tacit" in bad.reason
    assert bad.remedy == "pip install --upgrade tacit toy-bad"


def test_an_unreadable_requirement_on_the_core_is_the_plugins_fault(toys: Toys) -> None:
    toys.healthy("bad", requires=["tacit>=>1"])
    (bad,) = load_plugins().broken
    assert "its requirements cannot be read: InvalidRequirement" in bad.reason
