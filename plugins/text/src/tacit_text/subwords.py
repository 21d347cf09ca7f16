"""A batch of tokenised texts."""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from jaxtyping import Bool, Int
from torch import Tensor


@dataclass(frozen=True, kw_only=True, eq=False)
class Subwords:
    """Texts as numbers, padded to the longest of their batch.

    Args:
        ids: of the tokens; the padding token where a row has ended.
        attended: False where a row is padding.
        content: False where a row is padding or a token is special (class, separator ...): what
            no mask may hide and no corruption may change.
        words: which word of its text each token belongs to, counted from 0; special tokens and
            padding have 0 and mean nothing.
    """

    ids: Int[Tensor, "batch tokens"]
    attended: Bool[Tensor, "batch tokens"]
    content: Bool[Tensor, "batch tokens"]
    words: Int[Tensor, "batch tokens"]

    def __len__(self) -> int:
        return int(self.ids.shape[0])

    def to(self, device: torch.device, non_blocking: bool = False) -> Subwords:
        """On another device."""
        moved = {
            name: value.to(device, non_blocking=non_blocking)
            for name, value in self.__dict__.items()
        }
        return Subwords(**moved)

    def with_ids(self, ids: Int[Tensor, "batch tokens"]) -> Subwords:
        """The same places with other tokens in them."""
        return replace(self, ids=ids)
