"""The columns of text files and tables: which they are, and what they hold."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
from torch import Tensor

from tacit.data import class_names, coded, complete, read_table

SUFFIXES = (".txt", ".jsonl", ".csv", ".parquet")


@dataclass(frozen=True, kw_only=True)
class Columns:
    """What was read.

    Args:
        texts: the strings; an empty one where there was none.
        labels: whole numbers, or numbers with a fraction; None without labels.
        label_names: names of the classes, where labels were words or carried names.
    """

    texts: list[str]
    labels: Tensor | None = None
    label_names: tuple[str, ...] | None = None


def read_columns(files: Sequence[Path], *, text: str | None, label: str | None) -> Columns:
    """The columns of text and labels of files of one kind.

    Raises:
        ValueError: a file that cannot be read, no such column, or one of another kind.
    """
    if files[0].suffix == ".txt":
        if text is not None or label is not None:
            raise ValueError(f"{files[0]}: a text file has no columns: leave out text and label")
        return Columns(texts=[line for file in files for line in _lines(file)])
    tables = [read_table(file) for file in files]
    try:
        table = pa.concat_tables(tables, promote_options="default")
    except pa.ArrowInvalid as error:
        raise ValueError(f"{files[0].parent}: files with unlike columns: {error}") from error
    return columns_of(table, text=text, label=label, origin=str(files[0]))


def columns_of(table: pa.Table, *, text: str | None, label: str | None, origin: str) -> Columns:
    """The columns of a table.

    Raises:
        ValueError: no such column, or one of another kind.
    """
    name = _text_column(table.schema, text, origin)
    texts = [value or "" for value in table.column(name).to_pylist()]
    if label is None:
        label = "label" if "label" in table.schema.names else None
    elif label not in table.schema.names:
        raise ValueError(f"{origin}: no column {label!r}{_listed(table.schema.names, label)}")
    if label is None:
        return Columns(texts=texts)
    what = f"{origin}: column {label!r}"
    labels, words = coded(complete(table.column(label), what), what)
    names = class_names(table.schema, label) or words
    return Columns(texts=texts, labels=labels, label_names=names)


def header(file: Path) -> pa.Schema:
    """The columns of a parquet or CSV file by its beginning, without reading it.

    Raises:
        ArrowInvalid: it is broken, or empty.
    """
    import pyarrow.csv as csv
    import pyarrow.parquet as pq

    if file.suffix == ".csv":
        options = csv.ParseOptions(newlines_in_values=True)
        with csv.open_csv(file, parse_options=options) as table:
            return table.schema
    return pq.read_schema(file)


def holds_text(schema: pa.Schema) -> bool:
    """Whether some column holds strings."""
    return bool(_string_columns(schema))


def _string_columns(schema: pa.Schema) -> list[str]:
    return [
        f.name for f in schema if pa.types.is_string(f.type) or pa.types.is_large_string(f.type)
    ]


def _text_column(schema: pa.Schema, wanted: str | None, origin: str) -> str:
    strings = _string_columns(schema)
    if wanted is not None:
        if wanted not in schema.names:
            raise ValueError(f"{origin}: no column {wanted!r}{_listed(schema.names, wanted)}")
        if wanted not in strings:
            kind = schema.field(wanted).type
            raise ValueError(f"{origin}: column {wanted!r} holds no strings: {kind}")
        return wanted
    if "text" in strings:
        return "text"
    if len(strings) != 1:
        what = "no column of strings" if not strings else f"several columns of strings: {strings}"
        raise ValueError(f"{origin}: {what}; name it with text={_listed(schema.names)}")
    return strings[0]


def _listed(names: Iterable[str], wanted: str = "") -> str:
    near = difflib.get_close_matches(wanted, list(names), n=1)
    hint = f"; did you mean {near[0]!r}?" if near else ""
    return f"{hint} (columns: {', '.join(sorted(names))})"


def _lines(file: Path) -> list[str]:
    try:
        return file.read_text(encoding="utf-8").splitlines()
    except UnicodeDecodeError as error:
        raise ValueError(
            f"{file}: not UTF-8 text (byte {error.start}): a binary file, or one of another "
            "encoding; convert it first"
        ) from error
