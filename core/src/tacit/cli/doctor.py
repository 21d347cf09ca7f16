"""Find what is broken here, and the command that mends each.

Looks at plugins, versions, devices and the working folder. The exit status is 1 if something
needs mending.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterable
from dataclasses import asdict

from tacit.cli._environment import Finding, devices, versions, working_folder
from tacit.cli._table import section
from tacit.plugin import Plugin, load_plugins

# A healthy plugin's offers take a few milliseconds; a second is an import of something heavy.
_SLOW_MS = 500.0


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what ``tacit doctor`` takes."""
    parser.add_argument("--json", action="store_true", help="print the same as JSON")


def run(args: argparse.Namespace) -> int:
    """Print the findings; 1 if any needs mending."""
    catalogue = load_plugins()
    missing = [Finding(what=n, found=f"not installed: {c}") for n, c in catalogue.missing.items()]
    report = {
        "plugins": [*map(_plugin, catalogue.plugins), *missing],
        "versions": versions(),
        "environment": [*devices(), working_folder()],
    }
    if args.json:
        import json

        print(json.dumps({k: [asdict(f) for f in found] for k, found in report.items()}, indent=2))
    else:
        print("\n".join(section(title, _lines(found)) for title, found in report.items()).rstrip())
    return int(any(finding.fault for found in report.values() for finding in found))


def _plugin(plugin: Plugin) -> Finding:
    found = f"{plugin.owner}, {plugin.state}"
    if plugin.state == "broken":
        return Finding(what=plugin.name, found=found, fault=plugin.reason, remedy=plugin.remedy)
    if plugin.state == "off":
        return Finding(what=plugin.name, found=f"{found}: {plugin.reason}")
    if plugin.cpu_ms > _SLOW_MS:
        fault = f"slow: its offers take {plugin.cpu_ms:.0f} ms; heavy imports belong in targets"
        return Finding(
            what=plugin.name,
            found=found,
            fault=fault,
            remedy=f"pip install --upgrade {plugin.owner.distribution}",
        )
    return Finding(what=plugin.name, found=found)


def _lines(findings: Iterable[Finding]) -> str:
    lines = []
    for finding in findings:
        lines.append(f"{finding.what:<14} {finding.found}")
        if finding.fault:
            lines += [f"  fault: {finding.fault}", f"  try:   {finding.remedy}"]
    return "\n".join(lines)
