"""Where bags come from: lists in memory, and files with an item or a bag a row."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from jaxtyping import Int
from numpy.typing import NDArray
from torch import Tensor

from tacit.contract import Batch
from tacit.data import Source, index_tensor
from tacit_tabular.bags import Bags, Code, fitted
from tacit_tabular.data.anything import header, read_file
from tacit_tabular.data.files import labels_of
from tacit_tabular.data.frames import as_numbers
from tacit_tabular.data.splits import InSplits, SplitsConfig, both_of, files_of


class BagSource(Source):
    """Bags in memory.

    Args:
        codes: of the items of every bag.
        values: of the same items; None or NaN where one is missing.
        vocabulary: the codes and their distributions; None fits them on these bags, which then must
            be the training part.
        labels: class or value of each bag.
        label_names: names of the classes.
        groups: whose bag each is, where somebody has several.

    Raises:
        ValueError: no bags, an empty one, codes that are missing, as many values as there are not
            codes, infinite values, labels of another length.
    """

    modalities = ("bag",)

    def __init__(
        self,
        codes: Sequence[Sequence[Any]],
        values: Sequence[Sequence[Any]],
        *,
        vocabulary: tuple[Code, ...] | None = None,
        labels: Tensor | None = None,
        label_names: tuple[str, ...] | None = None,
        groups: Tensor | None = None,
    ) -> None:
        sizes = _sizes(codes, values)
        names = [_name(item) for bag in codes for item in bag]
        series = pd.Series([item for bag in values for item in bag], name="value", dtype=object)
        numbers = np.array(as_numbers(series))  # a copy that torch may write to
        self._open(names, numbers, sizes, vocabulary)
        if labels is not None and len(labels) != len(self):
            raise ValueError(f"labels: wanted one for each of {len(self)} bags; got {len(labels)}")
        self._labels, self.label_names, self._groups = labels, label_names, groups

    def _open(
        self,
        names: Sequence[str],
        values: NDArray[np.float64],
        sizes: NDArray[np.int64],
        vocabulary: tuple[Code, ...] | None,
    ) -> None:
        self.vocabulary = fitted(names, values) if vocabulary is None else vocabulary
        known = pd.Index([code.name for code in self.vocabulary], dtype=object)
        found = known.get_indexer(pd.Index(names, dtype=object))
        self._codes = torch.from_numpy(found.astype(np.int64))
        self._values = torch.from_numpy(values)
        self._sizes = torch.from_numpy(sizes)
        self._starts = self._sizes.cumsum(0) - self._sizes

    def __len__(self) -> int:
        return int(self._sizes.shape[0])

    def fetch(self, indices: Sequence[int]) -> Batch:
        """The bags at these positions, padded to the largest of them."""
        index = index_tensor(indices)
        sizes = self._sizes[index]
        place = torch.arange(int(sizes.max()) if len(index) else 0)
        valid = place < sizes[:, None]
        at = (self._starts[index][:, None] + place).where(valid, 0)
        bags = Bags(
            codes=self._codes[at].where(valid, -1),
            values=self._values[at].where(valid, torch.nan),
            valid=valid,
            vocabulary=self.vocabulary,
        )
        label = None if self._labels is None else self._labels[index]
        group = None if self._groups is None else self._groups[index]
        return Batch(values={"bag": bags}, index=index, label=label, group=group)

    def labels(self) -> Tensor | None:
        """The label of every bag."""
        return self._labels

    def groups(self) -> Tensor | None:
        """Whose bag each is."""
        return self._groups

    def lengths(self) -> Int[Tensor, " instances"]:
        """Items of every bag."""
        return self._sizes

    def describe(self) -> str:
        """How many bags and codes, and how large bags are."""
        sizes = self._sizes
        spread = f"{int(sizes.min())} to {int(sizes.max())} items"
        return f"{super().describe()}; {len(self.vocabulary):,} codes, {spread}"


def _sizes(codes: Sequence[Sequence[Any]], values: Sequence[Sequence[Any]]) -> NDArray[np.int64]:
    """Items of every bag.

    Raises:
        ValueError: no bags, an empty one, or codes and values that do not pair.
    """
    if not len(codes) or len(codes) != len(values):
        raise ValueError(f"bags: wanted codes and values of each; got {len(codes)}, {len(values)}")
    sizes = np.array([len(bag) for bag in codes], dtype=np.int64)
    others = np.array([len(bag) for bag in values], dtype=np.int64)
    if (wrong := np.flatnonzero(sizes != others)).size:
        at = int(wrong[0])
        raise ValueError(
            f"bags: {wrong.size} hold other numbers of codes than of values; the first, {at}, has "
            f"{sizes[at]} and {others[at]}"
        )
    if (empty := np.flatnonzero(sizes == 0)).size:
        raise ValueError(f"bags: {empty.size} are empty, first {int(empty[0])}: leave them out")
    return sizes


def _name(item: object) -> str:
    if item is None or item != item:  # NaN is not itself
        raise ValueError("bags: some items lack their code: drop them, or give them one")
    return str(item)


@dataclass(frozen=True, kw_only=True)
class BagFilesConfig(SplitsConfig):
    """Which bags, and where their parts stand; see `SplitsConfig` for their files.

    The label is the same all through a bag.

    Args:
        bag: column that says whose item a row is (a patient, a basket); rows of one bag need not
            stand together. `none`: a row is a bag, and code and value are columns of lists.
        code: column of codes.
        value: column of numbers, empty where an item has none.
        time: column that parts one bag from another of the same owner (a visit, a date); bags are
            then in groups by their owner. `none`: all items of an owner are one bag.

    Raises:
        ValueError: a time without owners, or a column that is named twice.
    """

    bag: str | None = "subject"
    code: str = "code"
    value: str = "value"
    time: str | None = None

    def __post_init__(self) -> None:
        if self.bag is None and self.time is not None:
            raise ValueError("time: has no effect where a row is a bag: leave it out, or name bag")
        named = [n for n in (self.bag, self.code, self.value, self.time, self.label) if n]
        if twice := sorted({name for name in named if named.count(name) > 1}):
            raise ValueError(f"columns {twice} are named more than once")


class BagFiles(InSplits, BagSource):
    """Bags in files; whatever the split, vocabulary and classes are those of `train`.

    Raises:
        ValueError: a file that is missing or cannot be read, columns that are not there, rows
            without an owner, labels that differ within a bag; and all that `BagSource` refuses.
    """

    Config = BagFilesConfig

    def __init__(self, config: BagFilesConfig) -> None:
        first, own = both_of(config)
        train = _read(read_file(first), config)
        read = train if own == first else _read(read_file(own), config)
        labels, names = labels_of(read.rows, train.rows, config.label)
        vocabulary = None
        if own != first:
            vocabulary = BagSource(train.codes, train.values).vocabulary
        super().__init__(
            read.codes,
            read.values,
            vocabulary=vocabulary,
            labels=labels,
            label_names=names,
            groups=read.owners() if config.time is not None else None,
        )

    @classmethod
    def recognises(cls, given: str) -> bool:
        """Whether it is such a file with columns `subject`, `code` and `value`."""
        try:
            return {"subject", "code", "value"} <= set(header(files_of(Path(given))["train"]).names)
        except ValueError:
            return False


@dataclass(frozen=True, kw_only=True)
class _Read:
    """What a file holds: the items of every bag, and a row a bag of its keys and its label."""

    codes: list[list[Any]]
    values: list[list[Any]]
    rows: pd.DataFrame

    def owners(self) -> Tensor:
        """A number for the owner of every bag: the first key."""
        return torch.from_numpy(pd.factorize(self.rows.iloc[:, 0])[0].astype(np.int64))


def _read(frame: pd.DataFrame, config: BagFilesConfig) -> _Read:
    """The bags of a frame.

    Raises:
        ValueError: columns that are not there, owners that are missing, labels that differ.
    """
    named = [config.bag, config.code, config.value, config.time, config.label]
    wanted = [name for name in named if name is not None]
    if missing := sorted(set(wanted) - set(frame.columns)):
        raise ValueError(f"columns: no {missing}; the table has {[*frame.columns]}")
    if config.bag is None:
        codes, values = (_lists(frame[name]) for name in (config.code, config.value))
        return _Read(codes=codes, values=values, rows=frame)
    keys = [config.bag] if config.time is None else [config.bag, config.time]
    if lacking := int(frame[keys].isna().any(axis=1).sum()):
        raise ValueError(f"columns {keys}: {lacking} rows lack a value: drop them")
    parts: Any = frame.groupby(keys, sort=False)
    codes, values = (parts[name].agg(list).tolist() for name in (config.code, config.value))
    if config.label is None:
        return _Read(codes=codes, values=values, rows=parts.size().reset_index())
    return _Read(codes=codes, values=values, rows=_labels(parts, config.label).reset_index())


def _lists(column: pd.Series) -> list[list[Any]]:
    others = {type(cell).__name__ for cell in column if not isinstance(cell, list | np.ndarray)}
    if others:
        raise ValueError(
            f"column {column.name!r}: wanted lists, where a row is a bag; got {sorted(others)}: "
            "name the column of owners with bag, or leave these rows out"
        )
    return [list(cell) for cell in column]


def _labels(parts: Any, label: str) -> pd.Series:
    if (differ := parts[label].nunique(dropna=False) > 1).any():
        raise ValueError(
            f"label: column {label!r} differs within {int(differ.sum())} bags, first "
            f"{differ.idxmax()!r}: a bag has one label"
        )
    found: pd.Series = parts[label].first()
    return found
