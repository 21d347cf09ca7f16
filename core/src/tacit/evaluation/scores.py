"""Scores beside their baselines: the record, the mean over seeds, the verdict and the table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from math import sqrt
from statistics import fmean, stdev
from typing import Literal, TypeAlias

Features: TypeAlias = Literal[
    "encoder", "initial", "random", "raw", "supervised", "majority", "chance"
]
"""What a probe stood on: the trained encoder, the same as another run had left it before this one
went on, a random-initialised one, the raw features, no features at all but the model people would
fit on the labelled data themselves (`Modality.supervised`), or nothing: always the commonest class
or the mean of the labels, or, of a choice among candidates, a random one. In retrieval, the raw
features stand behind a linear CCA."""

_BASELINES: tuple[Features, ...] = ("initial", "random", "raw", "supervised", "majority", "chance")
_SAID = {
    "initial": "the encoder it began as",
    "random": "a random encoder",
    "raw": "raw features",
    "supervised": "the supervised model",
    "majority": "the majority baseline",
    "chance": "chance",
}
_BETTER = {"accuracy": 1, "r2": 1, "rmse": -1, "R": 1, "median rank": -1}
"""Which way a metric improves, by its name up to `@` or `of`. One that is not here describes; it
does not win or lose."""


@dataclass(frozen=True, kw_only=True)
class Score:
    """One probe's result on one kind of features.

    Attributes:
        probe: its name.
        metric: what was measured.
        features: what the probe stood on.
        value: mean over the seeds.
        std: sample standard deviation over the seeds, 0 with one seed, where none can be known.
        seeds: over how many seeds. What differs between two seeds is whatever the probe and the
            features draw at random: the validation split, the initial weights, the training run,
            and which instances are labelled, where these are few.
        labels: how many labelled instances the probe was fitted on; None for all, and for a probe
            that does not choose them so.
    """

    probe: str
    metric: str
    features: Features
    value: float
    std: float
    seeds: int
    labels: int | None = None


def aggregate(
    probe: str,
    metric: str,
    features: Features,
    values: Sequence[float],
    *,
    labels: int | None = None,
) -> Score:
    """Summarise the values of several seeds.

    Raises:
        ValueError: without any value.
    """
    if not values:
        raise ValueError(f"wanted at least one value of {probe} {metric} on {features}, got none")
    std = stdev(values) if len(values) > 1 else 0.0
    return Score(
        probe=probe,
        metric=metric,
        features=features,
        value=fmean(values),
        std=std,
        seeds=len(values),
        labels=labels,
    )


def to_json(scores: Sequence[Score]) -> list[dict[str, str | float | int | None]]:
    """Turn scores into plain records with the fields of `Score` as keys, ready for `json.dump`."""
    return [asdict(score) for score in scores]


def verdict(encoder: Score, baselines: Sequence[Score]) -> str:
    """Say which baselines the encoder does not beat, if any.

    A lead no larger than the two spreads together (root of the sum of their squares) counts as
    none that can be told from chance. Empty for a metric that only describes.
    """
    if _kind(encoder.metric) not in _BETTER or not baselines:
        return ""
    lost = [_SAID[b.features] for b in baselines if _lead(encoder, b) <= 0]
    close = [_SAID[b.features] for b in baselines if 0 < _lead(encoder, b) <= _spread(encoder, b)]
    parts = []
    if lost:
        parts.append("does not beat " + ", ".join(lost))
    if close:
        parts.append("within the spread of " + ", ".join(close))
    return "; ".join(parts) or "beats all baselines"


def score_table(scores: Sequence[Score]) -> str:
    """Lay out every probe's encoder score beside its baselines, with the verdict, uncoloured.

    `seeds` counts those behind a mean and its deviation; a value without one is that of every seed.
    """
    from rich.box import SIMPLE
    from rich.console import Console
    from rich.table import Table

    columns = [name for name in ("encoder", *_BASELINES) if any(s.features == name for s in scores)]
    few = any(s.labels is not None for s in scores)
    head = ["probe", "metric", *(["labels"] if few else []), *columns, "seeds", "verdict"]
    grid = Table(*head, box=SIMPLE)
    for kind in dict.fromkeys(map(_measured, scores)):
        row = {s.features: s for s in scores if _measured(s) == kind}
        cells = [_cell(row[name]) if name in row else "" for name in columns]
        rivals = [row[name] for name in _BASELINES if name in row]
        said = verdict(row["encoder"], rivals) if "encoder" in row else ""
        probe, metric, labels = kind
        count = [] if not few else [_counted(labels, row)]
        seeds = str(max(score.seeds for score in row.values()))
        grid.add_row(probe, metric, *count, *cells, seeds, said)
    console = Console(width=160, color_system=None, force_terminal=False)
    with console.capture() as captured:
        console.print(grid)
    return captured.get()


def _measured(score: Score) -> tuple[str, str, int | None]:
    return score.probe, score.metric, score.labels


def _kind(metric: str) -> str:
    """`R` of `R@10 of 1000`: a metric without the numbers it was measured with."""
    return metric.partition(" of ")[0].partition("@")[0]


def _lead(encoder: Score, baseline: Score) -> float:
    return (encoder.value - baseline.value) * _BETTER[_kind(encoder.metric)]


def _spread(encoder: Score, baseline: Score) -> float:
    return sqrt(encoder.std**2 + baseline.std**2)


def _cell(score: Score) -> str:
    if score.seeds == 1:
        return f"{score.value:.4f}"
    return f"{score.value:.4f} ± {score.std:.4f}"


def _counted(labels: int | None, row: Mapping[Features, Score]) -> str:
    """How many labels; nothing where the probe reads none, which no constant stands beside."""
    if labels is not None:
        return str(labels)
    return "all" if "majority" in row else ""
