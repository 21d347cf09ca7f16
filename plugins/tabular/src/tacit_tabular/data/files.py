"""Tables in files: CSV, parquet, Arrow; one file, or a folder of `train` and `test`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import pandas as pd
import torch
from torch import Tensor

from tacit_tabular.data.anything import holds_rows, read_file
from tacit_tabular.data.frames import FrameSource, category_of, infer
from tacit_tabular.data.splits import InSplits, SplitsConfig, both_of, files_of
from tacit_tabular.schema import Kind


@dataclass(frozen=True, kw_only=True)
class FilesConfig(SplitsConfig):
    """Which table, and what its columns mean; see `SplitsConfig` for its files.

    Args:
        categorical: columns that hold categories though they look like numbers.
        numerical: columns that hold numbers though they look like categories.
        drop: columns to leave out: identifiers, other labels.

    Raises:
        ValueError: a column is named twice.
    """

    categorical: tuple[str, ...] = ()
    numerical: tuple[str, ...] = ()
    drop: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        label = () if self.label is None else (self.label,)
        named = (*self.categorical, *self.numerical, *self.drop)
        if twice := sorted({name for name in named if (*named, *label).count(name) > 1}):
            raise ValueError(f"columns {twice} are named more than once")

    def unlabelled(self) -> FilesConfig:
        """See `SplitsConfig.unlabelled`."""
        drop = self.drop if self.label is None else (*self.drop, self.label)
        return replace(self, label=None, drop=drop)

    def kinds(self) -> dict[str, Kind]:
        """The kinds that are told."""
        told: dict[str, Kind] = dict.fromkeys(self.categorical, "categorical")
        return told | dict.fromkeys(self.numerical, "numerical")


class Files(InSplits, FrameSource):
    """A table in files; whatever the split, statistics and classes are those of `train`.

    Raises:
        ValueError: a file that is missing or cannot be read, columns that are not there, labels
            that are missing or, in another split, of a class unseen in `train`; and all that
            `FrameSource` refuses.
    """

    Config = FilesConfig

    def __init__(self, config: FilesConfig) -> None:
        first, own = both_of(config)
        train = read_file(first)
        frame = train if own == first else read_file(own)
        labels, names = labels_of(frame, train, config.label)
        inputs = inputs_of(list(train.columns), config)
        columns = tuple(infer(train[name], config.kinds().get(name)) for name in inputs)
        super().__init__(frame, columns=columns, labels=labels, label_names=names)

    @classmethod
    def recognises(cls, given: str) -> bool:
        """Whether it is such a file, or a folder of them, whose columns hold cells."""
        try:
            return holds_rows(files_of(Path(given))["train"])
        except ValueError:
            return False


def labels_of(
    frame: pd.DataFrame, train: pd.DataFrame, label: str | None
) -> tuple[Tensor | None, tuple[str, ...] | None]:
    """The label of every row, and the names of the classes of `train`, if they are classes.

    Raises:
        ValueError: no such column, labels that are missing, or classes unseen in `train`.
    """
    if label is None:
        return None, None
    for part in (train, frame):
        if label not in part.columns:
            raise ValueError(f"label: no column {label!r}; the table has {[*part.columns]}")
    if missing := int(frame[label].isna().sum()):
        raise ValueError(f"label: column {label!r} lacks {missing} values: drop these rows")
    known = infer(train[label])
    if known.kind == "numerical":
        return torch.from_numpy(frame[label].to_numpy(dtype="float64")), None
    found = frame[label].astype(object).map(category_of)
    codes = pd.Index(known.categories, dtype=object).get_indexer(pd.Index(found, dtype=object))
    if (codes < 0).any():
        new = sorted(set(found) - set(known.categories))
        raise ValueError(
            f"label: classes {new} do not occur in train, which has {known.categories}"
        )
    return torch.from_numpy(codes).long(), known.categories


def inputs_of(there: Sequence[str], config: FilesConfig) -> list[str]:
    """The columns an encoder is to see, of those that are there.

    Raises:
        ValueError: a column that is named is not there.
    """
    named = (*config.categorical, *config.numerical, *config.drop)
    if unknown := sorted(set(named) - set(there)):
        raise ValueError(f"columns: no {unknown}; the table has {[*there]}")
    return [name for name in there if name not in config.drop and name != config.label]
