"""Labels along recordings: what is heard from when to when.

They are read of a column of a manifest, whose every entry is a list of `[start, end, label]`, or of
a table with a line for each, as DCASE has them of its strongly labelled sets.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, TypeAlias

import torch

from tacit.contract import Spans
from tacit_audio.data.lines import lines_of

Segment: TypeAlias = tuple[int, float, float, str]
"""Row of the clip, seconds at which it starts and ends, label."""

_COLUMNS = (("file", "start", "end", "label"), ("filename", "onset", "offset", "event_label"))
_WANTED = "wanted a list of [start, end, label], times in seconds"


def from_column(values: Sequence[Any], gap: str | None, what: str) -> Spans:
    """The labels along clips of a manifest.

    Args:
        values: of every clip a list of `[start, end, label]`, or the same as JSON; empty where
            nothing is labelled.
        gap: label of what no segment covers; None: that has none.
        what: the column, for messages.

    Raises:
        ValueError: an entry of another form, or what `Spans` refuses.
    """
    found = (
        segment
        for row, value in enumerate(values)
        for segment in _entries(row, value, f"{what}, entry {row + 1}")
    )
    return _spans(found, gap, what)


def from_table(table: Path, files: Sequence[Path], gap: str | None) -> Spans:
    """The labels along clips of a table with columns `file`, `start`, `end` and `label`.

    Or, as DCASE calls them, `filename`, `onset`, `offset` and `event_label`. Paths are relative to
    the table's folder; files that are not among the clips (another part of the data) are passed
    over, but their labels are known.

    Args:
        table: its path.
        files: of the clips.
        gap: label of what no segment covers; None: that has none.

    Raises:
        ValueError: no such table, other columns, times that are none, no file among the clips, or
            what `Spans` refuses.
    """
    lines = lines_of(table, "segments", "segment")
    columns = next((names for names in _COLUMNS if set(names) <= set(lines[0])), None)
    if columns is None:
        raise ValueError(
            f"{table}: wanted columns {', '.join(_COLUMNS[0])}; got {', '.join(map(str, lines[0]))}"
        )
    rows = {file.resolve(): row for row, file in enumerate(files)}
    found = [
        _segment(
            rows.get((table.parent / str(line[columns[0]])).resolve(), -1),
            [line[name] for name in columns[1:]],
            f"{table}, entry {number}",
        )
        for number, line in enumerate(lines, 1)
    ]
    if all(row < 0 for row, *_ in found):
        raise ValueError(
            f"{table}: wanted paths of clips, relative to this table; none of its "
            f"{len(lines):,} lines names one: the first is {lines[0][columns[0]]}"
        )
    return _spans(found, gap, str(table))


def _entries(row: int, value: Any, what: str) -> list[Segment]:
    if isinstance(value, str) and value.strip():
        try:
            value = json.loads(value)
        except ValueError as error:
            raise ValueError(f"{what}: {_WANTED}; got {value[:40]!r}") from error
    if not value:
        return []
    if not isinstance(value, list):
        raise ValueError(f"{what}: {_WANTED}; got {type(value).__name__}")
    return [_segment(row, each, what) for each in value]


def _segment(row: int, given: Any, what: str) -> Segment:
    try:
        start, end, label = given
        start, end = float(start), float(end)
    except (TypeError, ValueError) as error:
        raise ValueError(f"{what}: {_WANTED}; got {str(given)[:60]}") from error
    if not (math.isfinite(start) and math.isfinite(end)) or label in (None, ""):
        raise ValueError(f"{what}: {_WANTED}; got {str(given)[:60]}")
    return row, start, end, str(label)


def _spans(found: Iterable[Segment], gap: str | None, what: str) -> Spans:
    segments = list(found)
    names = sorted({label for *_, label in segments} | ({gap} if gap is not None else set()))
    code = {name: number for number, name in enumerate(names)}
    ours = [segment for segment in segments if segment[0] >= 0]
    rows, starts, ends, labels = zip(*ours, strict=True) if ours else ((), (), (), ())
    try:
        return Spans(
            instance=torch.tensor(rows, dtype=torch.int64),
            start=torch.tensor(starts, dtype=torch.float64),
            end=torch.tensor(ends, dtype=torch.float64),
            label=torch.tensor([code[label] for label in labels], dtype=torch.int64),
            names=tuple(names),
            gap=None if gap is None else code[gap],
        )
    except ValueError as error:
        raise ValueError(f"{what}: {error}") from error
