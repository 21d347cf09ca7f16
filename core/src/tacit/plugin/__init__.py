"""What plugins offer and how they are found.

This floor needs the standard library, pluggy and packaging and never imports torch, so that
listing what is installed stays fast. The entry point of a distribution, in the group
``tacit.plugins``, names a light module of functions marked :data:`hookimpl`; these return
:class:`Offer` lists, whose targets are imported when somebody asks for them.
"""

from __future__ import annotations

from tacit.plugin._catalogue import Catalogue
from tacit.plugin._grid import Cell
from tacit.plugin._hooks import KINDS, Hooks, Run, hookimpl
from tacit.plugin._lifecycle import Lifecycle, LifecycleError
from tacit.plugin._loader import load_plugins
from tacit.plugin._offer import Offer, OfferImportError, Owner
from tacit.plugin._plugin import Plugin, PluginError

__all__ = [
    "KINDS",
    "Catalogue",
    "Cell",
    "Hooks",
    "Lifecycle",
    "LifecycleError",
    "Offer",
    "OfferImportError",
    "Owner",
    "Plugin",
    "PluginError",
    "Run",
    "hookimpl",
    "load_plugins",
]
