"""What a run would find here: requirements, devices, a folder to write in."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

# In a process of its own, so that a torch that crashes is a finding and not the end of the doctor.
_PROBE = """
import json, torch
cuda = [torch.cuda.get_device_name(i) for i in range(torch.cuda.device_count())]
mps = ["mps"] if torch.backends.mps.is_available() else []
print(json.dumps([*cuda, *mps, f"cpu, {torch.get_num_threads()} threads"]))
"""
_PROBE_SECONDS = 120  # A cold import from a network disk takes most of a minute.


@dataclass(frozen=True, kw_only=True)
class Finding:
    """One line of the doctor's report."""

    what: str
    found: str
    fault: str = ""
    """What is wrong; empty if nothing is."""
    remedy: str = ""
    """The command that mends it."""


def versions() -> list[Finding]:
    """Python, the core, and each requirement of the core, compared with what is installed."""
    python = Finding(what="python", found=sys.version.split()[0])
    core = Finding(what="tacit", found=metadata.version("tacit"))
    return [python, core, *map(_requirement, _core_requirements())]


def devices() -> list[Finding]:
    """Where torch can compute, best first."""
    command = [sys.executable, "-c", _PROBE]
    try:
        probe = subprocess.run(command, capture_output=True, text=True, timeout=_PROBE_SECONDS)
    except subprocess.TimeoutExpired:
        return [_no_devices(f"importing torch took more than {_PROBE_SECONDS} s")]
    if probe.returncode:
        words = (probe.stderr.strip() or f"it ended with status {probe.returncode}").split("\n")
        return [_no_devices(words[-1])]
    names: list[str] = json.loads(probe.stdout.splitlines()[-1])
    return [Finding(what="device", found=name) for name in names]


def working_folder() -> Finding:
    """Whether a run could write where the command was given."""
    here = Path.cwd()
    try:
        with tempfile.TemporaryFile(dir=here):
            return Finding(what="folder", found=f"{here} (writable)")
    except OSError as error:
        return Finding(
            what="folder", found=str(here), fault=f"not writable: {error}", remedy="pass --out DIR"
        )


def _core_requirements() -> list[str]:
    # Those of an extra carry a marker that names it, and ask for nothing here.
    lines = metadata.requires("tacit") or []
    return [line for line in lines if not re.search(r";.*\bextra\b", line)]


def _requirement(line: str) -> Finding:
    from packaging.requirements import Requirement

    wanted = Requirement(line)
    remedy = f"pip install --upgrade '{wanted.name}{wanted.specifier}'"
    try:
        found = metadata.version(wanted.name)
    except metadata.PackageNotFoundError:
        return Finding(what=wanted.name, found="missing", fault="not installed", remedy=remedy)
    if wanted.specifier.contains(found, prereleases=True):
        return Finding(what=wanted.name, found=found)
    fault = f"wanted {wanted.specifier}"
    return Finding(what=wanted.name, found=found, fault=fault, remedy=remedy)


def _no_devices(fault: str) -> Finding:
    remedy = "pip install --upgrade --force-reinstall torch"
    return Finding(what="device", found="none", fault=fault, remedy=remedy)
