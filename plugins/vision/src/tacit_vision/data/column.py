"""A column of images of a table that has others: what vision brings to pairs."""

from __future__ import annotations

from typing import ClassVar

import pyarrow as pa

from tacit.data import Column
from tacit_vision.data.images import Images, ReadConfig, Table


class ImageColumn(Images):
    """Images of a column: encoded ones, or paths of files.

    Args:
        column: of bytes, of `datasets`' image type, or of paths relative to the table's folder.
        config: how they are read.

    Raises:
        ValueError: a column of another kind, and all that `Images` refuses.
    """

    Config: ClassVar[type] = ReadConfig

    def __init__(self, column: Column, config: ReadConfig) -> None:
        import datasets

        encoded = [_encoded(value, column) for value in column.values.to_pylist()]
        kind = pa.struct({"bytes": pa.binary(), "path": pa.string()})
        images = datasets.Dataset(pa.table({column.name: pa.array(encoded, type=kind)}))
        super().__init__(Table(origin=column.what, images=images), config)


def _encoded(value: object, column: Column) -> dict[str, object]:
    if isinstance(value, dict) and set(value) == {"bytes", "path"}:
        return value
    if isinstance(value, bytes):
        return {"bytes": value, "path": None}
    if isinstance(value, str):
        return {"bytes": None, "path": str(column.folder / value)}
    raise ValueError(f"{column.what} holds no images: {column.values.type}")
