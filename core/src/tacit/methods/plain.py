"""Views that are no views: the value as it is, for methods that need nothing else of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch

from tacit.contract import Augmentation, View


@dataclass(frozen=True, kw_only=True)
class PlainConfig:
    """Nothing can be set."""


class Plain(Augmentation):
    """One view, the value itself: of any modality."""

    Config = PlainConfig
    roles = ("view",)

    def __init__(self, config: PlainConfig | None = None) -> None:
        self.config = config or PlainConfig()

    def __call__(self, value: Any, generator: torch.Generator) -> tuple[View, ...]:
        """The value, once."""
        return (View(value=value),)
