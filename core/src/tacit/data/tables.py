"""Columns of tables in files: parquet, Arrow, CSV and JSON lines, of one split or all."""

from __future__ import annotations

import difflib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa

SUFFIXES = (".parquet", ".arrow", ".csv", ".jsonl")
SPLITS = ("train", "test", "validation")


@dataclass(frozen=True, kw_only=True, eq=False)
class Files:
    """Files of one kind whose rows follow each other.

    Args:
        paths: in order.
        origin: what to call them in messages.
    """

    paths: tuple[Path, ...]
    origin: str

    @property
    def folder(self) -> Path:
        """Where they lie."""
        return self.paths[0].parent

    def read(self, columns: Sequence[str]) -> pa.Table:
        """Some of their columns.

        Raises:
            ValueError: a file that cannot be read or lacks a column, or columns of unlike types.
        """
        tables = [_columns(path, read_table(path), columns) for path in self.paths]
        try:
            return pa.concat_tables(tables, promote_options="default")
        except pa.ArrowInvalid as error:
            raise ValueError(f"{self.origin}: files with unlike columns: {error}") from error


def open_files(path: Path, split: str | None) -> Files:
    """The files at a path.

    Args:
        path: a file, or a folder of files.
        split: of a folder, the files whose names begin with it; `all`: every file; None: `train`
            where files are named so, else every file.

    Raises:
        ValueError: none are there, there is no such split, or they are of several kinds.
    """
    files = _found(path)
    if not files:
        there = "there is none" if path.exists() else "there is no such path"
        raise ValueError(f"{path}: wanted files named {', '.join(SUFFIXES)}; {there}")
    parts = splits_of(path)
    wanted = "train" if split is None and "train" in parts else split
    if wanted not in (None, "all"):
        chosen = [file for file in files if _part(file) == wanted]
        if not chosen:
            raise ValueError(
                f"{path}: no split {wanted!r}; there are: {', '.join(parts) or 'none'}"
            )
        files = chosen
    kinds = sorted({file.suffix for file in files})
    if len(kinds) > 1:
        raise ValueError(f"{path}: files of several kinds: {', '.join(kinds)}; name one of them")
    return Files(paths=tuple(files), origin=str(files[0] if len(files) == 1 else path))


def splits_of(path: Path) -> tuple[str, ...]:
    """Those of `train`, `test` and `validation` that files of a folder are named after."""
    named = {_part(file) for file in _found(path)} if path.is_dir() else set()
    return tuple(split for split in SPLITS if split in named)


def _found(path: Path) -> list[Path]:
    inside = path.rglob("*") if path.is_dir() else [path]
    return sorted(file for file in inside if file.suffix in SUFFIXES and file.is_file())


def _part(file: Path) -> str:
    return re.split(r"[-.]", file.name)[0]


def read_table(file: Path) -> pa.Table:
    """All columns of a file named with one of `SUFFIXES`; an empty cell of CSV is a missing value.

    Raises:
        ValueError: it cannot be read, with the reason in a line.
    """
    import pyarrow.csv as csv
    import pyarrow.json as lines
    import pyarrow.parquet as parquet

    try:
        if file.suffix == ".parquet":
            return parquet.read_table(file)
        if file.suffix == ".jsonl":
            return lines.read_json(file)
        if file.suffix == ".arrow":
            return pa.ipc.open_stream(pa.memory_map(str(file))).read_all()
        options = csv.ConvertOptions(strings_can_be_null=True, null_values=[""])
        newlines = csv.ParseOptions(newlines_in_values=True)
        return csv.read_csv(file, parse_options=newlines, convert_options=options)
    except (pa.ArrowException, OSError) as error:
        reason = str(error).strip().splitlines()[0]
        raise ValueError(f"{file}: cannot be read as {file.suffix[1:]}: {reason}") from error


def _columns(file: Path, content: pa.Table, wanted: Sequence[str]) -> pa.Table:
    for name in wanted:
        if name not in content.column_names:
            near = difflib.get_close_matches(name, content.column_names, n=1)
            hint = f"; did you mean {near[0]!r}?" if near else ""
            known = ", ".join(sorted(content.column_names))
            raise ValueError(f"{file}: no column {name!r}{hint} (columns: {known})")
    return content.select(list(dict.fromkeys(wanted)))
