"""Which source a bare path or name means."""

from __future__ import annotations

import warnings
from collections.abc import Collection, Mapping

from tacit.data.source import GeneratedSource, Source


def recognise(
    given: str,
    sources: Mapping[str, type[Source] | type[GeneratedSource]],
    *,
    wanted: Collection[str] = (),
    advice: str = "",
) -> str:
    """The name of the one source that recognises what was given.

    Args:
        given: what the user gave in place of data: a path, or a name on a hub.
        sources: name to class of the sources in question.
        wanted: modalities the run is for, if that is known. They choose among several sources; what
            one alone recognises is its own, and whoever reads on says why it does not fit.
        advice: what to do if none does and there is a better answer than the list of sources.

    Raises:
        ValueError: no source recognises it, or several do; lists the candidates.
    """
    found = {
        name: source
        for name, source in sources.items()
        if issubclass(source, Source) and _recognises(name, source, given)
    }
    if not found:
        raise ValueError(
            f"data {given!r}: no such path, or nothing in it that an installed source reads"
            + (advice or f". Check the path, or name a source: {', '.join(sorted(sources))}")
        )
    left = found
    if len(found) > 1 and wanted:
        left = {name: source for name, source in found.items() if {*wanted} & {*_kinds(source)}}
    if len(left) == 1:
        return next(iter(left))
    raise _undecided(given, left or found, () if left else wanted)


def _undecided(
    given: str, found: Mapping[str, type[Source]], lacking: Collection[str]
) -> ValueError:
    """Who can read it, and how to choose."""
    names = sorted(found)
    listed = ", ".join(f"{name} ({' + '.join(_kinds(found[name])) or 'any'})" for name in names)
    spelt = " ".join(f"data.{k}={v}" for k, v in found[names[0]].options(given).items())
    none = f", none of them as {' or '.join(sorted(lacking))}" if lacking else ""
    return ValueError(
        f"data {given!r}: several sources can read it: {listed}{none}. Name the one you mean, as "
        f"in --data {names[0]} {spelt}, or a method or an encoder of its modality"
    )


def _kinds(source: type[Source]) -> tuple[str, ...]:
    """The modalities of a class of sources; none where only its settings say."""
    return tuple(getattr(source, "modalities", ()))


def _recognises(name: str, source: type[Source], given: str) -> bool:
    try:
        return source.recognises(given)
    except Exception as error:  # of one source: no reason not to ask the others
        told = f"left out: {name} failed to look at {given!r}: {type(error).__name__}: {error}"
        warnings.warn(told, RuntimeWarning, stacklevel=3)
        return False
