"""Which anchor belongs with which key: the forms in which a contrastive loss takes its pairs.

A loss over `batch` anchors and `columns` keys has `batch * columns` pairs, too many to write down.
The common cases are known from one number a row (`Columns`) or one a row and one a column
(`Groups`), so that memory stays linear; a full mask or a function serve for all others. The loss
asks for a few rows at a time and gets a `Block`.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float, Int, Shaped
from torch import Tensor

MaskRows = Callable[[int, int], Shaped[Tensor, "chunk columns"]]
"""Rows `start` to `stop` of a mask over the keys of all ranks: true, or a positive weight, = pair.

Extra negatives are not among the columns. Called once for each chunk of anchors.
"""


@dataclass(frozen=True)
class Columns:
    """One key for each anchor, by its number among the keys of this rank.

    Attributes:
        index: the key of each anchor, from 0.
    """

    index: Int[Tensor, " batch"]


@dataclass(frozen=True)
class Groups:
    """Anchors and keys of equal number belong together: instances, clusters, classes, owners.

    Attributes:
        rows: the number of each anchor.
        columns: the number of each key of this rank; None where keys and anchors are the same
            instances in the same order. Numbers must mean the same on every rank.
    """

    rows: Int[Tensor, " batch"]
    columns: Int[Tensor, " rows"] | None = None


Pairs = Columns | Groups | Shaped[Tensor, "batch columns"] | MaskRows
"""All forms; a bare mask or function covers the keys of *all* ranks, in the order of the ranks."""


class Block(ABC):
    """The pairs of a few rows.

    A pair that was hidden from the loss holds the lowest finite number among the scores; it is
    never a positive, whatever a mask says.
    """

    @abstractmethod
    def hide_(self, scores: Float[Tensor, "chunk columns"]) -> None:
        """Put the lowest finite number at the pairs, in place."""

    @abstractmethod
    def mean(
        self, scores: Float[Tensor, "chunk columns"]
    ) -> tuple[Float[Tensor, " chunk"], Bool[Tensor, " chunk"]]:
        """The (weighted) mean score of each row's pairs, and whether it has any; 0 where not."""

    @abstractmethod
    def subtract_from_(self, values: Float[Tensor, "chunk columns"]) -> None:
        """Take from each row, in place, the weights that `mean` gave its pairs. Call after it."""

    @abstractmethod
    def contains(self, column: Int[Tensor, " chunk"]) -> Bool[Tensor, " chunk"]:
        """Whether each row's given column is one of its pairs."""


class ColumnBlock(Block):
    """One pair a row: nothing larger than the rows themselves is made."""

    def __init__(self, index: Int[Tensor, " chunk"]) -> None:
        self._index = index[:, None]
        self._weight: Tensor | None = None

    def hide_(self, scores: Float[Tensor, "chunk columns"]) -> None:  # noqa: D102
        scores.scatter_(1, self._index, lowest(scores))

    def mean(  # noqa: D102
        self, scores: Float[Tensor, "chunk columns"]
    ) -> tuple[Float[Tensor, " chunk"], Bool[Tensor, " chunk"]]:
        found = scores.gather(1, self._index).squeeze(1)
        present = ~(found <= lowest(scores))  # NaN is there: it must not be left out
        self._weight = present.to(scores.dtype)
        return torch.where(present, found, 0.0), present

    def subtract_from_(self, values: Float[Tensor, "chunk columns"]) -> None:  # noqa: D102
        assert self._weight is not None, "subtract_from_ comes after mean"
        values.scatter_add_(1, self._index, -self._weight[:, None])

    def contains(self, column: Int[Tensor, " chunk"]) -> Bool[Tensor, " chunk"]:  # noqa: D102
        return column == self._index.squeeze(1)


class MaskBlock(Block):
    """Any number of pairs a row, from a mask or from weights over the first columns."""

    def __init__(self, mask: Shaped[Tensor, "chunk columns"]) -> None:
        self._mask = mask
        self._weight: Tensor | None = None

    def hide_(self, scores: Float[Tensor, "chunk columns"]) -> None:  # noqa: D102
        scores[:, : self._mask.shape[1]].masked_fill_(self._mask != 0, lowest(scores))

    def mean(  # noqa: D102
        self, scores: Float[Tensor, "chunk columns"]
    ) -> tuple[Float[Tensor, " chunk"], Bool[Tensor, " chunk"]]:
        known = scores[:, : self._mask.shape[1]]
        self._mask = self._mask * ~(known.detach() <= lowest(scores))
        weight = self._mask.to(scores.dtype)
        total = weight.sum(1)
        self._weight = weight / torch.where(total > 0, total, 1.0)[:, None]
        return (self._weight * known).sum(1), total > 0

    def subtract_from_(self, values: Float[Tensor, "chunk columns"]) -> None:  # noqa: D102
        assert self._weight is not None, "subtract_from_ comes after mean"
        values[:, : self._weight.shape[1]].sub_(self._weight)

    def contains(self, column: Int[Tensor, " chunk"]) -> Bool[Tensor, " chunk"]:  # noqa: D102
        width = self._mask.shape[1]
        inside = self._mask.gather(1, column.clamp(max=width - 1)[:, None]).squeeze(1)
        return (inside != 0) & (column < width)


def lowest(scores: Float[Tensor, "chunk columns"]) -> float:
    """What stands for a hidden pair: finite, so that a row with nothing else makes no NaN."""
    return torch.finfo(scores.dtype).min


def block(pairs: Pairs, start: int, stop: int, offset: int, columns: int) -> Block:
    """The pairs of rows `start` to `stop`.

    Args:
        pairs: in any form; of `Groups`, the columns are those of all ranks by now.
        start: first row.
        stop: row after the last.
        offset: number of this rank's first key among the keys of all ranks.
        columns: number of the keys of all ranks.

    Raises:
        ValueError: there are pairs for another number of anchors or of keys.
    """
    if isinstance(pairs, Columns):
        index = pairs.index[start:stop]
        _require(tuple(index.shape), (stop - start,))
        return ColumnBlock(index + offset)
    if isinstance(pairs, Groups):
        assert pairs.columns is not None, "the caller names the keys of all ranks"
        mask = pairs.rows[start:stop, None] == pairs.columns
    else:
        mask = pairs[start:stop] if isinstance(pairs, Tensor) else pairs(start, stop)
    _require(tuple(mask.shape), (stop - start, columns))
    return MaskBlock(mask)


def _require(got: tuple[int, ...], wanted: tuple[int, ...]) -> None:
    if got != wanted:
        raise ValueError(
            f"pairs have shape {got} where {wanted} is wanted: one row for each anchor of this "
            "rank and, in a mask, one column for each key of all ranks, in the order of the ranks"
        )
