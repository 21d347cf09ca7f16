"""Taking one plugin: whole, or not at all."""

from __future__ import annotations

import inspect
import time
from collections import Counter

import pluggy

from tacit.plugin._discovery import CORE, Candidate
from tacit.plugin._hooks import KINDS, Hooks, hook_names
from tacit.plugin._offer import WORD_PATTERN, Offer
from tacit.plugin._patience import ask
from tacit.plugin._plugin import Plugin, Refusal, refusing
from tacit.plugin._requirement import version_conflict
from tacit.plugin._suggest import did_you_mean


def take(
    manager: pluggy.PluginManager, candidate: Candidate, core_version: str, seconds: float
) -> Plugin:
    """Import a plugin, register its hooks and collect its offers.

    Args:
        manager: where its hooks are registered.
        candidate: the plugin.
        core_version: what it must have been made for.
        seconds: how long its import may take, and its hooks together.

    Raises:
        Refusal: with the reason; the manager is then as it was before.
    """
    started = time.process_time()
    _check_before_import(candidate, core_version)
    try:
        with refusing("it cannot be taken", _silence(candidate)):
            _register(manager, candidate, seconds)
            offers = _collect_all(manager, candidate, seconds)
    except BaseException:
        if manager.has_plugin(candidate.name):
            manager.unregister(name=candidate.name)
        raise
    cpu_ms = 1000 * (time.process_time() - started)
    return Plugin(owner=candidate.owner, offers=offers, cpu_ms=cpu_ms)


def _check_before_import(candidate: Candidate, core_version: str) -> None:
    if not WORD_PATTERN.fullmatch(candidate.name):
        reason = (
            f"its entry point is called {candidate.name!r}, but offers carry that name in front:"
            " wanted lower-case letters and digits, joined by '-', '_' or '.'"
        )
        raise Refusal(reason, _silence(candidate))
    upgrade = f"pip install --upgrade {CORE} {candidate.owner.distribution}"
    with refusing("its requirements cannot be read", upgrade):
        conflict = version_conflict(candidate.requires, core_version)
    if conflict:
        raise Refusal(f"needs {conflict}; installed is {CORE} {core_version}", upgrade)


def _register(manager: pluggy.PluginManager, candidate: Candidate, seconds: float) -> None:
    reinstall = f"pip install --upgrade --force-reinstall {candidate.owner.distribution}"
    with refusing(f"{candidate.entry.value} cannot be imported", reinstall):
        plugin = ask(candidate.entry.load, seconds)
    if manager.is_registered(plugin):
        reason = f"{candidate.entry.value} is already plugin {manager.get_name(plugin)!r}"
        raise Refusal(reason, _silence(candidate))
    with refusing("a hook does not fit its specification", _silence(candidate)):
        manager.register(plugin, candidate.name)
    _check_hooks(manager, candidate, plugin)


def _check_hooks(manager: pluggy.PluginManager, candidate: Candidate, plugin: object) -> None:
    """What pluggy lets pass: hooks that do not exist, marks forgotten, wrappers of nothing."""
    known = hook_names(manager)
    callers = manager.get_hookcallers(plugin) or []
    for caller in callers:
        own = [each for each in caller.get_hookimpls() if each.plugin is plugin]
        if not caller.has_spec() and not all(each.optionalhook for each in own):
            reason = f"there is no hook {caller.name!r}{did_you_mean(caller.name, known)}"
            raise Refusal(reason, _silence(candidate))
        if any(each.wrapper or each.hookwrapper for each in own):
            reason = f"{caller.name} is a wrapper, but each plugin is asked alone"
            raise Refusal(reason, _silence(candidate))
    implemented = {caller.name for caller in callers}
    for name in set(known) - implemented:
        function = inspect.getattr_static(plugin, name, None)
        if inspect.isfunction(function) and function is not vars(Hooks)[name]:
            raise Refusal(f"{name} is not marked with @hookimpl", _silence(candidate))
    if not callers:
        raise Refusal(f"{candidate.entry.value} implements no hook", _silence(candidate))


def _collect_all(
    manager: pluggy.PluginManager, candidate: Candidate, seconds: float
) -> dict[str, tuple[Offer, ...]]:
    found: dict[str, tuple[Offer, ...]] = {}
    callers = manager.get_hookcallers(manager.get_plugin(candidate.name)) or []
    implemented = {caller.name for caller in callers}

    def every() -> None:
        for kind in KINDS:
            asked = f"tacit_{kind}" in implemented
            found[kind] = _collect(manager, candidate, kind) if asked else ()

    try:
        ask(every, seconds)
    except TimeoutError:
        hanging = next(kind for kind in KINDS if kind not in found)
        with refusing(f"tacit_{hanging} failed", _silence(candidate)):
            raise
    return found


def _collect(manager: pluggy.PluginManager, candidate: Candidate, kind: str) -> tuple[Offer, ...]:
    hook = f"tacit_{kind}"
    others = manager.get_plugins() - {manager.get_plugin(candidate.name)}
    with refusing(f"{hook} failed", _silence(candidate)):
        caller = manager.subset_hook_caller(hook, remove_plugins=others)
        answers = caller()
    # pluggy drops None, which is what a forgotten return gives.
    if len(answers) < len(caller.get_hookimpls()):
        raise Refusal(f"{hook} returned None, wanted a list of Offer", _silence(candidate))
    offers = [offer for answer in answers for offer in _checked(candidate, kind, answer)]
    for name, count in Counter(offer.name for offer in offers).items():
        if count > 1:
            raise Refusal(f"{hook} offers {name!r} {count} times", _silence(candidate))
    return tuple(offer.of(candidate.owner) for offer in offers)


def _checked(candidate: Candidate, kind: str, answer: object) -> list[Offer]:
    hook = f"tacit_{kind}"
    if not isinstance(answer, list):
        got = type(answer).__name__
        raise Refusal(f"{hook} returned a {got}, wanted a list of Offer", _silence(candidate))
    for offer in answer:
        if not isinstance(offer, Offer):
            got = type(offer).__name__
            raise Refusal(f"{hook} lists a {got}, wanted only Offer", _silence(candidate))
        fault = _fault(candidate, kind, offer)
        if fault:
            raise Refusal(f"{hook} offers {offer.name!r}{fault}", _silence(candidate))
    return answer


def _fault(candidate: Candidate, kind: str, offer: Offer) -> str:
    if candidate.name == CORE:
        if "/" in offer.name:
            return ", but the core's own names are bare"
    elif not offer.name.startswith(f"{candidate.name}/"):
        return f", but its names must start with '{candidate.name}/'"
    if kind == "modalities" and offer.modality != {offer.word}:
        return f", whose modality must be frozenset({{{offer.word!r}}})"
    if offer.owner is not None:
        return ", whose owner is set; the loader does that"
    return ""


def _silence(candidate: Candidate) -> str:
    # A fault in the plugin's own code: a newer release may mend it, blocking always quietens it.
    return (
        f"pip install --upgrade {candidate.owner.distribution},"
        f" or export TACIT_BLOCK={candidate.name}"
    )
