"""The rows of the table of `audio.py`, summed up over their seeds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import fmean, stdev
from typing import ClassVar

from _rows import RANDOM, SUPERVISED, Row, Table, spread

MFCC, LOG_MEL = "MFCC statistics", "log-mel statistics"
MOMENTS = "with deviation"
"""Probes of mean and deviation of tokens, beside those of the mean alone."""
EVIDENCE = ("accuracy", "majority", "code_perplexity", "target_deviation", "predicted_deviation")
"""What targets say of themselves, see `tacit.nn`."""
NOTE = (
    "`linear` is of the mean of a clip's tokens, `with deviation` of mean and deviation; MFCC and "
    "log-mel statistics always have both. Of every encoder the layer counts that is best on a held "
    "out fifth of the training part. A lead is the mean difference to the random encoder, or to "
    "MFCC statistics, of the same seed, with its standard deviation. Evidence of training, first "
    "tenth to last, of a method's last stage: the loss; how often a hidden code was told, and "
    "how often the commonest occurs; how many codes are in use (perplexity); the "
    "deviation of a teacher's features. Spoken digits and instruments are told best by MFCC "
    "statistics, which are spectral envelopes, as those labels are: of so few clips not even the "
    "supervised encoder of the same size passes them"
)


class AudioResults(Table):
    """The table; see `_rows.Table`."""

    keys: ClassVar[tuple[str, ...]] = ("set", "features", "encoder", "seed")
    baselines: ClassVar[tuple[str, ...]] = (MFCC, LOG_MEL, RANDOM, SUPERVISED)

    def __init__(self, path: Path, about: str, note: str = "") -> None:
        super().__init__(path, about, ". ".join(filter(None, (note, NOTE))))

    def summary(self) -> list[Row]:
        """One row for each task and kind of features on each encoder, over the seeds."""
        out = []
        for task in dict.fromkeys((r["set"], name) for r in self.runs for name in _tasks(r)):
            rows = [row for row in self.runs if row["set"] == task[0] and task[1] in row]
            kinds = dict.fromkeys((row["features"], row["encoder"]) for row in rows)
            order = sorted(kinds, key=lambda kind: self._place(kind[0]))
            out += [self._summed(task, rows, *kind) for kind in order]
        return out + [
            {"set": row["set"], "features": row["features"], "note": row["problem"]}
            for row in self.runs
            if "problem" in row
        ]

    def _place(self, features: str) -> int:
        known = self.baselines
        return known.index(features) if features in known else len(known)

    def _summed(
        self, task: tuple[str, str], rows: Sequence[Row], features: str, encoder: str
    ) -> Row:
        own = {r["seed"]: r for r in rows if (r["features"], r["encoder"]) == (features, encoder)}
        rivals = {
            name: {r["seed"]: r[task[1]] for r in rows if (r["features"], r["encoder"]) == rival}
            for name, rival in (("random", (RANDOM, encoder)), ("MFCC", (MFCC, "")))
        }
        scores = {seed: row[task[1]] for seed, row in own.items()}
        judged = features not in self.baselines
        out: Row = {"set": task[0], "task": task[1], "features": features, "encoder": encoder}
        out["linear"] = spread([score["linear"] for score in scores.values()])
        out["layer"] = ", ".join(dict.fromkeys(score["layer"] for score in scores.values()))
        if judged:
            for name, rival in rivals.items():
                found = _leads(scores, rival)
                out[f"lead over {name}"] = spread(found, sign="+")
                if name == "random":
                    out["beyond the spread"] = _beyond(found)
        both = {seed: score[MOMENTS] for seed, score in scores.items() if MOMENTS in score}
        if both:
            out[MOMENTS] = spread([score["linear"] for score in both.values()])
        if both and judged:
            random = {s: score[MOMENTS] for s, score in rivals["random"].items()}
            found = _leads(both, random)
            out[f"lead over random {MOMENTS}"] = spread(found, sign="+")
            out[f"beyond the spread {MOMENTS}"] = _beyond(found)
        if judged:
            out["evidence"] = _evidence(list(own.values()))
        return {
            **out,
            "seeds": len(own),
            "CPU seconds": round(fmean(r["seconds"] for r in own.values())),
        }


def _leads(own: Mapping[int, Row], other: Mapping[int, Row]) -> list[float]:
    """Seed by seed, of the seeds that both have."""
    return [own[seed]["linear"] - other[seed]["linear"] for seed in own if seed in other]


def _tasks(row: Row) -> list[str]:
    return [name for name, value in row.items() if isinstance(value, dict)]


def _beyond(leads: Sequence[float]) -> str:
    """Whether the mean lead is larger than its deviation over seeds; of one seed nobody knows."""
    if len(leads) < 2:
        return ""
    return "yes" if fmean(leads) > stdev(leads) else "no"


def _evidence(rows: Sequence[Row]) -> str:
    """First and last tenth, means over the seeds; of what only describes, the last alone."""
    said = []
    for name in ("loss", *EVIDENCE):
        found = [row[name] for row in rows if name in row]
        if not found:
            continue
        first, last = (fmean(pair[at] for pair in found) for at in (0, 1))
        both = name in ("loss", "accuracy")
        said.append(
            f"{name.replace('_', ' ')} " + (f"{first:.3g} to {last:.3g}" if both else f"{last:.3g}")
        )
    return ", ".join(said)
