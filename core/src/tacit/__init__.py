"""Pretrain encoders without labels, on any kind of data."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tacit.api import Run, load, pretrain

__all__ = ["Run", "load", "pretrain"]


def __getattr__(name: str) -> object:
    # On use, so that `tacit list`, which imports this package too, never waits for torch.
    if name in __all__:
        from tacit import api

        return getattr(api, name)
    raise AttributeError(f"module 'tacit' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
