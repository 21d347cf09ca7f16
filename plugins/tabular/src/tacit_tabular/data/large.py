"""Tables larger than memory: parquet, read piece by piece."""

from __future__ import annotations

import os
import tempfile
import weakref
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import torch
from jaxtyping import Float
from torch import Tensor

from tacit.contract import Batch
from tacit.data import index_tensor
from tacit_tabular.data.files import FilesConfig, inputs_of, labels_of
from tacit_tabular.data.frames import check_frame, encode
from tacit_tabular.data.splits import InSplits, both_of
from tacit_tabular.data.tally import Tally
from tacit_tabular.modality import Rows
from tacit_tabular.schema import Column

_CELL = 8  # bytes


@dataclass(frozen=True, kw_only=True)
class LargeConfig(FilesConfig):
    """Which table, what its columns mean, and what may be used to read it.

    Args:
        path: a parquet file, or a folder that holds `train.parquet` and, if there is one,
            `test.parquet`.
        rows: of the table held in memory at once.
        scratch: folder for the table's cells, 8 bytes each, while it is open; None for the system's
            folder of temporary files, which on some systems is memory.

    Raises:
        ValueError: fewer than 1 row at once.
    """

    rows: int = 65_536
    scratch: Path | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.rows < 1:
            raise ValueError(f"rows: wanted at least 1; got {self.rows}")


class Large(InSplits):
    """A table in parquet of which a piece at a time is in memory, and the rows of a batch.

    It is gone through twice on opening: for the kinds and statistics of the training rows, and to
    write the cells of the split into a file from which rows are read in any order. That file has no
    name and goes with the process. Labels are held in memory, and categories: a column in which
    nearly every row holds another category is to be dropped. Parquet is read by row groups, so
    those of the file must fit into memory.

    Gives the rows, columns and labels that `Files` gives, up to rounding of the statistics.

    Raises:
        ValueError: as `Files`; or files that are not parquet.
    """

    Config = LargeConfig
    modalities = ("table",)

    def __init__(self, config: LargeConfig) -> None:
        self.config = config
        train, own = both_of(config)
        names = inputs_of(names_of(train), config)
        self.columns = surveyed(train, names, config)
        self._labels, self.label_names = _labels(train, own, config.label)
        self._cells = Cells(len(self.columns), config.scratch)
        for piece in pieces(own, [column.name for column in self.columns], config.rows):
            self._cells.append(encode(piece, self.columns))

    def __reduce__(self) -> tuple[type[Large], tuple[LargeConfig]]:
        return type(self), (self.config,)  # another process opens the table itself

    def __len__(self) -> int:
        return self._cells.rows

    def fetch(self, indices: Sequence[int]) -> Batch:
        """The rows at these positions."""
        index = index_tensor(indices)
        rows = Rows(cells=self._cells.read(index.tolist()), columns=self.columns)
        label = None if self._labels is None else self._labels[index]
        return Batch(values={"table": rows}, index=index, label=label)

    def labels(self) -> Tensor | None:
        """The label of every row."""
        return self._labels


class Cells:
    """Rows of cells in a file without a name, read by position.

    Args:
        columns: cells of a row.
        folder: where the file is; None for the system's.
    """

    def __init__(self, columns: int, folder: Path | None) -> None:
        self.columns, self.rows = columns, 0
        # Not a memory map, whose pages would count as this process's memory.
        self._file, name = tempfile.mkstemp(dir=folder)
        os.unlink(name)
        weakref.finalize(self, os.close, self._file)

    def append(self, cells: Float[Tensor, "rows columns"]) -> None:
        """Rows after those that are there."""
        left = memoryview(cells.numpy().tobytes())
        while left:
            left = left[os.write(self._file, left) :]
        self.rows += len(cells)

    def read(self, positions: Sequence[int]) -> Float[Tensor, "rows columns"]:
        """Some rows, in this order."""
        size = _CELL * self.columns
        parts = bytearray().join(os.pread(self._file, size, at * size) for at in positions)
        if not positions:
            return torch.empty(0, self.columns, dtype=torch.float64)
        return torch.frombuffer(parts, dtype=torch.float64).view(-1, self.columns)


def names_of(path: Path) -> list[str]:
    """The columns of a parquet file, without what pandas kept as its index.

    Raises:
        ValueError: no such file, no parquet, or names that occur twice.
    """
    if not path.is_file():
        raise ValueError(f"path: no such file: {path}")
    if path.suffix != ".parquet":
        raise ValueError(f"path: {path}: wanted parquet; tabular/files reads other formats")
    try:
        schema = pq.read_schema(path)
    except (OSError, pa.ArrowInvalid) as error:
        raise ValueError(f"path: {path} cannot be read: {error}") from error
    index = (schema.pandas_metadata or {}).get("index_columns", [])
    names = [name for name in schema.names if name not in index]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise ValueError(f"path: {path}: columns {twice} occur twice: rename or drop them")
    return names


def pieces(path: Path, names: Sequence[str], rows: int) -> Iterator[pd.DataFrame]:
    """A parquet file, so many rows at a time.

    Raises:
        ValueError: columns that are not there.
    """
    if missing := sorted(set(names) - set(names_of(path))):
        raise ValueError(f"path: {path} lacks the columns {missing}")
    with pq.ParquetFile(path) as file:
        for batch in file.iter_batches(batch_size=rows, columns=list(names)):
            yield batch.to_pandas()


def surveyed(path: Path, names: Sequence[str], config: LargeConfig) -> tuple[Column, ...]:
    """Kinds and statistics of columns.

    Raises:
        ValueError: no rows or no columns.
    """
    told = config.kinds()
    tallies = [Tally(name, told.get(name)) for name in names]
    for piece in pieces(path, names, config.rows):
        check_frame(piece, {})
        for tally in tallies:
            tally.add(piece[tally.name])
    if not names or not pq.read_metadata(path).num_rows:
        raise ValueError(f"table: wanted rows and columns; {path} has none")
    return tuple(tally.column() for tally in tallies)


def _labels(
    train: Path, own: Path, label: str | None
) -> tuple[Tensor | None, tuple[str, ...] | None]:
    if label is None:
        return None, None
    for path in (train, own):
        if label not in names_of(path):
            raise ValueError(f"label: no column {label!r}; the table has {names_of(path)}")
    first = pd.read_parquet(train, columns=[label])
    return labels_of(first if own == train else pd.read_parquet(own, columns=[label]), first, label)
