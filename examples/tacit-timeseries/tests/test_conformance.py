"""What is true of every plugin of tacit is true of this one."""

from __future__ import annotations

import pytest

from tacit.testing import Case, Report, cases

CASES = cases("tacit-timeseries")


@pytest.mark.parametrize("case", CASES, ids=str)
def test_conforms(case: Case) -> None:
    case()


def test_enough_checks_apply() -> None:
    quick = [case.result() for case in CASES if not case.check.slow]
    assert not Report(quick).shortfall
