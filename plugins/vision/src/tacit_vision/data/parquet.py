"""Parquet and Arrow files with a column of encoded images."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

from tacit_vision.data.images import MEMORY_LIMIT, Images, Table
from tacit_vision.data.splits import SPLITS, choose_split
from tacit_vision.data.table import ColumnConfig, Columns, choose, holds_images, table_of

if TYPE_CHECKING:
    import datasets
    import pyarrow as pa

SUFFIXES = (".parquet", ".arrow")
GLANCE = 1000  # files looked at to recognise a folder


@dataclass(frozen=True, kw_only=True)
class ParquetConfig(ColumnConfig):
    """Which files, and how they are read.

    Args:
        path: a file, or a folder with such files at any depth, all with the same columns.
        split: the files to use, by the beginning of their names (`train-00000-of-00001.parquet`);
            `all` for every one; none: `train` where names begin with several known splits.
    """

    path: Path
    split: str | None = None


class Parquet(Images):
    """Images from the files of a parquet or Arrow data set.

    The table is read into memory up to 2 GiB of files; larger ones are converted once into the
    cache of `datasets` and mapped from there.

    Raises:
        ValueError: no such files, broken ones, columns that are not there, and all that `Images`
            refuses.
    """

    Config = ParquetConfig

    @classmethod
    def splits(cls, config: ParquetConfig) -> tuple[str, ...]:
        """See `tacit.data.Source.splits`."""
        return file_splits(config)

    def __init__(self, config: ParquetConfig) -> None:
        self.config = config
        super().__init__(_table(config), config)

    @classmethod
    def recognises(cls, given: str) -> bool:
        """Whether there are such files, the first found with a column of images (or broken)."""
        file = next(filter(_is_table, islice(_within(Path(given)), GLANCE)), None)
        try:
            return file is not None and any(map(holds_images, _features(file).values()))
        except ValueError:
            return True  # to be told what is wrong with it


def _within(path: Path) -> Iterable[Path]:
    return path.rglob("*") if path.is_dir() else [path]


def _is_table(path: Path) -> bool:
    return path.suffix in SUFFIXES and path.is_file()


def _table(config: ParquetConfig) -> Table:
    files = _wanted(config)
    features = [_features(file) for file in files]
    for file, each in zip(files, features, strict=True):
        if each != features[0]:
            raise ValueError(f"{file}: other columns than {files[0].name}: {', '.join(each)}")
    origin = str(files[0] if len(files) == 1 else config.path)
    columns = choose(features[0], config, origin)
    return table_of(_read(files, columns), columns, config, origin)


def file_splits(config: ParquetConfig) -> tuple[str, ...]:
    """The parts of a data set that file names tell, if all are known ones."""
    if not config.path.is_dir():
        return ()
    names = {_part(file) for file in filter(_is_table, _within(config.path))}
    return tuple(sorted(names)) if names <= SPLITS else ()


def _wanted(config: ParquetConfig) -> list[Path]:
    if not config.path.exists():
        raise ValueError(f"path: no such file or folder: {config.path}")
    files = sorted(filter(_is_table, _within(config.path)))
    if not files:
        raise ValueError(f"{config.path}: no .parquet or .arrow files")
    parts = {file: _part(file) for file in files}
    names = set(parts.values())
    split = choose_split(names, config.split, str(config.path), certain=names <= SPLITS)
    return [file for file in files if split in (None, parts[file])]


def _part(file: Path) -> str:
    return re.split(r"[-.]", file.name)[0]


def _features(file: Path) -> datasets.Features:
    """The columns of a file, from its header."""
    import datasets
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        if file.suffix == ".parquet":
            schema: pa.Schema = pq.read_schema(file)
        else:
            with pa.memory_map(str(file)) as mapped:
                schema = pa.ipc.open_stream(mapped).schema
    except (OSError, pa.ArrowException) as error:
        raise ValueError(
            f"{file}: broken, or no {file.suffix[1:]} file: {_first_line(error)}"
        ) from error
    return datasets.Features.from_arrow_schema(schema)


def _read(files: list[Path], columns: Columns) -> datasets.Dataset:
    import datasets
    import pyarrow as pa

    names = columns.names()
    parquet = [str(file) for file in files if file.suffix == ".parquet"]
    if len(parquet) == len(files) and sum(file.stat().st_size for file in files) > MEMORY_LIMIT:
        return datasets.Dataset.from_parquet(parquet, columns=names)
    parts = []
    for file in files:
        try:
            parts.append(_one(file, names))
        except (OSError, pa.ArrowException) as error:
            raise ValueError(f"{file}: broken: {_first_line(error)}") from error
    return datasets.concatenate_datasets(parts)


def _one(file: Path, names: list[str]) -> datasets.Dataset:
    import datasets
    import pyarrow.parquet as pq

    if file.suffix == ".parquet":
        return datasets.Dataset(pq.read_table(file, columns=names))
    return datasets.Dataset.from_file(str(file)).select_columns(names)


def _first_line(error: Exception) -> str:
    return str(error).strip().splitlines()[0]
