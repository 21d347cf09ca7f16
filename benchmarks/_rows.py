"""Rows of result files: kept one by one, and summed up over their seeds; those of the methods."""

from __future__ import annotations

import json
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import fmean, stdev
from typing import Any, ClassVar

from _measure import machine

from tacit.evaluation import FineTuneConfig

FEW = "few labels"
PROBES = {
    "linear": ("linear", "accuracy"),
    "knn": ("knn", "accuracy"),
    FEW: ("fine-tune", "accuracy"),
    "rankme": ("rankme", "rank"),
}
"""Column to the probe and its metric; the last describes and is not to be beaten."""
JUDGED = ("linear", "knn", FEW)
RAW, RANDOM, SUPERVISED = "raw features", "random encoder", "supervised"
NOTE = (
    f"{FEW}: the encoder fine-tuned on {FineTuneConfig().labels} labels of each class for "
    f"{FineTuneConfig().epochs} epochs without augmentation; of raw features a linear probe of as "
    "many. supcon is given the classes as groups: it reads all labels while it trains, so that its "
    "rival is the supervised model"
)
Row = dict[str, Any]
Key = tuple[str, str, int]
"""Features, encoder, seed."""


class Table(ABC):
    """The rows of a result file, each written when it is there.

    Args:
        path: the file; none to print rows alone.
        about: what was measured; rows of another setting are not kept.
        note: what a reader should know.

    Attributes:
        keys: columns that tell rows apart.
        wanted: columns without which a row is measured again.
    """

    keys: ClassVar[tuple[str, ...]] = ("features", "encoder", "seed")
    wanted: ClassVar[frozenset[str]] = frozenset()

    def __init__(self, path: Path | None, about: str, note: str = "") -> None:
        self.path, self.about, self.note = path, about, note
        kept = json.loads(path.read_text()) if path and path.is_file() else {}
        self.runs: list[Row] = kept.get("runs", []) if kept.get("about") == about else []

    def find(self, key: tuple[str | int, ...]) -> Row | None:
        """A row that is there and has all columns."""
        alike = (row for row in self.runs if self._key(row) == key)
        return next((row for row in alike if self.wanted <= row.keys()), None)

    def take(self, key: tuple[str | int, ...], measure: Callable[[], Row]) -> None:
        """Measure a row and write it, unless it is there; a method that refuses says why."""
        if self.find(key) is not None:
            return
        began = time.process_time()
        try:
            measured = measure()
        except ValueError as error:
            measured = {"problem": str(error)}
        # Of a run that was only probed again the time of the first measurement is told.
        old = next((row for row in self.runs if self._key(row) == key), {})
        spent = max(round(time.process_time() - began), old.get("seconds", 0))
        self.add({**dict(zip(self.keys, key, strict=True)), **measured, "seconds": spent})

    def add(self, row: Row) -> None:
        """Keep, print and write a row, in the place of one of the same key."""
        self.forget(self._key(row))
        self.runs.append(row)
        print(json.dumps(row), flush=True)
        if self.path is None:
            return
        self.path.parent.mkdir(parents=True, exist_ok=True)
        content = {"machine": machine(), "about": self.about, "note": self.note}
        content["results"] = self.summary()
        self.path.write_text(json.dumps({**content, "runs": self.runs}, indent=1) + "\n")

    def forget(self, key: tuple[str | int, ...]) -> None:
        """Leave a row out, to be measured anew."""
        self.runs = [row for row in self.runs if self._key(row) != key]

    def _key(self, row: Row) -> tuple[str | int, ...]:
        return tuple(row[name] for name in self.keys)

    @abstractmethod
    def summary(self) -> list[Row]:
        """What readers are shown, over the seeds."""

    def text(self) -> str:
        """The summary, for a terminal."""
        return "\n".join("  ".join(str(value) for value in row.values()) for row in self.summary())


def spread(values: Sequence[float], *, digits: int = 3, sign: str = "") -> str:
    """Mean and standard deviation of what was measured; nothing of nothing."""
    if not values:  # measured before there was this column
        return ""
    around = f" ± {stdev(values):.{digits}f}" if len(values) > 1 else ""
    return f"{fmean(values):{sign}.{digits}f}{around}"


def leads(own: Sequence[float], other: Sequence[float]) -> bool:
    """Whether the lead of the means is larger than the two spreads together."""
    if not own or not other:
        return False
    both = sum(stdev(values) ** 2 for values in (own, other) if len(values) > 1)
    return fmean(own) - fmean(other) > both**0.5


def column(rows: Sequence[Row], name: str) -> list[float]:
    """The numbers of a column, of the rows that have one."""
    return [row[name] for row in rows if isinstance(row.get(name), int | float)]


class Results(Table):
    """The table of methods; see `Table` for its arguments."""

    wanted = frozenset(PROBES)

    def __init__(self, path: Path, about: str, note: str = "") -> None:
        super().__init__(path, about, ". ".join(filter(None, (note, NOTE))))

    def summary(self) -> list[Row]:
        """One row for each kind of features on each encoder, over the seeds."""
        groups: dict[tuple[str, str], list[Row]] = {}
        for row in self.runs:
            groups.setdefault((row["encoder"], row["features"]), []).append(row)
        order = [RAW, RANDOM, SUPERVISED]
        ranked = sorted(
            groups, key=lambda g: (g[0], order.index(g[1]) if g[1] in order else len(order))
        )
        return [self._summed(groups, *group) for group in ranked]

    def _summed(self, groups: dict[tuple[str, str], list[Row]], encoder: str, name: str) -> Row:
        rows = groups[encoder, name]
        head: Row = {"features": name, "encoder": encoder}
        if any("problem" in row for row in rows):
            return {**head, "note": next(row["problem"] for row in rows if "problem" in row)}
        out: Row = {**head, **{p: _said(rows, p) for p in PROBES}, "seeds": len(rows)}
        out["CPU seconds a run"] = round(fmean(row["seconds"] for row in rows))
        if name not in (RAW, RANDOM, SUPERVISED):
            out["beats random by more than the spread"] = _beaten(
                rows, groups.get((encoder, RANDOM), [])
            )
            out["beats raw features"] = _beaten(rows, groups.get(("", RAW), []))
        return out


def _said(rows: Sequence[Row], probe: str) -> str:
    values = column(rows, probe)
    return f"{fmean(values):.1f}" if probe == "rankme" and values else spread(values)


def _beaten(rows: Sequence[Row], baseline: Sequence[Row]) -> str:
    """The probes whose lead is larger than the two spreads together; `no` if none is."""
    both = [probe for probe in JUDGED if all(probe in row for row in (*rows, *baseline))]
    won = [probe for probe in both if leads(column(rows, probe), column(baseline, probe))]
    return " and ".join(won) or "no"
