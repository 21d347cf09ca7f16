"""Every first-party package passes the conformance suite; the suite says what it did."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace

import pytest

from tacit.cli import main
from tacit.plugin import load_plugins
from tacit.testing import Case, Check, Report, Result, cases, conformance
from tacit.testing.check import TRIED

FIRST_PARTY = ("tacit", "tacit-audio", "tacit-graph", "tacit-tabular", "tacit-text", "tacit-vision")


@pytest.mark.parametrize("package", FIRST_PARTY)
def test_a_package_of_ours_passes(package: str) -> None:
    report = conformance(package, quick=True)
    assert not [f"{r.subject}: {r.check}: {r.reason}" for r in report.of("failed")]
    assert not report.shortfall


def test_every_plugin_of_ours_is_among_them() -> None:
    installed = {plugin.owner.distribution for plugin in load_plugins().plugins}
    assert set(FIRST_PARTY) <= installed


def test_every_check_has_a_name_and_a_claim_of_its_own() -> None:
    checks = {case.check.name: case.check for case in [*cases("tacit"), *cases("vision")]}
    claims = [check.claim for check in checks.values()]
    assert all(claim.endswith(".") for claim in claims)
    assert len(set(claims)) == len(claims)


def test_nothing_that_runs_imports_the_suite() -> None:
    code = (
        "import sys, tacit, tacit.api, tacit.cli, tacit.training.loop, tacit.evaluation\n"
        "assert not [m for m in sys.modules if m.startswith('tacit.testing')]"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def holds(subject: object) -> None:
    """It holds."""


def breaks(subject: object) -> None:
    """It breaks."""
    raise AssertionError("it broke")


def report(*states: str, floor: float = 0.5) -> Report:
    made = [
        Result(kind="encoders", subject="a", check=str(n), claim="", state=state)  # type: ignore[arg-type]
        for n, state in enumerate(states)
    ]
    return Report(made, floor)


def test_a_suite_that_skips_nearly_everything_is_not_passed() -> None:
    assert report("passed", "passed", "skipped").passed
    assert "only 1 of 3 checks ran" in report("passed", "skipped", "skipped").shortfall
    assert not report("passed", "skipped", "skipped").passed
    assert report("passed", "skipped", "skipped", floor=0.3).passed
    assert not report().passed


def test_offers_that_need_settings_do_not_count_as_a_kind_of_which_nothing_ran() -> None:
    untried = Case("sources", "b", TRIED, ["path"]).result()
    assert (untried.state, untried.reason) == ("skipped", "it needs path")
    ran = report("passed", "passed").results
    assert Report([*ran, untried]).passed
    skipped = replace(untried, check="it-is-steady")
    assert Report([*ran, skipped]).shortfall == "no check of sources ran"


def test_a_failed_check_says_what_and_where() -> None:
    result = Case("encoders", "a", Check(breaks), None).result()
    assert (result.state, result.check, result.claim) == ("failed", "breaks", "It breaks.")
    assert "it broke" in result.reason
    assert "test_conformance.py" in result.reason
    assert Case("encoders", "a", Check(holds), None).result().state == "passed"


def test_the_command_answers_json_and_its_status(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", "tacit-tabular", "--quick", "--json"]) == 0
    answer = json.loads(capsys.readouterr().out)
    assert answer["passed"]
    assert answer["ran"] <= len(answer["results"])
    assert {"check", "claim", "state", "reason"} <= set(answer["results"][0])


def test_the_command_fails_below_the_floor(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", "tabular", "--quick", "--floor", "1"]) == 1
    assert "not enough" in capsys.readouterr().out
    assert main(["check", "tabular", "--floor", "2"]) == 2


def test_a_package_that_is_not_installed_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", "no-such"]) == 2
    assert "no plugin 'no-such' is installed" in capsys.readouterr().err
