"""Tables that come with scikit-learn: no network, no files."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar, Literal, TypeAlias

import pandas as pd
import torch

from tacit_tabular.data.frames import FrameSource, infer

Split: TypeAlias = Literal["train", "test", "all"]


@dataclass(frozen=True, kw_only=True)
class BundledConfig:
    """Which part.

    Args:
        split: `train` (four fifths), `test` or `all`; the split is fixed.
    """

    split: Split = "train"


class Bundled(FrameSource):
    """A table of scikit-learn; whatever the split, statistics are those of its training rows."""

    Config = BundledConfig
    loader: ClassVar[str]
    classes: ClassVar[bool] = True

    @classmethod
    def splits(cls, _: BundledConfig) -> tuple[str, ...]:
        """See `tacit.data.Source.splits`."""
        return ("train", "test", "all")

    def __init__(self, config: BundledConfig) -> None:
        self.config = config
        frame, target, names = self._load()
        order = torch.randperm(len(frame), generator=torch.Generator().manual_seed(0))
        cut = len(frame) * 4 // 5
        parts = {"train": order[:cut], "test": order[cut:], "all": torch.arange(len(frame))}
        train = frame.iloc[parts["train"].numpy()]
        rows = parts[config.split]
        super().__init__(
            frame.iloc[rows.numpy()],
            columns=tuple(infer(train[name]) for name in frame.columns),
            labels=torch.from_numpy(target)[rows],
            label_names=names,
        )

    def _load(self) -> tuple[pd.DataFrame, Any, tuple[str, ...] | None]:
        from sklearn import datasets

        bunch = getattr(datasets, self.loader)()
        frame = pd.DataFrame(bunch.data, columns=[*map(str, bunch.feature_names)])
        if not self.classes:
            return frame, bunch.target, None
        return frame, bunch.target.astype("int64"), tuple(map(str, bunch.target_names))


class Wine(Bundled):
    """178 wines, 13 measurements, 3 cultivars."""

    loader = "load_wine"


class BreastCancer(Bundled):
    """569 tumours, 30 measurements, benign or malignant."""

    loader = "load_breast_cancer"


class Diabetes(Bundled):
    """442 patients, 10 measurements, progression after a year as a number."""

    loader = "load_diabetes"
    classes = False
