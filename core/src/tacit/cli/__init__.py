"""The command line: one verb a module, imported when the verb is used."""

from __future__ import annotations

from tacit.cli._main import main

__all__ = ["main"]
