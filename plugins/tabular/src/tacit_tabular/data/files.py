"""Tables in files: CSV, parquet, Arrow; one file, or a folder of `train` and `test`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
import torch
from torch import Tensor

from tacit_tabular.data.anything import SUFFIXES, holds_rows, read_file
from tacit_tabular.data.frames import FrameSource, category_of, infer
from tacit_tabular.schema import Kind


@dataclass(frozen=True, kw_only=True)
class FilesConfig:
    """Which table, and what its columns mean.

    Args:
        path: a file, or a folder that holds `train.*` and, if there is one, `test.*`.
        split: `train` or `test` of a folder; a single file is all `train`.
        label: column that is to be predicted; the encoder never sees it. A column of numbers gives
            a value, any other a class.
        categorical: columns that hold categories though they look like numbers.
        numerical: columns that hold numbers though they look like categories.
        drop: columns to leave out: identifiers, other labels.

    Raises:
        ValueError: a column is named twice.
    """

    path: Path
    split: str = "train"
    label: str | None = None
    categorical: tuple[str, ...] = ()
    numerical: tuple[str, ...] = ()
    drop: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        label = () if self.label is None else (self.label,)
        named = (*self.categorical, *self.numerical, *self.drop)
        if twice := sorted({name for name in named if (*named, *label).count(name) > 1}):
            raise ValueError(f"columns {twice} are named more than once")

    def kinds(self) -> dict[str, Kind]:
        """The kinds that are told."""
        told: dict[str, Kind] = dict.fromkeys(self.categorical, "categorical")
        return told | dict.fromkeys(self.numerical, "numerical")


class Files(FrameSource):
    """A table in files; whatever the split, statistics and classes are those of `train`.

    Raises:
        ValueError: a file that is missing or cannot be read, columns that are not there, labels
            that are missing or, in another split, of a class unseen in `train`; and all that
            `FrameSource` refuses.
    """

    Config = FilesConfig

    def __init__(self, config: FilesConfig) -> None:
        first, own = both_of(config.path, config.split)
        train = read_file(first)
        frame = train if own == first else read_file(own)
        labels, names = labels_of(frame, train, config.label)
        inputs = inputs_of(list(train.columns), config)
        columns = tuple(infer(train[name], config.kinds().get(name)) for name in inputs)
        super().__init__(frame, columns=columns, labels=labels, label_names=names)

    @classmethod
    def splits(cls, config: FilesConfig) -> tuple[str, ...]:
        """See `tacit.data.Source.splits`."""
        return tuple(files_of(config.path))

    @classmethod
    def recognises(cls, given: str) -> bool:
        """Whether it is such a file, or a folder of them, whose columns hold cells."""
        try:
            return holds_rows(files_of(Path(given))["train"])
        except ValueError:
            return False


def both_of(path: Path, split: str) -> tuple[Path, Path]:
    """The file of the training rows, and that of the split asked for.

    Raises:
        ValueError: no such split.
    """
    files = files_of(path)
    if split not in files:
        raise ValueError(f"split: wanted one of {', '.join(files)}; got {split!r}")
    return files["train"], files[split]


def files_of(path: Path) -> Mapping[str, Path]:
    """The file of each split.

    Raises:
        ValueError: a folder without a training file.
    """
    if not path.is_dir():
        return {"train": path}
    found = {file.stem: file for file in sorted(path.iterdir()) if file.suffix in SUFFIXES}
    if "train" not in found:
        raise ValueError(f"path: {path}: wanted a file train.*; got {sorted(found) or 'no tables'}")
    return {name: found[name] for name in ("train", "test") if name in found}


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
