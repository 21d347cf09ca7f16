"""Tables in memory: types inferred, statistics fitted on training rows only."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from tacit.contract import Batch
from tacit.data import Source
from tacit_tabular.data.anything import frame_of
from tacit_tabular.modality import Rows
from tacit_tabular.schema import Column, Kind


def infer(series: pd.Series, kind: Kind | None = None) -> Column:
    """Kind and statistics of a column; numbers and times are numerical, all else categorical."""
    kind = kind or kind_of(series)
    name = str(series.name)
    if kind == "categorical":
        found = sorted({category_of(item) for item in series.dropna().unique()})
        return Column(name=name, kind=kind, categories=tuple(found))
    numbers = as_numbers(series)
    present = numbers[~np.isnan(numbers)]
    if not len(present):
        return Column(name=name)
    std = float(present.std())
    return Column(name=name, mean=float(present.mean()), std=std if std > 0 else 1.0)


def category_of(item: object) -> str:
    """A category as text; 3.0 is 3, as pandas makes whole numbers floats where one is missing."""
    if isinstance(item, float | np.floating) and float(item).is_integer():
        return str(int(item))
    return str(item)


def kind_of(series: pd.Series) -> Kind:
    """What a column looks like: an empty one is numerical."""
    types = pd.api.types
    if types.is_bool_dtype(series.dtype):
        return "categorical"
    number = types.is_numeric_dtype(series.dtype) or types.is_datetime64_any_dtype(series.dtype)
    return "numerical" if number or not series.notna().any() else "categorical"


def as_numbers(series: pd.Series) -> np.ndarray:
    """Numbers in double precision, times as seconds since 1970; NaN where missing.

    Raises:
        ValueError: infinite numbers, or what is no number.
    """
    if pd.api.types.is_datetime64_any_dtype(series.dtype):
        naive = pd.to_datetime(series, utc=True).dt.tz_localize(None)
        seconds = (naive - pd.Timestamp(0)) / pd.Timedelta(seconds=1)
        return seconds.to_numpy(dtype=np.float64, na_value=np.nan)
    try:
        numbers = series.to_numpy(dtype=np.float64, na_value=np.nan)
    except (TypeError, ValueError) as error:
        raise ValueError(
            f"column {series.name!r}: wanted numbers: {error}. Clean it, or make it categorical"
        ) from error
    if np.isinf(numbers).any():
        raise ValueError(f"column {series.name!r}: holds infinite numbers: make them missing")
    return numbers


def encode(frame: pd.DataFrame, columns: Sequence[Column]) -> Tensor:
    """Cells `(rows, columns)` of a frame: see `Rows`.

    Raises:
        ValueError: a column is not there.
    """
    if missing := [column.name for column in columns if column.name not in frame.columns]:
        raise ValueError(f"table: the frame lacks the columns {missing}; it has {[*frame.columns]}")
    cells = np.empty((len(frame), len(columns)))
    for at, column in enumerate(columns):
        series = frame[column.name]
        if column.kind == "numerical":
            cells[:, at] = as_numbers(series)
            continue
        known = pd.Index(column.categories, dtype=object)
        codes = known.get_indexer(
            pd.Index(series.astype(object).map(category_of), dtype=object)
        ).astype(np.float64)
        cells[:, at] = np.where(series.isna(), np.nan, codes)
    return torch.from_numpy(cells)


class FrameSource(Source):
    """A table in memory as a source.

    Args:
        frame: one row an instance; names of columns are unique. A pandas or polars frame, an Arrow
            table, or a `datasets.Dataset`.
        columns: the schema; None infers it from this frame, which then must be the training part.
        kinds: kinds of columns, by name, where the inferred ones are wrong.
        labels: class or value of each row.
        label_names: names of the classes.

    Raises:
        ValueError: no rows, no columns, names that occur twice, labels of another length.
    """

    modalities = ("table",)

    def __init__(
        self,
        frame: Any,
        *,
        columns: tuple[Column, ...] | None = None,
        kinds: Mapping[str, Kind] | None = None,
        labels: Tensor | None = None,
        label_names: tuple[str, ...] | None = None,
    ) -> None:
        frame = frame_of(frame).rename(columns=str)
        check_frame(frame, kinds or {})
        if labels is not None and len(labels) != len(frame):
            raise ValueError(f"labels: wanted one for each of {len(frame)} rows; got {len(labels)}")
        chosen = kinds or {}
        self.columns = columns or tuple(
            infer(frame[name], chosen.get(name)) for name in frame.columns
        )
        self._rows = Rows(cells=encode(frame, self.columns), columns=self.columns)
        self._labels = labels
        self.label_names = label_names

    def __len__(self) -> int:
        return int(self._rows.cells.shape[0])

    def fetch(self, indices: Sequence[int]) -> Batch:
        """The rows at these positions."""
        index = torch.tensor(indices, dtype=torch.int64)
        label = None if self._labels is None else self._labels[index]
        rows = self._rows.replaced(self._rows.cells[index])
        return Batch(values={"table": rows}, index=index, label=label)

    def labels(self) -> Tensor | None:
        """The label of every row."""
        return self._labels

    def describe(self) -> str:
        """Size, and the kind of every column, as inferred or told."""
        kinds = ", ".join(f"{c.name}: {_words(c)}" for c in self.columns)
        return f"{super().describe()}; {kinds}"


def _words(column: Column) -> str:
    if column.kind == "numerical":
        return "numbers"
    return f"{len(column.categories)} categories"


def check_frame(frame: pd.DataFrame, kinds: Mapping[str, Kind]) -> None:
    """Refuse frames nothing can be learnt from.

    Raises:
        ValueError: what is wrong and what to do.
    """
    if not len(frame) or not len(frame.columns):
        raise ValueError(f"table: wanted rows and columns; got {frame.shape}")
    if twice := sorted(set(frame.columns[frame.columns.duplicated()])):
        raise ValueError(f"table: columns {twice} occur twice: rename or drop them")
    if unknown := sorted(set(kinds) - set(frame.columns)):
        raise ValueError(f"kinds: no columns {unknown}; the table has {[*frame.columns]}")
