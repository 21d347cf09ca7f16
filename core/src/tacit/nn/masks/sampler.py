"""What every mask sampler answers."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from tacit.contract import Mask, MaskMode


@dataclass(frozen=True, eq=False)
class Hiding:
    """One task of masked prediction: what the encoder may not see, and what it is asked for.

    Args:
        mask: hidden tokens.
        asked: those that are to be predicted: all hidden ones, or fewer.
    """

    mask: Mask
    asked: Bool[Tensor, "batch tokens"] | Bool[Tensor, " tokens"]


class MaskSampler(ABC):
    """Decides which tokens are hidden, on a grid of any number of axes.

    Batched tensor code on the generator's device: nothing is read back from it, and every row hides
    the same number of tokens where `drop` needs that. `packs` says whether it masks packed tokens.
    """

    packs: ClassVar[bool] = False

    @abstractmethod
    def check(self, grid: Sequence[int], mode: MaskMode) -> None:
        """Refuse, before training, a grid this cannot mask.

        Raises:
            ValueError: wanted and got.
        """

    @abstractmethod
    def __call__(
        self,
        rows: int,
        grid: Sequence[int],
        *,
        mode: MaskMode,
        generator: torch.Generator,
        valid: Bool[Tensor, "batch tokens"] | None = None,
    ) -> Mask:
        """A mask of `(rows, tokens)`.

        Args:
            rows: of the mask.
            grid: tokens along each axis; one number where they lie in a line.
            mode: what is to happen to hidden tokens.
            generator: the source of randomness.
            valid: False where a row is padding, which is never hidden.
        """

    def packed(self, tokens: int, *, mode: MaskMode, generator: torch.Generator) -> Mask:
        """A mask of `(tokens,)` over all packed tokens of a batch.

        Raises:
            ValueError: the sampler needs a grid.
        """
        raise ValueError(
            "mask: packed tokens lie on no grid: wanted kind='random' or 'block', got "
            f"{type(self).__name__}"
        )

    def hidings(
        self,
        rows: int,
        grid: Sequence[int],
        *,
        mode: MaskMode,
        generator: torch.Generator,
        valid: Bool[Tensor, "batch tokens"] | None = None,
    ) -> tuple[Hiding, ...]:
        """The tasks of one view; one, where a sampler does not say otherwise."""
        mask = self(rows, grid, mode=mode, generator=generator, valid=valid)
        return (Hiding(mask, mask.hidden),)


def ranks(noise: Float[Tensor, "batch cells"]) -> Int[Tensor, "batch cells"]:
    """The place of each number within its row, counted from 0."""
    return noise.argsort(dim=1).argsort(dim=1)


def number_of(ratio: float, cells: int) -> int:
    """How many cells a share is, rounded up; at least 1 and not all."""
    # The small number undoes rounding: 0.55 * 100 is a little more than 55.
    return min(max(math.ceil(ratio * cells - 1e-9), 1), cells - 1)


def first_hidden(
    order: Float[Tensor, "batch tokens"],
    ratio: float,
    mode: MaskMode,
    valid: Bool[Tensor, "batch tokens"] | None,
) -> Mask:
    """Hide a share of each row's tokens, those that come first in an order.

    Args:
        order: at least 0; padding comes last, whatever it has.
        ratio: share of a row's tokens, rounded up.
        mode: what is to happen to hidden tokens.
        valid: False where a row is padding; None if all rows are full.
    """
    count = number_of(ratio, order.shape[1])
    if valid is None:
        return Mask(ranks(order) < count, mode, count)
    there = valid.sum(1, keepdim=True)
    counts = (ratio * there.double() - 1e-9).ceil().clamp(min=1)
    place = ranks(torch.where(valid, order, torch.inf))
    return padded((place < torch.minimum(counts, there - 1)) & valid, count, mode, valid)


def padded(
    hidden: Bool[Tensor, "batch tokens"],
    count: int,
    mode: MaskMode,
    valid: Bool[Tensor, "batch tokens"],
) -> Mask:
    """A mask of rows of different lengths.

    Under `drop`, which needs the same number of tokens in every row, short rows keep padding in
    place of tokens.

    Args:
        hidden: tokens to be hidden, none of them padding.
        count: tokens that are hidden of the longest row.
        mode: what is to happen to hidden tokens.
        valid: False where a row is padding.
    """
    if mode != "drop":
        return Mask(hidden, mode, most=count)
    # Tokens to be hidden go first, then padding, then what is to be seen: cutting this order at
    # one place keeps the visible tokens of the longest row, and of shorter ones also padding.
    number = torch.arange(hidden.shape[1], device=hidden.device) / hidden.shape[1]
    kind = torch.where(hidden, 0.0, torch.where(valid, 2.0, 1.0))
    return Mask(ranks(kind + number) < count, mode, count)


def check_ratio(ratio: float) -> None:
    """Refuse a share that hides nothing or everything.

    Raises:
        ValueError: it is not between 0 and 1.
    """
    if not 0 < ratio < 1:
        raise ValueError(f"ratio: wanted more than 0 and less than 1; got {ratio}")


def by(grid: Sequence[int]) -> str:
    """A grid in words."""
    return " x ".join(map(str, grid))
