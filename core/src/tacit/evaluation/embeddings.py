"""Rows of embeddings as they come, batch by batch, and the finished table in data set order."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Float, Int, Shaped
from torch import Tensor

from tacit.contract import Batch


@dataclass(frozen=True, kw_only=True, eq=False)
class Embeddings:
    """One row for each instance, in the order of `index`.

    Attributes:
        values: embeddings, raw features, or the embeddings of several views.
        index: position of every instance in its data set, rising.
        label: as the source gave it, if it did.
        group: likewise.
    """

    values: Float[Tensor, " instances *shape"]
    index: Int[Tensor, " instances"]
    label: Shaped[Tensor, " instances *label"] | None = None
    group: Shaped[Tensor, " instances"] | None = None

    def __len__(self) -> int:
        return len(self.index)


class Table:
    """Rows written one batch after the other into memory that is there already, or doubles.

    Args:
        instances: how many rows to make room for at first; None if not known.
        device: where the embeddings go. Indices, labels and groups stay on the CPU.
    """

    def __init__(self, instances: int | None, device: torch.device) -> None:
        self._filled = 0
        self._values = torch.empty(0, device=device)
        self._first_room = instances or 0
        self._index: list[Tensor | None] = []
        self._label: list[Tensor | None] = []
        self._group: list[Tensor | None] = []

    def add(self, values: Float[Tensor, " instances *shape"], batch: Batch, modality: str) -> None:
        """Write the rows of one batch: those it names in `rows` and that have the modality."""
        keep = kept_rows(batch, modality)
        rows = _take(values, keep)
        end = self._filled + len(rows)
        self._make_room(end, rows)
        self._values[self._filled : end] = rows
        self._filled = end
        self._index.append(_take(batch.index, keep).cpu())
        self._label.append(None if batch.label is None else _take(batch.label, keep).cpu())
        self._group.append(None if batch.group is None else _take(batch.group, keep).cpu())

    def finish(self) -> Embeddings:
        """Put everything in the order of the index.

        Raises:
            ValueError: nothing was added, or an instance was added twice.
        """
        unordered = _joined(self._index)
        if unordered is None or self._filled == 0:
            raise ValueError("wanted at least one instance to embed, got an empty loader")
        index, order = unordered.sort()
        _check_once(index)
        values = self._values[: self._filled]
        # Loaders of evaluation mostly go in order, and a copy may be large.
        moved = not torch.equal(index, unordered)
        label, group = _joined(self._label), _joined(self._group)
        return Embeddings(
            values=values[order.to(values.device)] if moved else values,
            index=index,
            label=None if label is None else label[order],
            group=None if group is None else group[order],
        )

    def _make_room(self, wanted: int, rows: Tensor) -> None:
        if self._filled and wanted <= len(self._values):
            return
        size = max(wanted, 2 * self._filled, self._first_room)
        grown = self._values.new_empty(size, *rows.shape[1:], dtype=torch.float32)
        if self._filled:
            grown[: self._filled] = self._values[: self._filled]
        self._values = grown


def kept_rows(batch: Batch, modality: str) -> Int[Tensor, " kept"] | None:
    """Positions of the instances to keep; None means all of them."""
    present = batch.present.get(modality)
    if present is None:
        return batch.rows
    rows = torch.arange(len(batch), device=present.device) if batch.rows is None else batch.rows
    return rows[present[rows]]


def _take(column: Tensor, keep: Tensor | None) -> Tensor:
    return column if keep is None else column[keep.to(column.device)]


def _joined(parts: list[Tensor | None]) -> Tensor | None:
    given = [part for part in parts if part is not None]
    if given and len(given) < len(parts):
        raise ValueError(
            "wanted labels and groups on every batch or on none, "
            f"got them on {len(given)} of {len(parts)} batches"
        )
    return torch.cat(given) if given else None


def _check_once(index: Int[Tensor, " instances"]) -> None:
    again = index[1:][index[1:] == index[:-1]]
    if len(again):
        raise ValueError(
            f"wanted each instance once, got index {int(again[0])} more than once; a sampler that "
            "pads or repeats does not fit here"
        )
