"""Problems as a modality: an instance is a whole small data set, rows with labels."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from tacit.contract import Modality


@dataclass(frozen=True, kw_only=True, eq=False)
class Problems:
    """Supervised problems: each a set of rows, whose order means nothing, of one function.

    Args:
        inputs: the columns of every row.
        labels: a number for every row; NaN where it is not known, and so is asked for.
    """

    inputs: Float[Tensor, "problems rows columns"]
    labels: Float[Tensor, "problems rows"]

    def __len__(self) -> int:
        return int(self.labels.shape[0])

    def __getitem__(self, rows: slice) -> Problems:
        return Problems(inputs=self.inputs[rows], labels=self.labels[rows])

    def to(self, device: torch.device, non_blocking: bool = False) -> Problems:
        """The problems on another device."""
        return Problems(
            inputs=self.inputs.to(device, non_blocking=non_blocking),
            labels=self.labels.to(device, non_blocking=non_blocking),
        )

    def relabelled(self, labels: Float[Tensor, "problems rows"]) -> Problems:
        """The same rows with other labels."""
        return Problems(inputs=self.inputs, labels=labels)

    @staticmethod
    def asking(
        inputs: Float[Tensor, "problems context columns"],
        labels: Float[Tensor, "problems context"],
        queries: Float[Tensor, "problems queries columns"],
    ) -> Problems:
        """Rows whose labels are known, then rows whose labels are asked for."""
        unknown = labels.new_full(queries.shape[:2], torch.nan)
        return Problems(
            inputs=torch.cat([inputs, queries], dim=1), labels=torch.cat([labels, unknown], dim=1)
        )


class Problem(Modality):
    """Small data sets of rows and labels."""

    name = "problem"
    default_encoder = "tabular/in-context"

    def collate(self, samples: Sequence[Any]) -> Problems:
        """Problems of one size as one value.

        Raises:
            ValueError: no samples, or samples that differ in rows or columns.
        """
        whole = self.concatenate(samples) if samples else None
        if whole is None:
            raise ValueError(
                "problem: wanted problems of as many rows and columns; got none, or others"
            )
        return whole

    def size(self, value: Problems) -> int:
        """Problems of a value."""
        return len(value)

    def concatenate(self, values: Sequence[Problems]) -> Problems | None:
        """Values as one, or None where problems differ in rows or columns."""
        if len({value.inputs.shape[1:] for value in values}) > 1:
            return None
        return Problems(
            inputs=torch.cat([value.inputs for value in values]),
            labels=torch.cat([value.labels for value in values]),
        )

    def raw_features(self, value: Problems) -> Float[Tensor, "problems features"]:
        """The labels in the order of the first column; unknown ones as 0."""
        order = value.inputs[..., 0].argsort(dim=1)
        return value.labels.gather(1, order).nan_to_num(0.0).float()

    def suggest(self, value: Problems) -> Mapping[str, object]:
        """The number of columns."""
        return {"inputs": value.inputs.shape[2]}

    def fit(self, preprocessing: object | None, value: Problems) -> None:
        """Refuse rows of another number of columns.

        Raises:
            ValueError: how many are wanted and got.
        """
        if preprocessing is not None and preprocessing != value.inputs.shape[2]:
            raise ValueError(
                f"problem: wanted rows of {preprocessing} columns, as the encoder has; got "
                f"{value.inputs.shape[2]}: set encoder.inputs"
            )
