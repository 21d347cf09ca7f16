"""What people would fit on the labelled data itself, instead of pretraining: one more baseline."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Int
from torch import Tensor

from tacit.contract import Batch, Modality
from tacit.evaluation.embeddings import kept_rows
from tacit.evaluation.targets import Target


@dataclass(frozen=True, kw_only=True)
class Supervised:
    """The modality's own supervised model, and the data to fit and measure it on.

    Attributes:
        modality: one that `supervises`.
        train: values of the training set as one.
        rows: where in them each instance is, in the order of the data set.
        test: likewise to measure on.
        test_rows: where each of those is.
    """

    modality: Modality
    train: Any
    rows: Int[Tensor, " train"]
    test: Any
    test_rows: Int[Tensor, " test"]

    @classmethod
    def of(cls, modality: Modality, train: Iterable[Batch], test: Iterable[Batch]) -> Supervised:
        """Read both sets whole.

        Raises:
            ValueError: values that do not fit together.
        """
        (first, rows), (second, test_rows) = (_whole(modality, each) for each in (train, test))
        return cls(modality=modality, train=first, rows=rows, test=second, test_rows=test_rows)

    def scores(
        self, target: Target, few: Int[Tensor, " labelled"] | None, seed: int
    ) -> Mapping[str, float]:
        """Fit on the labelled instances and measure on the test set.

        Args:
            target: labels of the instances that are fitted on, and of the test set.
            few: which instances of the training set those are; all if None.
            seed: of what is drawn in fitting.
        """
        predicted = self.modality.supervised(
            self.train,
            self.test,
            rows=self.rows if few is None else self.rows[few],
            labels=target.train,
            classes=target.classes,
            seed=seed,
        )
        return target.scores(predicted[self.test_rows])


def _whole(modality: Modality, batches: Iterable[Batch]) -> tuple[Any, Int[Tensor, " instances"]]:
    values, places, positions, seen = [], [], [], 0
    for batch in batches:
        value = batch.values[modality.name]
        kept, size = kept_rows(batch, modality.name), modality.size(value)
        places.append(seen + (torch.arange(size) if kept is None else kept.cpu()))
        positions.append((batch.index if kept is None else batch.index[kept]).cpu())
        values.append(value)
        seen += size
    whole = modality.concatenate(values)
    if whole is None:
        raise ValueError(f"{modality.name}: the batches do not fit together as one value")
    return whole, torch.cat(places)[torch.cat(positions).argsort()]
