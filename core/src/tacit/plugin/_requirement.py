"""Whether a plugin was made for this version of the core, read before it is imported."""

from __future__ import annotations

import re
from collections.abc import Iterable

_STARTS_WITH_CORE = re.compile(r"\s*tacit\s*(?:$|[^\w.\s-])", re.IGNORECASE)
_RELEASE = re.compile(r"\d+(?:\.\d+)*")
_BOUND = rf"(?:>=|<)\s*{_RELEASE.pattern}"
_PLAIN = re.compile(rf"\s*tacit\s*(?:{_BOUND}\s*(?:,\s*{_BOUND}\s*)*)?", re.IGNORECASE)


def version_conflict(requires: Iterable[str], core_version: str) -> str:
    """The requirement on the core that ``core_version`` does not meet, or an empty string.

    Args:
        requires: Requires-Dist lines of the plugin's distribution. Those whose marker does not
            hold here, such as those of an optional extra, ask for nothing.
        core_version: the version of the core that is installed. A pre-release counts as the
            version it leads to, or its developers could load no plugin.

    Raises:
        packaging.requirements.InvalidRequirement: if a line about the core cannot be read.
    """
    lines = [line for line in requires if _STARTS_WITH_CORE.match(line)]
    if all(_plainly_met(line, core_version) for line in lines):
        return ""
    from packaging.requirements import Requirement

    for requirement in map(Requirement, lines):
        applies = requirement.marker is None or requirement.marker.evaluate({"extra": ""})
        if applies and not requirement.specifier.contains(core_version, prereleases=True):
            return f"tacit{requirement.specifier}"
    return ""


def _plainly_met(line: str, version: str) -> bool:
    """Whether ``tacit>=0.1,<0.2`` is met, which is how nearly everyone asks.

    Told without packaging, whose import `tacit list` would wait for. Whatever is written in
    another way, or not met, is left to packaging.
    """
    if not _PLAIN.fullmatch(line) or not _RELEASE.fullmatch(version):
        return False
    core = _numbers(version)
    bounds = re.findall(rf"(>=|<)\s*({_RELEASE.pattern})", line)
    return all((core >= _numbers(to)) is (sign == ">=") for sign, to in bounds)


def _numbers(release: str) -> list[int]:
    numbers = [int(number) for number in release.split(".")]
    while numbers and not numbers[-1]:  # 1.0 is 1
        numbers.pop()
    return numbers
