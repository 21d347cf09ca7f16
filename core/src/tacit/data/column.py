"""A column of a table, and what a plugin offers to read one: how modalities meet in one table."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Protocol, runtime_checkable

import pyarrow as pa

from tacit.data.source import Source


@dataclass(frozen=True, kw_only=True, eq=False)
class Column:
    """The values of one column, in the order of their rows.

    Args:
        name: of the column.
        values: those there are; rows without a value are left out, so that none is null.
        origin: the file or folder it is from, for messages.
        folder: where relative paths among the values begin.
    """

    name: str
    values: pa.ChunkedArray
    origin: str
    folder: Path

    def __len__(self) -> int:
        return len(self.values)

    @property
    def what(self) -> str:
        """The column as messages call it."""
        return f"{self.origin}: column {self.name!r}"


@runtime_checkable
class Reader(Protocol):
    """Opens a column as a source of one modality: the target of an offer of `tacit_readers`.

    Instance i of the source is value i of the column. Other columns, missing members, labels and
    pairs are not its business, so that a modality that reads a column pairs with every other.

    Attributes:
        Config: the frozen dataclass of its settings, all of which have defaults.
    """

    Config: ClassVar[type]

    def __call__(self, column: Column, config: Any) -> Source:
        """The column, opened.

        Raises:
            ValueError: values that are not what it reads; names the first of them.
        """
