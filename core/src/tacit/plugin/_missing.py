"""Plugins the core knows by name and that are not installed: its own extras."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from tacit.plugin._discovery import CORE, core_distribution

_EVERYTHING = "all"


def missing_extras(installed: Collection[str]) -> tuple[str, ...]:
    """The extras of the core that bring a plugin which is not installed, in alphabetical order.

    An extra is called as the plugin it brings. The core's metadata lists them, so nothing here
    has to know any.

    Args:
        installed: names of plugins; also those that are broken or left out, since installing
            would not mend these.
    """
    extras = core_distribution().about("Provides-Extra")
    return tuple(sorted({*extras} - {_EVERYTHING, *installed}))


def install_command(extras: Iterable[str]) -> str:
    """What installs the plugins of these extras."""
    return f"pip install '{CORE}[{','.join(extras)}]'"
