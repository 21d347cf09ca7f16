"""Tables of other libraries as a pandas frame."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
from pyarrow import csv, ipc
from pyarrow import parquet as pq

SUFFIXES = (".csv", ".parquet", ".arrow", ".feather")


def frame_of(table: Any) -> pd.DataFrame:
    """A pandas frame of a pandas or polars frame, an Arrow table, or a `datasets.Dataset`.

    Raises:
        ValueError: it is none of these.
    """
    if isinstance(table, pd.DataFrame):
        return table
    if type(table).__module__.split(".")[0] == "polars":
        # Not by polars' own `to_pandas`, which needs pyarrow.
        if hasattr(table, "collect"):
            table = table.collect()
        return pd.DataFrame({name: table[name].to_list() for name in table.columns})
    if hasattr(table, "to_pandas"):
        frame: pd.DataFrame = table.to_pandas()
        return frame
    raise ValueError(
        "table: wanted a pandas or polars frame, an Arrow table or a dataset of `datasets`; got "
        f"{type(table).__name__}"
    )


def read_file(path: Path) -> pd.DataFrame:
    """A CSV, parquet or Arrow (Feather) file.

    Raises:
        ValueError: no such file, another kind, names that occur twice, or one that cannot be read.
    """
    if not path.is_file():
        raise ValueError(f"path: no such file: {path}")
    if path.suffix not in SUFFIXES:
        raise ValueError(f"path: {path}: wanted one of {', '.join(SUFFIXES)}")
    try:
        if path.suffix == ".csv":
            return _read_csv(path)
        return pd.read_parquet(path) if path.suffix == ".parquet" else pd.read_feather(path)
    except (OSError, UnicodeDecodeError, pd.errors.ParserError, pd.errors.EmptyDataError) as error:
        raise ValueError(f"path: {path} cannot be read: {error}") from error


def holds_rows(path: Path) -> bool:
    """Whether a file looks like rows of cells, by its header alone.

    Numbers, strings, truth values and times are cells; lists, structs and bytes are not. One
    column of strings alone is a list of texts. A broken CSV counts, so that its reader says what is
    wrong with it.
    """
    if path.suffix not in SUFFIXES or not path.is_file():
        return False
    try:
        types = list(header(path).types)
    except ValueError:
        return path.suffix == ".csv"
    words = [pa.types.is_string(each) or pa.types.is_large_string(each) for each in types]
    return all(map(_is_cell, types)) and words not in ([], [True])


def header(path: Path) -> pa.Schema:
    """The columns of a CSV, parquet or Arrow file by its beginning, without reading it.

    Raises:
        ValueError: another kind of file, or one that cannot be read.
    """
    try:
        if path.suffix == ".csv":
            options = csv.ParseOptions(newlines_in_values=True)
            with csv.open_csv(path, parse_options=options) as table:
                return table.schema
        if path.suffix == ".parquet":
            return pq.read_schema(path)
        return ipc.open_file(path).schema
    except (OSError, pa.ArrowInvalid) as error:
        raise ValueError(f"path: {path} cannot be read: {error}") from error


def _is_cell(kind: pa.DataType) -> bool:
    return not (
        pa.types.is_nested(kind) or pa.types.is_binary(kind) or pa.types.is_large_binary(kind)
    )


def _read_csv(path: Path) -> pd.DataFrame:
    # pandas renames the second of two equal names in silence, so the header is read as a row too.
    names = pd.read_csv(path, header=None, nrows=1, dtype=str).iloc[0].tolist()
    if twice := sorted({str(name) for name in names if names.count(name) > 1}):
        raise ValueError(f"path: {path}: columns {twice} occur twice: rename or drop them")
    return pd.read_csv(path, low_memory=False)
