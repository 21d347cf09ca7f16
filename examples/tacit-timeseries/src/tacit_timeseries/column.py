"""A column of series in a table that has others: what series bring to pairs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from tacit.contract import Batch
from tacit.data import Column, Source, index_tensor
from tacit_timeseries.files import as_series


@dataclass(frozen=True, kw_only=True)
class SeriesColumnConfig:
    """How the numbers are read.

    Args:
        scale: what they are multiplied by. A column knows nothing of other parts of the data, so
            nothing is standardised here; encoders want deviations near 1.
    """

    scale: float = 1.0


class SeriesColumn(Source):
    """Series of one column: each value a list of numbers, or a list of them for each channel.

    Raises:
        ValueError: values that are none; see `tacit_timeseries.files.as_series`.
    """

    Config = SeriesColumnConfig
    modalities = ("series",)

    def __init__(self, column: Column, config: SeriesColumnConfig) -> None:
        self.series = config.scale * as_series(column.values.to_pylist(), column.what)

    def __len__(self) -> int:
        return len(self.series)

    def fetch(self, indices: Sequence[int]) -> Batch:
        """Some series."""
        rows = index_tensor(indices)
        return Batch(values={"series": self.series[rows]}, index=rows)
