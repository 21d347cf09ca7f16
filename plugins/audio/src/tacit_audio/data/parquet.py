"""Parquet and Arrow files with a column of encoded clips."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

from tacit_audio.data.clips import Clips, Table
from tacit_audio.data.columns import ColumnConfig, holds_audio, table_of
from tacit_audio.data.splits import SPLITS, choose_split

if TYPE_CHECKING:
    import datasets

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


class Parquet(Clips):
    """Clips from the files of a parquet or Arrow data set, mapped from disk where they are Arrow.

    Raises:
        ValueError: no such files, broken ones, columns that are not there, and all that `Clips`
            refuses.
    """

    Config = ParquetConfig

    @classmethod
    def splits(cls, config: ParquetConfig) -> tuple[str, ...]:
        """See `tacit.data.Source.splits`."""
        return tuple(sorted(_parts(_tables(config.path))))

    def __init__(self, config: ParquetConfig) -> None:
        self.config = config
        super().__init__(_table(config), config)

    @classmethod
    def recognises(cls, given: str) -> bool:
        """Whether there are such files, the first found with a column of audio."""
        file = next(filter(_is_table, islice(_within(Path(given)), GLANCE)), None)
        try:
            return file is not None and any(map(holds_audio, _features(file).values()))
        except ValueError:
            return False


def _within(path: Path) -> Iterable[Path]:
    return path.rglob("*") if path.is_dir() else [path]


def _is_table(path: Path) -> bool:
    return path.suffix in SUFFIXES and path.is_file()


def _tables(path: Path) -> list[Path]:
    return sorted(filter(_is_table, _within(path)))


def _part(file: Path) -> str:
    return re.split(r"[-.]", file.name)[0]


def _parts(files: Iterable[Path]) -> frozenset[str]:
    """The parts that file names tell, if all are known ones."""
    names = frozenset(map(_part, files))
    return names if names <= SPLITS else frozenset()


def _table(config: ParquetConfig) -> Table:
    import datasets

    if not config.path.exists():
        raise ValueError(f"path: no such file or folder: {config.path}")
    files = _tables(config.path)
    if not files:
        raise ValueError(f"{config.path}: no .parquet or .arrow files")
    split = choose_split(_parts(files), config.split, str(config.path))
    wanted = [file for file in files if split in (None, _part(file))]
    first = _features(wanted[0])
    for file in wanted:
        if _features(file) != first:
            raise ValueError(f"{file}: other columns than {wanted[0].name}")
    origin = str(wanted[0] if len(wanted) == 1 else config.path)
    return table_of(datasets.concatenate_datasets([_read(f) for f in wanted]), config, origin)


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
        raise ValueError(f"{file}: broken, or no {file.suffix[1:]} file: {error}") from error
    return datasets.Features.from_arrow_schema(schema)


def _read(file: Path) -> datasets.Dataset:
    import datasets
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        if file.suffix == ".parquet":
            return datasets.Dataset(pq.read_table(file))
        return datasets.Dataset.from_file(str(file))
    except (OSError, pa.ArrowException) as error:
        raise ValueError(f"{file}: broken: {error}") from error
