"""Loading the installed plugins, so that a broken one harms nobody else.

pluggy's own ``load_setuptools_entrypoints`` stops at the first plugin that does not import and
hides the second of two with one name; hence this loader.
"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Collection, Sequence

import pluggy

from tacit.plugin._catalogue import Catalogue
from tacit.plugin._discovery import CORE, Candidate, core_candidate, discover
from tacit.plugin._distributions import canonical
from tacit.plugin._hooks import new_manager
from tacit.plugin._intake import take
from tacit.plugin._patience import patience
from tacit.plugin._plugin import Plugin, PluginError, Refusal
from tacit.plugin._selection import Rule, selection, strict_wanted

_KEPT: dict[tuple[object, ...], Catalogue] = {}
"""The last catalogue of which nothing was broken, by all that it depends on."""


def load_plugins(
    *, allow: Collection[str] | None = None, block: Collection[str] = (), strict: bool = False
) -> Catalogue:
    """Load every installed plugin that the allow and block lists admit.

    What is installed is looked up every time; where it has not changed since, and nothing was
    broken, the same catalogue is returned and no plugin is asked again.

    Args:
        allow: names of plugins or distributions; nothing else is loaded. None allows all, an
            empty list none. ``TACIT_PLUGINS=a,b`` is such a list too.
        block: names of plugins or distributions not to load. ``TACIT_BLOCK=a,b`` adds to it.
        strict: raise at the first broken plugin instead of recording it, as plugin authors and
            continuous integration want. ``TACIT_STRICT=1`` does the same.

    Returns:
        What is offered, by whom, and which plugins were refused and why.

    Raises:
        ValueError: if a list names nothing that is installed, or ``TACIT_PATIENCE`` is no time.
        PluginError: in strict mode, for the first broken plugin.
    """
    strict, seconds = strict_wanted() or strict, patience()
    candidates = discover()
    rules = selection(allow, block)
    key = (*sys.path, *candidates, *rules, strict, seconds)
    if (kept := _KEPT.get(key)) is not None:
        return kept
    for rule in rules:
        rule.check(candidates)
    manager = new_manager()
    core = core_candidate()
    core_version = core.owner.version
    own = take(manager, core, core_version, seconds)
    admitted, off = _select(candidates, rules)
    others = [_admit(manager, c, admitted, core_version, strict, seconds) for c in admitted]
    made = Catalogue(plugins=(own, *others, *off), manager=manager)
    if not made.broken:
        _KEPT.clear()
        _KEPT[key] = made
    return made


def _select(
    candidates: Sequence[Candidate], rules: Sequence[Rule]
) -> tuple[list[Candidate], list[Plugin]]:
    admitted, off = [], []
    for candidate in candidates:
        against = next((rule for rule in rules if not rule.admits(candidate)), None)
        if against is None:
            admitted.append(candidate)
        else:
            reason = f"left out by {against.origin}"
            remedy = f"{'put it on' if against.allows else 'take it off'} {against.origin}"
            off.append(Plugin(owner=candidate.owner, state="off", reason=reason, remedy=remedy))
    return admitted, off


def _admit(
    manager: pluggy.PluginManager,
    candidate: Candidate,
    admitted: Sequence[Candidate],
    core_version: str,
    strict: bool,
    seconds: float,
) -> Plugin:
    try:
        _check_name(candidate, admitted)
        return take(manager, candidate, core_version, seconds)
    except Refusal as refusal:
        broken = Plugin(
            owner=candidate.owner, state="broken", reason=refusal.reason, remedy=refusal.remedy
        )
        if strict:
            raise PluginError(broken) from refusal
        return broken


def _check_name(candidate: Candidate, admitted: Sequence[Candidate]) -> None:
    """Refuse the core's name and a name that several claim: taking either would be a guess."""
    rivals = [other for other in admitted if other.name == candidate.name]
    distributions = [rival.owner.distribution for rival in rivals]
    if candidate.name == CORE:
        remedy = f"pip uninstall {candidate.owner.distribution}"
        raise Refusal(f"the name {CORE!r} is the core's own", remedy)
    if len(rivals) > 1:
        owners = " and ".join(str(rival.owner) for rival in rivals)
        raise Refusal(f"{owners} both claim the name {candidate.name!r}", _settle(distributions))


def _settle(distributions: Sequence[str]) -> str:
    """How to keep one of several distributions with one plugin name."""
    if max(Counter(map(canonical, distributions)).values()) > 1:
        return f"pip install --upgrade {distributions[0]}"
    lines = []
    for kept in distributions:
        blocked = ",".join(sorted(set(distributions) - {kept}))
        lines.append(f"export TACIT_BLOCK={blocked} (keeps {kept})")
    return " or ".join(lines)
