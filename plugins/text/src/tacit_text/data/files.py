"""Text files, and tables with a column of text."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import pyarrow as pa

from tacit.data.scan import OnError
from tacit_text.data.memory import TextsInMemory
from tacit_text.data.packing import packed
from tacit_text.data.table import SUFFIXES, holds_text, read_columns
from tacit_text.data.table import header as header_of

GLANCE = 10_000
SPLITS = ("train", "test", "validation")


@dataclass(frozen=True, kw_only=True)
class FilesConfig:
    """Which files, and what of them.

    Args:
        path: a file (`.txt` with a text a line, `.jsonl`, `.csv`, `.parquet`), or a folder of such.
        split: of a folder, the files whose names begin with it (`train.parquet`,
            `train-00000.csv`); `all`: every file.
        text: column of the texts; none: the only column of strings, or the one called `text`.
        label: column of the labels; none: `label` if there is one.
        pack: join and split texts to this many words each; none leaves them as they are.
        on_error: what to do about empty texts: `raise`, or `skip` and count them.
    """

    path: str
    split: str | None = None
    text: str | None = None
    label: str | None = None
    pack: int | None = None
    on_error: OnError = "raise"

    def __post_init__(self) -> None:
        if self.pack is not None and self.label is not None:
            raise ValueError("label: packed texts are no longer those the labels are of: drop one")


class Files(TextsInMemory):
    """Texts of files, all of one kind.

    Raises:
        ValueError: no such files, files of several kinds, a column that is not there, bytes that
            are no text, empty texts.
    """

    Config = FilesConfig

    def __init__(self, config: FilesConfig) -> None:
        self.config = config
        files = _chosen(Path(config.path), config.split)
        columns = read_columns(files, text=config.text, label=config.label)
        texts, labels, names = columns.texts, columns.labels, columns.label_names
        if config.pack is not None:
            texts, labels, names = packed(texts, config.pack), None, None
        super().__init__(texts, labels=labels, label_names=names, on_error=config.on_error)

    @classmethod
    def splits(cls, config: FilesConfig) -> tuple[str, ...]:
        """Those of `train`, `test` and `validation` that files are named after."""
        found = list(_found(Path(config.path)))
        return tuple(split for split in SPLITS if _named(found, split))

    @classmethod
    def recognises(cls, given: str) -> bool:
        """Whether there are text files, or tables the first of which has a column of strings."""
        file = next(_found(Path(given)), None)
        if file is None or file.suffix not in (".parquet", ".csv"):
            return file is not None
        try:
            return holds_text(header_of(file))
        except (ValueError, pa.ArrowInvalid):
            # A broken CSV is read, to be told what is wrong; of parquet, other readers say it.
            return file.suffix == ".csv"


def _found(path: Path) -> Iterator[Path]:
    if path.is_dir():
        inside = sorted(islice(path.iterdir(), GLANCE))
        return iter([p for p in inside if p.suffix in SUFFIXES and p.is_file()])
    return iter([path] if path.suffix in SUFFIXES and path.is_file() else [])


def _named(files: Iterable[Path], split: str) -> list[Path]:
    return [file for file in files if file.stem == split or file.stem.startswith(f"{split}-")]


def _chosen(path: Path, split: str | None) -> list[Path]:
    files = list(_found(path))
    known = ", ".join(SUFFIXES)
    if not files:
        raise ValueError(f"{path}: wanted a file or a folder of files named {known}; there is none")
    parts = [name for name in SPLITS if _named(files, name)]
    if split is None and "train" in parts:
        split = "train"
    if split not in (None, "all"):
        assert split is not None
        chosen = _named(files, split)
        if not chosen:
            listed = ", ".join(parts) or "none"
            raise ValueError(f"{path}: no split {split!r}; there are: {listed}")
        files = chosen
    kinds = {file.suffix for file in files}
    if len(kinds) > 1:
        raise ValueError(f"{path}: files of several kinds: {', '.join(sorted(kinds))}; name one")
    return files
