"""Which source a bare path or name means."""

from __future__ import annotations

import warnings
from collections.abc import Mapping

from tacit.data.source import GeneratedSource, Source


def recognise(
    given: str, sources: Mapping[str, type[Source] | type[GeneratedSource]], *, advice: str = ""
) -> str:
    """The name of the one source that recognises what was given.

    Args:
        given: what the user gave in place of data: a path, or a name on a hub.
        sources: name to class of the sources in question, those of one modality if it is known.
        advice: what to do if none does and there is a better answer than the list of sources.

    Raises:
        ValueError: no source recognises it, or several do; lists the candidates.
    """
    found = [
        name
        for name, source in sources.items()
        if issubclass(source, Source) and _recognises(name, source, given)
    ]
    if len(found) == 1:
        return found[0]
    if found:
        raise ValueError(
            f"data {given!r}: several sources can read it: {', '.join(sorted(found))}. "
            "Name the one you mean"
        )
    raise ValueError(
        f"data {given!r}: no such path, or nothing in it that an installed source reads"
        + (advice or f". Check the path, or name a source: {', '.join(sorted(sources))}")
    )


def _recognises(name: str, source: type[Source], given: str) -> bool:
    try:
        return source.recognises(given)
    except Exception as error:  # of one source: no reason not to ask the others
        told = f"left out: {name} failed to look at {given!r}: {type(error).__name__}: {error}"
        warnings.warn(told, RuntimeWarning, stacklevel=3)
        return False
