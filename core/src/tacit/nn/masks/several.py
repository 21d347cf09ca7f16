"""Masks that go together: disjoint ones of one view, and targets apart from their context."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import torch
from jaxtyping import Bool
from torch import Tensor

from tacit.contract import Mask, MaskMode
from tacit.nn.masks.cells import cells_of, check_cells, grow, per_row
from tacit.nn.masks.places import boxes
from tacit.nn.masks.sampler import (
    Hiding,
    MaskSampler,
    by,
    check_ratio,
    number_of,
    padded,
    ranks,
)


@dataclass(frozen=True, kw_only=True)
class DisjointMask(MaskSampler):
    """Several masks of the same view, each hiding first what none before it hid.

    With `masks * ratio` of at least 1 every token is hidden, and so predicted, once at least; with
    2 masks of 0.5 exactly once.

    Args:
        ratio: share each mask hides, in (0, 1), rounded up.
        masks: how many; each costs a forward.
        block: side of the cells that are hidden together, in tokens.

    Raises:
        ValueError: numbers out of range.

    Source: Ma et al. 2023 (arXiv 2301.00230), DMJD, section 3.2: disjoint masking.
    """

    kind: ClassVar[str] = "disjoint"
    ratio: float = 0.6
    masks: int = 2
    block: int = 1

    def __post_init__(self) -> None:
        check_ratio(self.ratio)
        if self.masks < 2 or self.block < 1:
            raise ValueError(
                f"mask: wanted at least 2 masks and a block of at least 1; got {self.masks} and "
                f"{self.block}"
            )

    def check(self, grid: Sequence[int], mode: MaskMode) -> None:
        """Refuse a single cell, or cells cut off at the border under `drop`."""
        check_cells(grid, self.block, mode)

    def __call__(
        self,
        rows: int,
        grid: Sequence[int],
        *,
        mode: MaskMode,
        generator: torch.Generator,
        valid: Bool[Tensor, "batch tokens"] | None = None,
    ) -> Mask:
        """The first of the masks; see `hidings`."""
        return self.hidings(rows, grid, mode=mode, generator=generator, valid=valid)[0].mask

    def hidings(
        self,
        rows: int,
        grid: Sequence[int],
        *,
        mode: MaskMode,
        generator: torch.Generator,
        valid: Bool[Tensor, "batch tokens"] | None = None,
    ) -> tuple[Hiding, ...]:
        """All masks of each row.

        Raises:
            ValueError: see `check`; or padded rows.
        """
        self.check(grid, mode)
        if valid is not None:
            raise ValueError("mask: rows of different lengths: wanted kind='random' or 'span'")
        cells = math.prod(cells_of(grid, self.block))
        count = number_of(self.ratio, cells)
        noise = torch.rand(rows, cells, generator=generator, device=generator.device)
        place, made = ranks(noise), []
        for number in range(self.masks):  # each a window of one random order, the next after it
            hidden = grow((place - number * count) % cells < count, grid, self.block)
            mask = Mask(hidden, mode, per_row(count, grid, self.block))
            made.append(Hiding(mask, hidden))
        return tuple(made)


@dataclass(frozen=True, kw_only=True)
class MultiBlockMask(MaskSampler):
    """Several blocks are asked for, a part of the rest is seen: I-JEPA's targets and context.

    Rectangles on two axes, spans on one, also of rows of different lengths. What is neither asked
    for nor seen is left out.

    Args:
        blocks: how many; they may overlap.
        share: least and greatest share of the tokens in a block.
        aspect: least and greatest ratio of its first side to its second, on two axes or more,
            relative to the grid's.
        kept: share of the tokens that is seen, the same number in every row. Where the blocks leave
            fewer, some of what they cover is seen and not asked for.

    Raises:
        ValueError: numbers out of range.

    Source: Assran et al. 2023 (arXiv 2301.08243) section 3 and appendix A.1; facebookresearch/ijepa
        src/masks/multiblock.py. Differs: sides are drawn for each row and not for each batch; what
        is seen are tokens drawn from all the rest, where the authors cut a large context block to
        the least number of the batch, which would have to be read back from the device.
    """

    kind: ClassVar[str] = "multi-block"
    blocks: int = 4
    share: tuple[float, float] = (0.15, 0.2)
    aspect: tuple[float, float] = (0.75, 1.5)
    kept: float = 0.3

    def __post_init__(self) -> None:
        check_ratio(self.kept)
        if self.blocks < 1:
            raise ValueError(f"blocks: wanted at least 1; got {self.blocks}")
        if not 0 < self.share[0] <= self.share[1] < 1:
            raise ValueError(f"share: wanted 0 < least <= greatest < 1; got {self.share}")
        if not 0 < self.aspect[0] <= self.aspect[1]:
            raise ValueError(f"aspect: wanted 0 < least <= greatest; got {self.aspect}")

    def check(self, grid: Sequence[int], mode: MaskMode) -> None:
        """Refuse a grid of a single token."""
        check_cells(grid, 1, mode)

    def __call__(
        self,
        rows: int,
        grid: Sequence[int],
        *,
        mode: MaskMode,
        generator: torch.Generator,
        valid: Bool[Tensor, "batch tokens"] | None = None,
    ) -> Mask:
        """Everything but what is seen; see `hidings` for what is asked for."""
        return self.hidings(rows, grid, mode=mode, generator=generator, valid=valid)[0].mask

    def hidings(
        self,
        rows: int,
        grid: Sequence[int],
        *,
        mode: MaskMode,
        generator: torch.Generator,
        valid: Bool[Tensor, "batch tokens"] | None = None,
    ) -> tuple[Hiding, ...]:
        """One task a row.

        Raises:
            ValueError: see `check`; or padded rows on two axes or more.
        """
        self.check(grid, mode)
        if valid is not None and len(grid) > 1:
            raise ValueError(f"mask: rows of different lengths lie in a line; got {by(grid)}")
        wanted = self._blocks(rows, grid, generator, valid)
        return (_apart(wanted, self.kept, mode, generator, valid),)

    def _blocks(
        self,
        rows: int,
        grid: Sequence[int],
        generator: torch.Generator,
        valid: Bool[Tensor, "batch tokens"] | None,
    ) -> Bool[Tensor, "batch tokens"]:
        draws = torch.rand(
            2 + len(grid), rows, self.blocks, generator=generator, device=generator.device
        )
        share = self.share[0] + (self.share[1] - self.share[0]) * draws[0]
        low, high = (math.log(bound) for bound in self.aspect)
        stretch = (0.5 * (low + (high - low) * draws[1])).exp()
        there = None if valid is None else valid.sum(1, keepdim=True)
        sides = [(size if there is None else there) * share ** (1 / len(grid)) for size in grid]
        if len(grid) > 1:
            sides[0], sides[1] = sides[0] * stretch, sides[1] / stretch
        return boxes(sides, draws[2:], grid, there).any(1)


@dataclass(frozen=True, kw_only=True)
class SubsetMask(MaskSampler):
    """Some tokens are seen, others are asked for, both drawn one by one: for tokens in no order.

    Args:
        kept: share of the tokens that is seen, the same number in every row.
        asked: share that is to be predicted, of those not seen.

    Raises:
        ValueError: shares out of range.

    Source: Thimonier et al. 2024 (arXiv 2410.05016), T-JEPA, section 3; jose-melo/t-jepa,
        src/mask.py. Differs: the shares are fixed, where the authors draw them for each batch, and
        one set is asked for instead of several.
    """

    kind: ClassVar[str] = "subset"
    kept: float = 0.4
    asked: float = 0.4

    def __post_init__(self) -> None:
        check_ratio(self.kept)
        if not 0 < self.asked <= 1 - self.kept + 1e-9:
            raise ValueError(
                f"asked: wanted more than 0 and at most 1 - kept, {1 - self.kept:.3g}; "
                f"got {self.asked}"
            )

    def check(self, grid: Sequence[int], mode: MaskMode) -> None:
        """Refuse a single token."""
        check_cells(grid, 1, mode)

    def __call__(
        self,
        rows: int,
        grid: Sequence[int],
        *,
        mode: MaskMode,
        generator: torch.Generator,
        valid: Bool[Tensor, "batch tokens"] | None = None,
    ) -> Mask:
        """Everything but what is seen; see `hidings` for what is asked for."""
        return self.hidings(rows, grid, mode=mode, generator=generator, valid=valid)[0].mask

    def hidings(
        self,
        rows: int,
        grid: Sequence[int],
        *,
        mode: MaskMode,
        generator: torch.Generator,
        valid: Bool[Tensor, "batch tokens"] | None = None,
    ) -> tuple[Hiding, ...]:
        """One task a row.

        Raises:
            ValueError: see `check`; or padded rows.
        """
        self.check(grid, mode)
        if valid is not None:
            raise ValueError("mask: rows of different lengths: wanted kind='random' or 'span'")
        tokens = math.prod(grid)
        kept = number_of(self.kept, tokens)
        asked = min(max(round(self.asked * tokens), 1), tokens - kept)
        noise = torch.rand(rows, tokens, generator=generator, device=generator.device)
        place = ranks(noise)
        mask = Mask(place >= kept, mode, tokens - kept)
        return (Hiding(mask, (place >= kept) & (place < kept + asked)),)


def _apart(
    wanted: Bool[Tensor, "batch tokens"],
    share: float,
    mode: MaskMode,
    generator: torch.Generator,
    valid: Bool[Tensor, "batch tokens"] | None,
) -> Hiding:
    """See a share of the tokens, of those that are not wanted as long as there are any."""
    tokens = wanted.shape[1]
    kept = number_of(share, tokens)
    order = wanted + torch.rand(wanted.shape, generator=generator, device=generator.device)
    if valid is None:
        hidden = ranks(order) >= kept
        return Hiding(Mask(hidden, mode, tokens - kept), wanted & hidden)
    there = valid.sum(1, keepdim=True)
    seen = (share * there.double() - 1e-9).ceil().clamp(min=1)
    place = ranks(torch.where(valid, order, torch.inf))
    hidden = (place >= torch.minimum(seen, there - 1)) & valid
    return Hiding(padded(hidden, tokens - kept, mode, valid), wanted & hidden)
