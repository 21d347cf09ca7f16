"""Series in files: npz or parquet; one file, or a folder of `train` and `test`.

An npz file holds an array `signal` `(instances, channels, time)`, or `(instances, time)` where
there is one channel, and may hold `label` and `group`, one an instance. A parquet file has columns
of those names; a cell of `signal` is a list of numbers, or a list of lists, one a channel.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from tacit.contract import Batch
from tacit.data import Source, index_tensor

SUFFIXES = (".npz", ".parquet")
SPLITS = ("train", "test")


@dataclass(frozen=True, kw_only=True)
class FilesConfig:
    """Which series, and what they mean.

    Args:
        path: a file, or a folder that holds `train.npz` or `train.parquet` and, if there is one,
            `test` of the same kind.
        split: `train` or `test` of a folder; a single file is all `train`.
        signal: name of the array or column of series.
        label: name of that of labels (whole numbers or words); None for none.
        group: name of that of groups (whole numbers or words: patients, folds); None for none.
        standardise: subtract each channel's mean and divide by its deviation, both over all of
            `train`, so that units do not matter; False takes series as they are.
    """

    path: Path
    split: str = "train"
    signal: str = "signal"
    label: str | None = None
    group: str | None = None
    standardise: bool = True


class Files(Source):
    """Series in files; whatever the split, statistics and classes are those of `train`.

    Raises:
        ValueError: a file that is missing, cannot be read or lacks a name; series that are none,
            differ in shape from one another or from those of `train`, or hold NaN or infinity;
            labels of a class unseen in `train`.
    """

    Config = FilesConfig
    modalities = ("series",)

    def __init__(self, config: FilesConfig) -> None:
        train, chosen = _file(config.path, "train"), _file(config.path, config.split)
        known = _Content(train, config)
        content = known if chosen == train else _Content(chosen, config)
        if content.series.shape[1:] != known.series.shape[1:]:
            shapes = [tuple(each.series.shape[1:]) for each in (known, content)]
            raise ValueError(
                f"{chosen}: wanted (channels, time) {shapes[0]} as in {train.name}; got {shapes[1]}"
            )
        self.series = _standard(content.series, known.series, config)
        self.label, self.label_names = _coded(content.label, known.label, f"{chosen}: label")
        self.group, _ = _coded(content.group, content.group, f"{chosen}: group")

    def __len__(self) -> int:
        return len(self.series)

    def labels(self) -> Tensor | None:
        """The class of every series, if a label is named."""
        return self.label

    def groups(self) -> Tensor | None:
        """The group of every series, if a group is named."""
        return self.group

    def fetch(self, indices: Sequence[int]) -> Batch:
        """Some series."""
        rows = index_tensor(indices)
        return Batch(
            values={"series": self.series[rows]},
            index=rows,
            label=None if self.label is None else self.label[rows],
            group=None if self.group is None else self.group[rows],
        )

    @classmethod
    def splits(cls, config: Any) -> tuple[str, ...]:
        """Those that a folder has files of; none for a file."""
        return tuple(split for split in SPLITS if _named(Path(config.path), split))

    @classmethod
    def recognises(cls, given: str) -> bool:
        """An npz file, or a folder of them; parquet may hold anything, so it must be named."""
        path = Path(given)
        return path.suffix == ".npz" or (path / "train.npz").is_file()


class _Content:
    """What one file holds, checked."""

    def __init__(self, file: Path, config: FilesConfig) -> None:
        names = [n for n in (config.signal, config.label, config.group) if n is not None]
        read = _npz if file.suffix == ".npz" else _parquet
        columns = read(file, names)
        self.series = as_series(columns[config.signal], f"{file}: {config.signal!r}")
        self.label = None if config.label is None else columns[config.label]
        self.group = None if config.group is None else columns[config.group]
        for name, column in columns.items():
            if len(column) != len(self.series):
                raise ValueError(
                    f"{file}: {name!r}: wanted one for each of {len(self.series)} series; "
                    f"got {len(column)}"
                )


def _named(folder: Path, split: str) -> list[Path]:
    return [file for suffix in SUFFIXES if (file := folder / f"{split}{suffix}").is_file()]


def _file(path: Path, split: str) -> Path:
    if path.is_file():
        if path.suffix not in SUFFIXES:
            raise ValueError(f"{path}: wanted a file named {' or '.join(SUFFIXES)}")
        if split != "train":
            raise ValueError(f"{path}: a file has no split {split!r}; name a folder of {SPLITS}")
        return path
    found = _named(path, split)
    if len(found) != 1:
        listed = ", ".join(file.name for file in found) or "neither"
        raise ValueError(f"{path}: wanted {split}.npz or {split}.parquet; there is {listed}")
    return found[0]


def _npz(file: Path, names: Sequence[str]) -> dict[str, Any]:
    try:
        with np.load(file, allow_pickle=False) as arrays:
            _refuse_missing(file, names, arrays.files)
            return {name: arrays[name] for name in names}
    except (OSError, EOFError) as error:
        raise ValueError(f"{file}: cannot be read as npz: {error}") from error


def _parquet(file: Path, names: Sequence[str]) -> dict[str, Any]:
    import pyarrow as pa
    import pyarrow.parquet as parquet

    try:
        _refuse_missing(file, names, parquet.read_schema(file).names)
        table = parquet.read_table(file, columns=list(names))
    except (pa.ArrowException, OSError) as error:
        raise ValueError(f"{file}: cannot be read as parquet: {error}") from error
    return {name: table[name].to_pylist() for name in names}


def _refuse_missing(file: Path, names: Sequence[str], there: Sequence[str]) -> None:
    if missing := [name for name in names if name not in there]:
        raise ValueError(f"{file}: no {', '.join(map(repr, missing))}; it has {', '.join(there)}")


def as_series(column: Any, what: str) -> Float[Tensor, "instances channels time"]:
    """Numbers of any array or nested list.

    Args:
        column: `(instances, channels, time)`, or `(instances, time)`, which is one channel.
        what: its name in messages.

    Raises:
        ValueError: numbers that are none, or series of different shapes, or NaN or infinity.
    """
    try:
        numbers = np.asarray(column, dtype=np.float32)
    except (ValueError, TypeError) as error:
        raise ValueError(
            f"{what}: wanted numbers, all series of one number of channels and one length; cut or "
            f"resample them first ({error})"
        ) from error
    if numbers.ndim == 2:
        numbers = numbers[:, None]
    if numbers.ndim != 3 or 0 in numbers.shape:
        raise ValueError(f"{what}: wanted (instances, channels, time); got {numbers.shape}")
    if len(bad := np.flatnonzero(~np.isfinite(numbers).all((1, 2)))):
        raise ValueError(
            f"{what}: {len(bad)} series hold NaN or infinity, the first is {bad[0]}; mend them or "
            "leave them out"
        )
    return torch.from_numpy(numbers)


def _standard(
    series: Float[Tensor, "instances channels time"],
    known: Float[Tensor, "others channels time"],
    config: FilesConfig,
) -> Float[Tensor, "instances channels time"]:
    if not config.standardise:
        return series
    mean = known.mean((0, 2), keepdim=True)
    deviation = known.std((0, 2), keepdim=True, correction=0)
    return (series - mean) / torch.where(deviation > 0, deviation, 1.0)


def _coded(column: Any, known: Any, what: str) -> tuple[Tensor | None, tuple[str, ...] | None]:
    """Whole numbers as they are; words as places in the sorted list of those known, and that."""
    if column is None:
        return None, None
    values, names = np.asarray(column), np.unique(np.asarray(known))
    if values.dtype.kind in "iub":
        return torch.from_numpy(values.astype(np.int64)), None
    if values.dtype.kind != "U":
        raise ValueError(f"{what}: wanted whole numbers or words, one a series")
    if strange := sorted(set(values.tolist()) - set(names.tolist())):
        raise ValueError(f"{what}: not in train: {', '.join(strange[:3])}")
    return torch.from_numpy(np.searchsorted(names, values)), tuple(names.tolist())
