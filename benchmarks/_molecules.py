"""Encoders of molecules and of their descriptions, the same in every table of them."""

from __future__ import annotations

GRAPH: dict[str, object] = {"name": "graph/gin", "width": 128, "layers": 4, "norm": "batch"}
JOINED: dict[str, object] = {**GRAPH, "join": True}
"""With all layers side by side."""
TEXT: dict[str, object] = {
    "name": "text/words",
    "kind": "cbow",
    "width": 256,
    "max_tokens": 256,
    "truncate": True,
}
