"""Views of problems: labels asked for, two samples of one function, and the problem as it is."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Generator, Tensor

from tacit.contract import Augmentation, View
from tacit_tabular.problems import Problems


@dataclass(frozen=True, kw_only=True)
class AskedConfig:
    """Settings of the view.

    Args:
        least: fewest rows whose labels stay known.
        most: most of them; None for all but one.

    Raises:
        ValueError: a negative number, or fewer at most than at least.
    """

    least: int = 0
    most: int | None = None

    def __post_init__(self) -> None:
        if self.least < 0:
            raise ValueError(f"least: wanted at least 0; got {self.least}")
        if self.most is not None and self.most < self.least:
            raise ValueError(f"most: wanted at least {self.least}; got {self.most}")


class Asked(Augmentation):
    """A problem some of whose labels are taken away: those asked for.

    How many stay is drawn evenly for every problem, and which. The meta: `asked`, the rows whose
    labels were taken, and `answers`, all labels.

    Source: Müller et al. 2022 (arXiv:2112.10510), algorithm 1; how many rows are known is drawn as
    in automl/TransformersCanDoBayesianInference, utils.py, `get_uniform_single_eval_pos_sampler`.
    Where we differ: drawn for each problem, where the authors draw for the batch.
    """

    Config = AskedConfig
    roles = ("asked",)
    meta = frozenset({"asked", "answers"})

    def __init__(self, config: AskedConfig) -> None:
        self.config = config

    def __call__(self, value: Problems, generator: Generator) -> tuple[View, ...]:
        """One view.

        Raises:
            ValueError: problems of too few rows.
        """
        labels, rows = value.labels, value.labels.shape[1]
        least = self.config.least
        most = rows - 1 if self.config.most is None else self.config.most
        if not least <= most < rows:
            raise ValueError(
                f"asked: wanted problems of more than {max(least, most)} rows; got {rows}"
            )
        device = labels.device
        drawn = torch.rand(len(labels), 1, generator=generator, device=device)
        kept = least + (drawn * (most - least + 1)).floor()
        order = torch.rand(labels.shape, generator=generator, device=device).argsort(1).argsort(1)
        asked = (order >= kept) & ~labels.isnan()
        left = labels.masked_fill(asked, torch.nan)
        return (
            View(
                value=value.relabelled(left), meta={"asked": asked, "answers": labels}, role="asked"
            ),
        )


@dataclass(frozen=True, kw_only=True)
class SamplesConfig:
    """Two halves have no settings."""


class TwoSamples(Augmentation):
    """Two halves of a problem's rows, drawn at random: what they share is the function.

    The meta of each view: `rows`, which rows of the problem it holds.

    Source: Gondal et al. 2021 (arXiv:2010.07093), Function Contrastive Learning, section 3.1. Where
    we differ: halves, where the paper has any number of disjoint samples.
    """

    Config = SamplesConfig
    roles = ("sample", "sample")
    meta = frozenset({"rows"})

    def __init__(self, config: SamplesConfig) -> None:
        self.config = config

    def __call__(self, value: Problems, generator: Generator) -> tuple[View, ...]:
        """Both halves; of an odd number of rows one is in neither.

        Raises:
            ValueError: problems of a single row.
        """
        labels = value.labels
        half = labels.shape[1] // 2
        if not half:
            raise ValueError("two samples: wanted problems of at least 2 rows; got 1")
        order = torch.rand(labels.shape, generator=generator, device=labels.device).argsort(1)
        return tuple(
            View(value=_rows(value, rows), meta={"rows": rows}, role="sample")
            for rows in (order[:, :half], order[:, half : 2 * half])
        )


def _rows(value: Problems, rows: Tensor) -> Problems:
    at = rows[..., None].expand(-1, -1, value.inputs.shape[2])
    return Problems(inputs=value.inputs.gather(1, at), labels=value.labels.gather(1, rows))


@dataclass(frozen=True, kw_only=True)
class WholeConfig:
    """A problem as it is has no settings."""


class Whole(Augmentation):
    """The problem itself, for objectives that hide rows."""

    Config = WholeConfig
    roles = ("view",)

    def __init__(self, config: WholeConfig) -> None:
        self.config = config

    def __call__(self, value: Problems, generator: Generator) -> tuple[View, ...]:
        """One view."""
        return (View(value=value),)
