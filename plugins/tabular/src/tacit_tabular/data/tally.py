"""The kind and statistics of a column that is seen piece by piece."""

from __future__ import annotations

import numpy as np
import pandas as pd

from tacit_tabular.data.frames import as_numbers, category_of, kind_of
from tacit_tabular.schema import Column, Kind


class Tally:
    """What `infer` says of a whole column, of its pieces.

    Source: Chan, Golub and LeVeque 1983, Algorithms for computing the sample variance, eq. 2.1, for
    moments of parts put together.

    Args:
        name: of the column.
        kind: what it holds; None to infer it from the first piece that holds anything.
    """

    def __init__(self, name: str, kind: Kind | None = None) -> None:
        self.name, self.kind = name, kind
        self._count, self._mean, self._square = 0, 0.0, 0.0
        self._found: set[str] = set()

    def add(self, series: pd.Series) -> None:
        """Count a piece in."""
        if not series.notna().any():
            return
        self.kind = self.kind or kind_of(series)
        if self.kind == "categorical":
            self._found |= {category_of(item) for item in series.dropna().unique()}
            return
        numbers = as_numbers(series)
        present = numbers[~np.isnan(numbers)]
        if len(present):
            self._join(len(present), float(present.mean()), float(present.var()))

    def column(self) -> Column:
        """The column, by all that was counted in."""
        if self.kind == "categorical":
            return Column(name=self.name, kind="categorical", categories=tuple(sorted(self._found)))
        if not self._count:
            return Column(name=self.name)
        std = (self._square / self._count) ** 0.5
        return Column(name=self.name, mean=self._mean, std=std if std > 0 else 1.0)

    def _join(self, count: int, mean: float, variance: float) -> None:
        total, apart = self._count + count, mean - self._mean
        self._square += count * variance + apart**2 * self._count * count / total
        self._mean += apart * count / total
        self._count = total
