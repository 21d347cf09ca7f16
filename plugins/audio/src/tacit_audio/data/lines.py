"""Tables of text: a `.csv` or `.tsv` file with a head line, or `.jsonl`, one JSON object a line."""

from __future__ import annotations

import csv
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

SUFFIXES = (".csv", ".tsv", ".jsonl")


def lines_of(path: Path, setting: str, what: str) -> list[Mapping[str, Any]]:
    """The lines of a table by the names of their columns.

    Args:
        path: of the table.
        setting: that named it, for messages.
        what: a line stands for, for messages.

    Raises:
        ValueError: no such file, or lines that cannot be read.
    """
    if path.suffix not in SUFFIXES or not path.is_file():
        raise ValueError(f"{setting}: wanted a file in {', '.join(SUFFIXES)}; got {path}")
    with path.open(encoding="utf-8", newline="") as file:
        try:
            if path.suffix == ".jsonl":
                lines = [json.loads(line) for line in file if line.strip()]
            else:
                lines = list(csv.DictReader(file, delimiter="," if path.suffix == ".csv" else "\t"))
        except (ValueError, csv.Error) as error:
            raise ValueError(f"{path}: cannot be read: {error}") from error
    if not lines or not all(isinstance(line, dict) for line in lines):
        raise ValueError(
            f"{path}: wanted one {what} a line; got none, or lines that are no objects"
        )
    return lines
