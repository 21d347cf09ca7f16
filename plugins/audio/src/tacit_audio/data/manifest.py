"""A list of audio files with what is known of them: one line a clip."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from torch import Tensor

from tacit.contract import Spans
from tacit.data import coded
from tacit_audio.data.clips import Clips, ReadConfig, Table
from tacit_audio.data.folder import Files
from tacit_audio.data.lines import SUFFIXES, lines_of
from tacit_audio.data.segments import from_column

GLANCE = 100_000  # bytes of a file looked at to recognise it


@dataclass(frozen=True, kw_only=True)
class ManifestConfig(ReadConfig):
    """Which manifest, and how it is read.

    Args:
        path: a `.csv` or `.tsv` file with a head line, or `.jsonl`: one JSON object a line.
        audio: the column of the files' paths, relative to the manifest.
        label: the column of the labels; none: `label` if there is one.
        group: the column that says which clips belong together (a speaker); none: no groups.
        segments: the column of labels along the clips, each a list of `[start, end, label]` in
            seconds (in a `.csv`, as JSON), which do not overlap; none: `segments` if there is one.
        gap: the label of what no segment covers (`silence`); none: that has no label.
    """

    path: Path
    audio: str = "audio"
    label: str | None = None
    group: str | None = None
    segments: str | None = None
    gap: str | None = None


class Manifest(Clips):
    """The audio files a manifest lists.

    Raises:
        ValueError: no such file, a column that is not there, unreadable lines, and all that `Clips`
            refuses.
    """

    Config = ManifestConfig

    def __init__(self, config: ManifestConfig) -> None:
        self.config = config
        super().__init__(_table(config), config)

    @classmethod
    def recognises(cls, given: str) -> bool:
        """Whether it is such a file that names a column `audio`."""
        path = Path(given)
        if path.suffix not in SUFFIXES or not path.is_file():
            return False
        with path.open(encoding="utf-8", errors="replace") as file:
            return "audio" in file.readline(GLANCE)


def _table(config: ManifestConfig) -> Table:
    lines = lines_of(config.path, "path", "clip")
    label = config.label or ("label" if "label" in lines[0] else None)
    labels = (None, None) if label is None else _column(lines, label, config.path)
    group = None if config.group is None else _column(lines, config.group, config.path)[0]
    return Table(
        origin=str(config.path),
        clips=Files([config.path.parent / str(path) for path in _values(lines, config)]),
        label=labels[0],
        label_names=labels[1],
        group=group,
        spans=_along(lines, config),
    )


def _along(lines: list[Mapping[str, Any]], config: ManifestConfig) -> Spans | None:
    column = config.segments or ("segments" if "segments" in lines[0] else None)
    if column is None:
        return None
    if not any(column in line for line in lines):
        raise ValueError(
            f"{config.path}: segments: no column {column!r} (columns: "
            f"{', '.join(map(str, lines[0]))})"
        )
    what = f"{config.path}: column {column!r}"
    return from_column([line.get(column) for line in lines], config.gap, what)


def _values(lines: list[Mapping[str, Any]], config: ManifestConfig) -> list[Any]:
    return _raw(lines, config.audio, config.path)


def _raw(lines: list[Mapping[str, Any]], column: str, path: Path) -> list[Any]:
    missing = [number for number, line in enumerate(lines, 1) if not _given(line.get(column))]
    if missing:
        raise ValueError(
            f"{path}: column {column!r} is missing or empty in {len(missing):,} of {len(lines):,} "
            f"entries, the first is number {missing[0]} (columns: {', '.join(map(str, lines[0]))})"
        )
    return [line[column] for line in lines]


def _given(value: Any) -> bool:
    return value is not None and value != ""


def _column(
    lines: list[Mapping[str, Any]], column: str, path: Path
) -> tuple[Tensor, tuple[str, ...] | None]:
    """Labels or groups; what a table of words says in digits is numbers."""
    values = _raw(lines, column, path)
    if all(isinstance(value, str) for value in values):
        with contextlib.suppress(ValueError):
            values = [int(value) for value in values]
    return coded(np.asarray(values), f"{path}: column {column!r}")
