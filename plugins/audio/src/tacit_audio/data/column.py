"""A column of clips of a table that has others: what audio brings to pairs."""

from __future__ import annotations

from typing import ClassVar

from tacit.data import Column
from tacit_audio.data.clips import Clips, ReadConfig, Table
from tacit_audio.data.decode import Encoded


class ClipColumn(Clips):
    """Clips of a column: encoded ones, or paths of files.

    Args:
        column: of bytes, of `datasets`' audio type, or of paths relative to the table's folder.
        config: how they are read.

    Raises:
        ValueError: a column of another kind, and all that `Clips` refuses.
    """

    Config: ClassVar[type] = ReadConfig

    def __init__(self, column: Column, config: ReadConfig) -> None:
        encoded = [_encoded(value, column) for value in column.values.to_pylist()]
        super().__init__(Table(origin=column.what, clips=encoded), config)


def _encoded(value: object, column: Column) -> Encoded:
    if isinstance(value, dict) and set(value) == {"bytes", "path"}:
        return Encoded(bytes=value["bytes"], path=value["path"])
    if isinstance(value, bytes):
        return Encoded(bytes=value, path=None)
    if isinstance(value, str):
        return Encoded(bytes=None, path=str(column.folder / value))
    raise ValueError(f"{column.what} holds no audio: {column.values.type}")
