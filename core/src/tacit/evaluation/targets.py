"""What a labelled probe predicts, made from the labels that came with the embeddings."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, TypeAlias

import torch
from jaxtyping import Float, Int
from torch import Tensor

from tacit.evaluation.embeddings import Embeddings
from tacit.evaluation.metrics import accuracy, r2, rmse

Task: TypeAlias = Literal["classification", "regression"]


@dataclass(frozen=True, kw_only=True)
class Target:
    """What a labelled probe predicts.

    Attributes:
        train: class of every training instance, or its numbers.
        test: likewise of the test set.
        groups: of the training set; a validation part keeps groups whole.
        classes: how many classes there are; None for regression.
    """

    train: Int[Tensor, " train"] | Float[Tensor, "train targets"]
    test: Int[Tensor, " test"] | Float[Tensor, "test targets"]
    groups: Int[Tensor, " train"] | None = None
    classes: int | None = None

    def scores(self, predicted: Tensor) -> Mapping[str, float]:
        """Measure predictions on the test set: accuracy, or R2 and RMSE."""
        if self.classes is not None:
            return {"accuracy": accuracy(predicted, self.test)}
        return {"r2": r2(predicted, self.test), "rmse": rmse(predicted, self.test)}

    def constant_scores(self) -> Mapping[str, float]:
        """Measure always predicting the commonest training class, or the training mean."""
        if self.classes is not None:
            return self.scores(self.train.bincount().argmax().expand(len(self.test)))
        return self.scores(self.train.mean(0).expand(len(self.test), -1))


def make_target(train: Embeddings, test: Embeddings, *, task: Task) -> Target:
    """Check the labels of both sets and bring them into the form the probes take.

    Classes are numbered 0, 1, ... in the order of the training labels, so that gaps cost nothing.
    A test label that never occurs in training stays as one nobody can predict.

    Raises:
        ValueError: for labels that are missing, or of a kind that does not fit the task.
    """
    given, wanted = _labels(train, "training"), _labels(test, "test")
    groups = None if train.group is None else torch.unique(train.group, return_inverse=True)[1]
    if task == "regression":
        numbers = [_numbers(given, "training"), _numbers(wanted, "test")]
        return Target(train=numbers[0], test=numbers[1], groups=groups)
    known, codes = torch.unique(_whole(given, "training"), return_inverse=True)
    place = torch.searchsorted(known, _whole(wanted, "test")).clamp_max(len(known) - 1)
    seen = torch.where(known[place] == wanted, place, -1)
    return Target(train=codes, test=seen, groups=groups, classes=len(known))


def _labels(found: Embeddings, part: str) -> Tensor:
    if found.label is None:
        raise ValueError(
            f"wanted labels in the {part} set, got none: name the label column of the source, or "
            "ask only for probes without labels"
        )
    return found.label


def _whole(labels: Tensor, part: str) -> Tensor:
    if labels.is_floating_point() or labels.ndim != 1:
        raise ValueError(
            f"wanted one integer class for each instance of the {part} set, got "
            f"{labels.dtype} of shape {tuple(labels.shape)}: for numbers pass task='regression'"
        )
    if int(labels.min()) < 0:
        raise ValueError(
            f"wanted classes from 0 in the {part} set, got {int(labels.min())}: leave unlabelled "
            "instances out"
        )
    return labels.long()


def _numbers(labels: Tensor, part: str) -> Tensor:
    numbers = labels.double()
    if not bool(numbers.isfinite().all()):
        raise ValueError(
            f"wanted finite labels in the {part} set, got NaN or infinity: leave those instances "
            "out"
        )
    return numbers[:, None] if numbers.ndim == 1 else numbers
