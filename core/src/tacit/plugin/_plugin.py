"""What became of an installed plugin, and the errors that tell of it."""

from __future__ import annotations

import traceback
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import pluggy

from tacit.plugin._offer import Offer, Owner

_MACHINERY = (str(Path(pluggy.__file__).parent), str(Path(__file__).parent))


@dataclass(frozen=True, kw_only=True)
class Plugin:
    """An installed plugin after loading: taken whole, or refused with the reason."""

    owner: Owner
    """Its name, distribution and version."""
    state: Literal["ok", "broken", "off"] = "ok"
    """``off`` is left out by an allow or block list."""
    reason: str = ""
    """Why it is broken or off."""
    remedy: str = ""
    """A command that mends it."""
    offers: Mapping[str, tuple[Offer, ...]] = field(default_factory=dict)
    """By kind; empty unless ``ok``."""
    cpu_ms: float = 0.0
    """CPU time its import and its offers took, in milliseconds."""

    @property
    def name(self) -> str:
        """The entry point's name."""
        return self.owner.plugin


class PluginError(ValueError):
    """A plugin that cannot be used, in strict mode or when something of it is asked for."""

    def __init__(self, plugin: Plugin) -> None:
        super().__init__(
            f"plugin {plugin.name!r} ({plugin.owner}): {plugin.reason}; try: {plugin.remedy}"
        )
        self.plugin = plugin


class Refusal(Exception):
    """Why one plugin is not taken; never leaves the loader."""

    def __init__(self, reason: str, remedy: str) -> None:
        super().__init__(reason)
        self.reason = reason
        self.remedy = remedy


@contextmanager
def refusing(what: str, remedy: str) -> Iterator[None]:
    """Turn anything a plugin's own code raises into a :class:`Refusal`.

    SystemExit counts as a plugin's fault (a script imported by mistake raises it); an interrupt
    from the keyboard is the user's and passes.
    """
    try:
        yield
    except (KeyboardInterrupt, Refusal):
        raise
    except BaseException as error:
        raise Refusal(f"{what}: {describe(error)}", remedy) from error


def describe(error: BaseException) -> str:
    """The error in one line, with the place in the plugin that it came from."""
    text = " ".join(f"{type(error).__name__}: {error}".split()).removesuffix(":")
    frames = [
        frame
        for frame in traceback.extract_tb(error.__traceback__)
        if "importlib" not in frame.filename and not frame.filename.startswith(_MACHINERY)
    ]
    if not frames:
        return text
    return f"{text} ({Path(frames[-1].filename).name}, line {frames[-1].lineno})"
