"""Bags of made-up patients: no network, no files."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import torch
from torch import Generator, Tensor

from tacit_tabular.data.bags import BagSource

TESTS = 12
_FACTORS = 3
_SEEDS = {"train": 1, "test": 2}


@dataclass(frozen=True, kw_only=True)
class DrawnBagsConfig:
    """How many patients.

    Args:
        count: patients of a split.
        split: `train` or `test`, which are drawn apart.

    Raises:
        ValueError: fewer than 1 patient.
    """

    count: int = 128
    split: Literal["train", "test"] = "train"

    def __post_init__(self) -> None:
        if self.count < 1:
            raise ValueError(f"count: wanted at least 1; got {self.count}")


class DrawnBags(BagSource):
    """Patients with a bag of 3 to 9 of twelve tests each; labelled by which of two ails them.

    A test's value grows with three factors of the patient, by weights and on a scale of its own,
    with noise; the label moves the first factor, and some tests are taken more often of the ill.
    One value in twenty is missing. The same bags at every opening.
    """

    Config = DrawnBagsConfig

    def __init__(self, config: DrawnBagsConfig) -> None:
        self.config = config
        train = _drawn(max(config.count, 128), "train")
        vocabulary = BagSource(*_lists(*train[:3])).vocabulary
        codes, values, kept, ill = (
            train if config.split == "train" else _drawn(config.count, config.split)
        )
        first = slice(0, config.count)
        super().__init__(
            *_lists(codes[first], values[first], kept[first]),
            vocabulary=vocabulary,
            labels=ill[first],
            label_names=("first", "second"),
        )

    @classmethod
    def splits(cls, _: Any) -> tuple[str, ...]:
        """See `tacit.data.Source.splits`."""
        return tuple(_SEEDS)


def _drawn(count: int, split: str) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Codes, values, which of them are there, and the label, for each patient."""
    fixed = Generator().manual_seed(0)
    mixing = torch.randn(_FACTORS, TESTS, generator=fixed).abs()
    scale = 10 ** (2 * torch.rand(TESTS, generator=fixed))
    generator = Generator().manual_seed(_SEEDS[split])
    ill = torch.randint(2, (count,), generator=generator)
    factors = torch.randn(count, _FACTORS, generator=generator)
    factors[:, 0] += 1.5 * ill
    noise = 0.3 * torch.randn(count, TESTS, generator=generator)
    values = (5.0 + factors @ mixing + noise) * scale
    missing = torch.rand(values.shape, generator=generator) < 0.05
    wish = torch.rand(values.shape, generator=generator)
    wish[:, : TESTS // 4] += 0.2 * ill[:, None]
    order = wish.argsort(1, descending=True)
    sizes = torch.randint(3, 10, (count, 1), generator=generator)
    kept = torch.arange(TESTS) < sizes
    return order, values.masked_fill(missing, torch.nan).gather(1, order), kept, ill


def _lists(
    codes: Tensor, values: Tensor, kept: Tensor
) -> tuple[list[list[str]], list[list[float]]]:
    names = [
        [f"test {int(code):02}" for code in row[there]]
        for row, there in zip(codes, kept, strict=True)
    ]
    return names, [row[there].tolist() for row, there in zip(values, kept, strict=True)]
