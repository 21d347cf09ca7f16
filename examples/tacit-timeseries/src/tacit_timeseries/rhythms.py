"""Series made by a small generator: for a first run and for tests."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Float, Int
from torch import Tensor

from tacit.contract import Batch
from tacit.data import Source, index_tensor

SEEDS = {"train": 0, "test": 1}
LENGTH = 128
CYCLES = (3.0, 7.0)
"""Cycles within a series: slow and fast."""
LAGS = (0.0, 0.15)
"""Cycles by which each channel is behind the one before: together and travelling."""


@dataclass(frozen=True, kw_only=True)
class RhythmsConfig:
    """Which rhythms.

    Args:
        count: how many series; the classes are equally frequent.
        noise: its deviation, where a rhythm's own is about 0.7.
        split: `train` or `test`, drawn apart.

    Raises:
        ValueError: fewer than one series, negative noise, or another split.
    """

    count: int = 512
    noise: float = 1.0
    split: str = "train"

    def __post_init__(self) -> None:
        if self.count < 1:
            raise ValueError(f"count: wanted at least 1; got {self.count}")
        if self.noise < 0:
            raise ValueError(f"noise: wanted 0 or more; got {self.noise}")
        if self.split not in SEEDS:
            raise ValueError(f"split: wanted one of {', '.join(SEEDS)}; got {self.split!r}")


class Rhythms(Source):
    """Noisy waves of 3 channels and 128 moments; the label is their pace and how channels lag.

    Every series starts at a phase of its own, so that no moment by itself tells the class.
    """

    Config = RhythmsConfig
    modalities = ("series",)
    label_names = ("slow-together", "slow-travelling", "fast-together", "fast-travelling")

    def __init__(self, config: RhythmsConfig) -> None:
        draw = torch.Generator().manual_seed(SEEDS[config.split])
        self.label = torch.arange(config.count) % len(self.label_names)
        waves = _waves(self.label, draw)
        self.series = waves + config.noise * torch.randn(waves.shape, generator=draw)

    def __len__(self) -> int:
        return len(self.series)

    def labels(self) -> Tensor:
        """The class of every series."""
        return self.label

    def fetch(self, indices: Sequence[int]) -> Batch:
        """Some series."""
        rows = index_tensor(indices)
        return Batch(values={"series": self.series[rows]}, index=rows, label=self.label[rows])

    @classmethod
    def splits(cls, config: Any) -> tuple[str, ...]:
        """Those drawn apart."""
        return tuple(SEEDS)


def _waves(
    label: Int[Tensor, " instances"], draw: torch.Generator
) -> Float[Tensor, "instances 3 128"]:
    cycles = torch.tensor(CYCLES)[label // 2, None, None]
    lag = torch.tensor(LAGS)[label % 2, None, None] * torch.arange(3.0)[:, None]
    pace = 1 + 0.2 * (torch.rand(len(label), 1, 1, generator=draw) - 0.5)
    start = torch.rand(len(label), 1, 1, generator=draw)
    time = torch.linspace(0, 1, LENGTH)
    return torch.sin(2 * torch.pi * (cycles * pace * time - lag + start))
