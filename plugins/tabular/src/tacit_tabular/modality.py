"""Tables as a modality: rows of typed columns, their raw features, what fits an encoder."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Float, Int
from torch import Tensor

from tacit.contract import Modality
from tacit_tabular.schema import Column


@dataclass(frozen=True, kw_only=True, eq=False)
class Rows:
    """Rows of a table and what their columns mean.

    Args:
        cells: numbers as they are, categories as codes into the column's `categories`, minus one
            where a category is not among them, NaN where a value is missing. Double precision, so
            that times keep their seconds.
        columns: one entry for each column of `cells`.
    """

    cells: Float[Tensor, "rows columns"]
    columns: tuple[Column, ...]

    def to(self, device: torch.device, non_blocking: bool = False) -> Rows:
        """The rows on another device."""
        return self.replaced(self.cells.to(device, non_blocking=non_blocking))

    def replaced(self, cells: Float[Tensor, "rows columns"]) -> Rows:
        """Other cells of the same columns."""
        return Rows(cells=cells, columns=self.columns)


class Table(Modality):
    """Rows of typed columns."""

    name = "table"
    default_encoder = "tabular/transformer"
    supervises = True

    def collate(self, samples: Sequence[Any]) -> Rows:
        """Values of one schema as one value.

        Raises:
            ValueError: no samples, or columns that differ.
        """
        whole = self.concatenate(samples) if samples else None
        if whole is None:
            raise ValueError("table: wanted rows with the same columns; got none, or others")
        return whole

    def size(self, value: Rows) -> int:
        """Rows of a value."""
        return int(value.cells.shape[0])

    def concatenate(self, values: Sequence[Rows]) -> Rows | None:
        """Values as one, or None where their columns differ."""
        if any(value.columns != values[0].columns for value in values):
            return None
        return values[0].replaced(torch.cat([value.cells for value in values]))

    def raw_features(self, value: Rows) -> Float[Tensor, "rows features"]:
        """Numbers standardised, missing ones as the mean; categories one-hot."""
        parts: list[Tensor] = []
        for cells, column in zip(value.cells.unbind(1), value.columns, strict=True):
            if column.kind == "numerical":
                scaled = (cells - column.mean) / column.std
                parts.append(scaled.nan_to_num(0.0)[:, None])
            else:
                codes = torch.arange(len(column.categories), device=cells.device)
                parts.append((cells[:, None] == codes).double())
        return torch.cat(parts, dim=1).float()

    def supervised(
        self,
        train: Rows,
        test: Rows,
        *,
        rows: Int[Tensor, " labelled"],
        labels: Int[Tensor, " labelled"] | Float[Tensor, "labelled targets"],
        classes: int | None,
        seed: int,
    ) -> Int[Tensor, " rows"] | Float[Tensor, "rows targets"]:
        """What boosted trees predict, see `tacit_tabular.baselines.boosted_trees`."""
        from tacit_tabular.baselines import boosted_trees

        known = train.replaced(train.cells[rows.to(train.cells.device)])
        return boosted_trees(known, test, labels, classes=classes, seed=seed)

    def suggest(self, value: Rows) -> Mapping[str, object]:
        """The columns and their statistics."""
        return {"columns": value.columns}

    def fit(self, preprocessing: object | None, value: Rows) -> None:
        """Refuse tables that lack columns an encoder was fitted on, or have others.

        Raises:
            ValueError: which columns are wanted and got.
        """
        if preprocessing is not None:
            assert isinstance(preprocessing, tuple)
            check_columns(preprocessing, value.columns)


def check_columns(wanted: Sequence[Column], got: Sequence[Column]) -> None:
    """Refuse other columns than wanted, in name, order or kind.

    Raises:
        ValueError: what is missing, or too much, or of another kind.
    """
    names, there = [c.name for c in wanted], [c.name for c in got]
    missing = [name for name in names if name not in there]
    extra = [name for name in there if name not in names]
    if missing or extra or names != there:
        raise ValueError(
            f"table: wanted the columns {names}; got {there} (missing {missing}, new {extra}): "
            "give the table the columns the encoder was fitted on, in their order"
        )
    for want, have in zip(wanted, got, strict=True):
        if want.kind != have.kind:
            raise ValueError(f"table: column {want.name!r}: wanted {want.kind}; got {have.kind}")
