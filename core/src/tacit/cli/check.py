"""Try an installed package against the contract.

Runs the conformance suite on everything the package offers. The exit status is 1 if a check fails,
or if too few of them ran to mean anything.
"""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from tacit.cli._table import table

if TYPE_CHECKING:
    from tacit.testing import Report


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what ``tacit check`` takes."""
    parser.add_argument("package", help="name of a distribution or plugin; tacit is the core")
    parser.add_argument("--quick", action="store_true", help="leave out what takes seconds")
    parser.add_argument("--json", action="store_true", help="print every result as JSON")
    parser.add_argument(
        "--floor",
        type=float,
        default=0.5,
        help="smallest share of the checks that must have run (default 0.5)",
    )


def run(args: argparse.Namespace) -> int:
    """Print the results; 1 if the package does not pass."""
    from tacit.testing import conformance

    if not 0 <= args.floor <= 1:
        raise ValueError(f"--floor: wanted a share from 0 to 1; got {args.floor}")
    report = conformance(args.package, quick=args.quick, floor=args.floor)
    print(_as_json(report) if args.json else _as_text(report))
    return int(not report.passed)


def _as_json(report: Report) -> str:
    import json

    summary = {"passed": report.passed, "ran": report.ran, "shortfall": report.shortfall}
    return json.dumps({**summary, "results": [vars(each) for each in report.results]}, indent=2)


def _as_text(report: Report) -> str:
    subjects = dict.fromkeys((each.kind, each.subject) for each in report.results)
    rows = []
    for kind, subject in subjects:
        own = [
            each.state for each in report.results if (each.kind, each.subject) == (kind, subject)
        ]
        counts = [str(own.count(state)) for state in ("passed", "failed", "skipped")]
        rows.append((kind, subject, *counts))
    parts = [table(("kind", "name", "passed", "failed", "skipped"), rows)]
    for state in ("skipped", "failed"):
        lines = [
            f"{state}: {each.subject}: {each.check}: {each.reason}"
            for each in report.results
            if each.state == state
        ]
        parts.append("\n".join(lines))
    last = f"{report.ran} of {len(report.results)} checks ran, {len(report.of('failed'))} failed"
    parts.append(last + (f"; not enough: {report.shortfall}" if report.shortfall else ""))
    return "\n\n".join(part for part in parts if part)
