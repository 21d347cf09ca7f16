"""What a column of a table says of its rows, as numbers: labels, groups, names of classes."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pyarrow as pa
import torch
from numpy.typing import NDArray
from torch import Tensor


def complete(column: pa.ChunkedArray, what: str) -> NDArray[Any]:
    """The values of a column in which none is missing.

    Args:
        column: of a table.
        what: to call it in messages.

    Raises:
        ValueError: rows without a value.
    """
    if column.null_count:
        raise ValueError(
            f"{what}: {column.null_count} of {len(column)} rows are empty; fill them in or remove "
            "those rows"
        )
    values: NDArray[Any] = column.to_numpy()
    return values


def coded(values: NDArray[Any], what: str) -> tuple[Tensor, tuple[str, ...] | None]:
    """Labels or groups: numbers as they are; words as places in their sorted list, and that list.

    Args:
        values: one a row.
        what: to call them in messages.

    Raises:
        ValueError: neither numbers nor words.
    """
    if values.dtype.kind in "iub":
        return torch.from_numpy(values.astype(np.int64)), None
    if values.dtype.kind == "f":
        return torch.from_numpy(values.astype(np.float32)), None
    if not all(isinstance(value, str) for value in values):
        raise ValueError(f"{what}: wanted numbers or words, one a row")
    words, codes = np.unique(values.astype(str), return_inverse=True)
    return torch.from_numpy(codes.astype(np.int64)), tuple(words.tolist())


def class_names(schema: pa.Schema, column: str) -> tuple[str, ...] | None:
    """The names of a column's classes, where `datasets` has written them beside the data."""
    written = (schema.metadata or {}).get(b"huggingface")
    if written is None:
        return None
    names = json.loads(written)["info"]["features"].get(column, {}).get("names")
    return tuple(names) if names else None
