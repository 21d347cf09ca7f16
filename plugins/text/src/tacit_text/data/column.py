"""A column of strings of a table that has others: what text brings to pairs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import pyarrow as pa

from tacit.data import Column
from tacit_text.data.memory import TextsInMemory


@dataclass(frozen=True, kw_only=True)
class TextColumnConfig:
    """Nothing can be set: strings are read as they are."""


class TextColumn(TextsInMemory):
    """Texts of a column.

    Raises:
        ValueError: a column of something else than strings, or empty texts.
    """

    Config: ClassVar[type] = TextColumnConfig

    def __init__(self, column: Column, config: TextColumnConfig) -> None:
        kind = column.values.type
        if not (pa.types.is_string(kind) or pa.types.is_large_string(kind)):
            raise ValueError(f"{column.what} holds no strings: {kind}")
        try:
            super().__init__(column.values.to_pylist())
        except ValueError as error:
            raise ValueError(f"{column.what}: {error}; leave such cells without a value") from error
