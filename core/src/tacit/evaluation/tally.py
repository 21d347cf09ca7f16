"""The values of probes as they come: over seeds, numbers of labels and kinds of features."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from tacit.evaluation.probes import Probe, Sample
from tacit.evaluation.scores import Features, Score, aggregate
from tacit.evaluation.supervised import Supervised

_COUNTED = frozenset({"labels", "layers"})
"""What a probe needs that can be fitted on any number of labels."""


class Tally:
    """Values by probe, metric, number of labels and features, in the order they came.

    Args:
        counts: numbers of labels probes are fitted on; None for all.
    """

    def __init__(self, counts: Sequence[int | None]) -> None:
        self._counts = counts
        self._values: dict[tuple[str, str, int | None], dict[Features, list[float]]] = {}

    def add(
        self, features: Features, probes: Sequence[Probe], sample: Sample, seeds: Sequence[int]
    ) -> None:
        """Run the probes on one sample: for each seed, or once if no seed can change the result."""
        for probe in probes:
            for count in self._counts if probe.needs in _COUNTED else (None,):
                seeded = probe.seeded or count is not None
                for seed in seeds if seeded else seeds[:1]:
                    measured = probe(_few(sample, count, seed), torch.Generator().manual_seed(seed))
                    for metric, value in measured.items():
                        self._note(probe.name, metric, count, features, value)

    def add_supervised(
        self,
        probes: Sequence[Probe],
        supervised: Supervised,
        sample: Sample,
        seeds: Sequence[int],
    ) -> None:
        """Set the supervised model beside every metric that it can be measured by."""
        for count in self._counts:
            for seed in seeds:
                target, rows = _few(sample, count, seed).target, _drawn(sample, count, seed)
                assert target is not None
                self._beside("supervised", probes, supervised.scores(target, rows, seed), count)

    def add_constant(self, probes: Sequence[Probe], sample: Sample, seeds: Sequence[int]) -> None:
        """Set the constant prediction beside every metric that it can be measured by."""
        counted = any(probe.needs in _COUNTED for probe in probes)
        for count in dict.fromkeys((None, *self._counts)) if counted else (None,):
            for seed in seeds if count is not None else seeds[:1]:
                target = _few(sample, count, seed).target
                assert target is not None
                self._beside("majority", probes, target.constant_scores(), count)

    def scores(self) -> list[Score]:
        """What was measured, summed up over the seeds."""
        return [
            aggregate(probe, metric, features, values, labels=count)
            for (probe, metric, count), kinds in self._values.items()
            for features, values in kinds.items()
        ]

    def _beside(
        self,
        features: Features,
        probes: Sequence[Probe],
        measured: Mapping[str, float],
        count: int | None,
    ) -> None:
        for metric, value in measured.items():
            for probe in probes:
                if (probe.name, metric, count) in self._values:
                    self._note(probe.name, metric, count, features, value)

    def _note(
        self, probe: str, metric: str, count: int | None, features: Features, value: float
    ) -> None:
        kinds = self._values.setdefault((probe, metric, count), {})
        kinds.setdefault(features, []).append(value)


def counts_of(labels: Sequence[int | None], probes: Sequence[Probe]) -> tuple[int | None, ...]:
    """The numbers of labels to try, each once.

    Raises:
        ValueError: none, one below 1, or no probe that counts its labels.
    """
    counts = tuple(dict.fromkeys(labels))
    if not counts or any(count is not None and count < 1 for count in counts):
        raise ValueError(f"labels: wanted numbers from 1, or None for all; got {labels}")
    if counts != (None,) and not any(probe.needs in _COUNTED for probe in probes):
        named = ", ".join(probe.name for probe in probes)
        raise ValueError(f"labels={counts} has no effect: no probe among {named} counts its labels")
    return counts


def _drawn(sample: Sample, count: int | None, seed: int) -> Tensor | None:
    """Which instances of the training set are labelled, by a seed; None for all."""
    if count is None:
        return None
    if count > len(sample.train):
        raise ValueError(
            f"labels: wanted at most the {len(sample.train)} of the training set; got {count}"
        )
    return torch.randperm(len(sample.train), generator=torch.Generator().manual_seed(seed))[:count]


def _few(sample: Sample, count: int | None, seed: int) -> Sample:
    rows = _drawn(sample, count, seed)
    return sample if rows is None else sample.labelled(rows)
