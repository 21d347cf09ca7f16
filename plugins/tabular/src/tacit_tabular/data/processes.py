"""Problems drawn from a Gaussian process: without end, or a fixed number of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import torch
from torch import Generator, Tensor

from tacit.contract import Batch
from tacit.data import GeneratedSource, Source, fingerprint, index_tensor
from tacit_tabular.problems import Problems, ProcessConfig, draw

_SEEDS = {"train": 1, "test": 2}


class Process(GeneratedSource):
    """New problems at every step, all labels known: the prior a PFN is fitted to.

    What a step draws depends on the run's seed and the step alone, so a run that was stopped goes
    on with the problems it would have had.

    Source: Müller et al. 2022 (arXiv:2112.10510), section 5.1;
    automl/TransformersCanDoBayesianInference, priors/fast_gp.py. Where we differ: the functions
    have deviation 1, and problems are drawn on the CPU.
    """

    Config = ProcessConfig
    modalities = ("problem",)

    def __init__(self, config: ProcessConfig) -> None:
        self.config = config

    def fetch(self, step: int, size: int, generator: Generator) -> Batch:
        """See `GeneratedSource.fetch`."""
        problems, _ = draw(self.config, size, generator)
        return Batch(values={"problem": problems}, index=torch.arange(size) + step * size)

    def fingerprint(self) -> str:
        """See `GeneratedSource.fingerprint`."""
        return fingerprint(self.config)


@dataclass(frozen=True, kw_only=True)
class DrawnConfig(ProcessConfig):
    """A Gaussian process, and how many problems of it.

    Args:
        lengthscales: see `ProcessConfig`; each is a class, which a probe can find.
        count: problems of a split.
        split: `train` or `test`, which are drawn apart.

    Raises:
        ValueError: fewer than 1 problem.
    """

    lengthscales: tuple[float, ...] = (0.1, 0.5)
    rows: int = 16
    count: int = 128
    split: Literal["train", "test"] = "train"

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.count < 1:
            raise ValueError(f"count: wanted at least 1; got {self.count}")


class DrawnProblems(Source):
    """A fixed number of problems, labelled by their lengthscale; the same ones at every opening."""

    Config = DrawnConfig
    modalities = ("problem",)

    def __init__(self, config: DrawnConfig) -> None:
        self.config = config
        generator = Generator().manual_seed(_SEEDS[config.split])
        self._problems, self._labels = draw(config, config.count, generator)
        self.label_names = tuple(f"{scale:g}" for scale in config.lengthscales)

    @classmethod
    def splits(cls, _: Any) -> tuple[str, ...]:
        """See `tacit.data.Source.splits`."""
        return tuple(_SEEDS)

    def __len__(self) -> int:
        return self.config.count

    def fetch(self, indices: Sequence[int]) -> Batch:
        """The problems at these positions."""
        index = index_tensor(indices)
        problems = Problems(
            inputs=self._problems.inputs[index], labels=self._problems.labels[index]
        )
        return Batch(values={"problem": problems}, index=index, label=self._labels[index])

    def labels(self) -> Tensor:
        """The lengthscale of every problem, by number."""
        return self._labels
