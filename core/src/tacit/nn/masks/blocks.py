"""Groups of neighbouring tokens hidden together: blocks, spans and tubes."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from tacit.contract import Mask, MaskMode
from tacit.nn.masks.cells import check_cells
from tacit.nn.masks.places import boxes, inside
from tacit.nn.masks.random import RandomMask
from tacit.nn.masks.sampler import MaskSampler, by, check_ratio, first_hidden


@dataclass(frozen=True, kw_only=True)
class BlockMask(MaskSampler):
    """Hides blocks of neighbouring tokens, of random sides and places, until a share is hidden.

    Rectangles on two axes, spans on one, also of rows of different lengths. Packed tokens have no
    neighbours, and are hidden one by one. The last block is cut so that rows of one length hide the
    same number.

    Args:
        ratio: share to hide, in (0, 1), rounded up.
        sides: least and greatest side of a block, as shares of the axis, in (0, 1]; drawn for each
            axis by itself. GMML has sides up to 0.3 and hides up to 0.7; BEiT hides 0.4 in larger
            blocks.

    Raises:
        ValueError: numbers out of range.

    Source: Atito et al. 2022 (arXiv 2205.14986), GMML, section 3.2; Bao et al. 2022 (arXiv
        2106.08254), BEiT, algorithm 1. Differs: all blocks of all rows are drawn at once and
        taken in order; sides are drawn evenly, where BEiT draws area and aspect.
    """

    kind: ClassVar[str] = "block"
    packs: ClassVar[bool] = True
    ratio: float = 0.5
    sides: tuple[float, float] = (0.15, 0.5)

    def __post_init__(self) -> None:
        check_ratio(self.ratio)
        if not 0 < self.sides[0] <= self.sides[1] <= 1:
            raise ValueError(f"sides: wanted 0 < least <= greatest <= 1; got {self.sides}")

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
        """A mask of `(rows, tokens)`; see `MaskSampler`.

        Raises:
            ValueError: see `check`; or padded rows on two axes or more.
        """
        self.check(grid, mode)
        if valid is not None and len(grid) > 1:
            raise ValueError(f"mask: rows of different lengths lie in a line; got {by(grid)}")
        blocks = _enough(self.ratio, (sum(self.sides) / 2) ** len(grid))
        draws = _uniform((2, len(grid), rows, blocks), generator)
        there = None if valid is None else valid.sum(1, keepdim=True)
        least, most = self.sides
        sides = [
            (size if there is None else there) * (least + (most - least) * draws[0, axis])
            for axis, size in enumerate(grid)
        ]
        covered = boxes(sides, draws[1], grid, there)
        noise = _uniform((rows, math.prod(grid)), generator)
        return first_hidden(_order(covered, noise), self.ratio, mode, valid)

    def packed(self, tokens: int, *, mode: MaskMode, generator: torch.Generator) -> Mask:
        """A mask of `(tokens,)` over all packed tokens of a batch, which share the ratio."""
        return RandomMask(ratio=self.ratio).packed(tokens, mode=mode, generator=generator)


@dataclass(frozen=True, kw_only=True)
class SpanMask(MaskSampler):
    """Hides spans of a fixed length on a line of tokens, until a share is hidden.

    Spans may overlap; the last is cut so that rows of one length hide the same number.

    Args:
        ratio: share to hide, in (0, 1), rounded up.
        length: tokens of a span. wav2vec 2.0 and HuBERT have 10 frames.

    Raises:
        ValueError: numbers out of range.

    Source: Baevski et al. 2020 (arXiv 2006.11477) section 4.2; fairseq data_utils
        `compute_mask_indices`. Differs: a share is hidden and not starts drawn with a
        probability, so that no row hides nothing.
    """

    kind: ClassVar[str] = "span"
    ratio: float = 0.5
    length: int = 10

    def __post_init__(self) -> None:
        check_ratio(self.ratio)
        if self.length < 1:
            raise ValueError(f"length: wanted at least 1; got {self.length}")

    def check(self, grid: Sequence[int], mode: MaskMode) -> None:
        """Refuse tokens that do not lie in a line, or a line no longer than a span."""
        if len(grid) != 1 or grid[0] <= self.length:
            raise ValueError(
                f"mask: spans of {self.length} need a line of more tokens; got {by(grid)}: "
                "set a shorter length, or kind='block'"
            )

    def __call__(
        self,
        rows: int,
        grid: Sequence[int],
        *,
        mode: MaskMode,
        generator: torch.Generator,
        valid: Bool[Tensor, "batch tokens"] | None = None,
    ) -> Mask:
        """A mask of `(rows, tokens)`; see `MaskSampler`.

        Rows shorter than a span hide their share of it.

        Raises:
            ValueError: see `check`.
        """
        self.check(grid, mode)
        (tokens,) = grid
        blocks = max(_enough(self.ratio, self.length / tokens), tokens // self.length)
        start = _uniform((rows, blocks), generator)
        noise = _uniform((rows, tokens), generator)
        there = torch.full((rows, 1), tokens, device=start.device)
        if valid is not None:
            there = valid.sum(1, keepdim=True)
        covered = inside(torch.full_like(start, self.length), start, tokens, there)
        return first_hidden(_order(covered, noise), self.ratio, mode, valid)


@dataclass(frozen=True, kw_only=True)
class TubeMask(MaskSampler):
    """Hides the same tokens all along one axis: tubes through time, or whole bands and frames.

    Args:
        ratio: share to hide, in (0, 1), rounded up to whole tubes.
        axis: of the grid, along which a tube runs.
        block: side of a tube on the other axes, in tokens.

    Raises:
        ValueError: numbers out of range.

    Source: Tong et al. 2022 (arXiv 2203.12602), VideoMAE, section 3.3.
    """

    kind: ClassVar[str] = "tube"
    ratio: float = 0.75
    axis: int = 0
    block: int = 1

    def __post_init__(self) -> None:
        check_ratio(self.ratio)
        if self.block < 1 or self.axis < 0:
            raise ValueError(
                f"mask: wanted block of at least 1 and axis of at least 0; got {self.block} and "
                f"{self.axis}"
            )

    def check(self, grid: Sequence[int], mode: MaskMode) -> None:
        """Refuse a grid without that axis, or without another."""
        if len(grid) < 2 or self.axis >= len(grid):
            raise ValueError(
                f"mask: tubes along axis {self.axis} need it and another; the tokens lie {by(grid)}"
            )
        check_cells(self._across(grid), self.block, mode)

    def __call__(
        self,
        rows: int,
        grid: Sequence[int],
        *,
        mode: MaskMode,
        generator: torch.Generator,
        valid: Bool[Tensor, "batch tokens"] | None = None,
    ) -> Mask:
        """A mask of `(rows, tokens)`; see `MaskSampler`.

        Raises:
            ValueError: see `check`; or padded rows.
        """
        self.check(grid, mode)
        if valid is not None:
            raise ValueError("mask: rows of different lengths: wanted kind='random' or 'span'")
        across = self._across(grid)
        flat = RandomMask(ratio=self.ratio, block=self.block)(
            rows, across, mode=mode, generator=generator
        )
        plane: Tensor = flat.hidden.view(rows, *across).unsqueeze(1 + self.axis)
        hidden = plane.expand(rows, *grid).flatten(1)
        count = flat.hidden_per_row
        return Mask(hidden, mode, None if count is None else count * grid[self.axis])

    def _across(self, grid: Sequence[int]) -> tuple[int, ...]:
        return tuple(size for axis, size in enumerate(grid) if axis != self.axis)


def _enough(ratio: float, share: float) -> int:
    """How many blocks of a share of the tokens hide the ratio, with some to spare."""
    if share >= 1:
        return 4
    return 4 + math.ceil(2 * math.log(1 - ratio) / math.log(1 - share))


def _uniform(shape: tuple[int, ...], generator: torch.Generator) -> Tensor:
    return torch.rand(shape, generator=generator, device=generator.device)


def _order(
    covered: Bool[Tensor, "batch blocks tokens"], noise: Float[Tensor, "batch tokens"]
) -> Float[Tensor, "batch tokens"]:
    """In which order tokens are hidden: block by block, then whatever no block covers."""
    blocks, tokens = covered.shape[1:]
    number = torch.arange(blocks, device=covered.device)[:, None]
    first = torch.where(covered, number, blocks).amin(1)
    place = torch.arange(tokens, device=covered.device) / tokens
    return first + torch.where(first < blocks, place, noise)
