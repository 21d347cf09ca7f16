"""What a source of text yields: strings, which no tokenizer has touched."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import overload

import torch

GAP = "\ufffc"
"""Stands in a string where something was masked: Unicode's placeholder for what is not text.
Encoders read it as the mask token of their tokenizer, so that views need none."""


@dataclass(frozen=True, eq=False)
class Texts(Sequence[str]):
    """A batch of strings. Encoders tokenise them, since the tokenizer is theirs.

    Args:
        strings: one an instance.
    """

    strings: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.strings)

    @overload
    def __getitem__(self, item: int) -> str: ...
    @overload
    def __getitem__(self, item: slice) -> Texts: ...
    def __getitem__(self, item: int | slice) -> str | Texts:
        return Texts(self.strings[item]) if isinstance(item, slice) else self.strings[item]

    def to(self, device: torch.device, non_blocking: bool = False) -> Texts:
        """Itself: strings live in host memory."""
        return self
