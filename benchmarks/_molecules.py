"""Encoders of molecules and of their descriptions, the same in every table of them."""

from __future__ import annotations

from typing import Any

from tacit_graph.recipes import molecules_clip_v1

_ENCODERS: dict[str, dict[str, Any]] = dict(molecules_clip_v1().settings["encoder"])  # type: ignore[call-overload]
JOINED, TEXT = _ENCODERS["graph"], _ENCODERS["text"]
"""Of molecules the one with all layers side by side."""
GRAPH = {key: value for key, value in JOINED.items() if key != "join"}
