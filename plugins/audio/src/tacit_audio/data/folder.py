"""A folder of audio files."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import Literal

import torch
from torch import Tensor

from tacit.contract import Spans
from tacit_audio.data.clips import Clips, ReadConfig, Table
from tacit_audio.data.decode import Encoded
from tacit_audio.data.segments import from_table
from tacit_audio.data.splits import SPLITS, choose_split

SUFFIXES = frozenset([".aif", ".aiff", ".au", ".flac", ".mp3", ".oga", ".ogg", ".opus", ".wav"])
GLANCE = 1000  # files looked at to recognise a folder


@dataclass(frozen=True, kw_only=True)
class FolderConfig(ReadConfig):
    """Which folder, and how it is read.

    Args:
        path: the folder; audio files are found at any depth.
        split: the subfolder to use, where the folder's parts are subfolders such as `train` and
            `test`; `all` for everything; none: `train` if there are such parts.
        label: `folder` wants every clip in a class folder, named after its class; `off` gives no
            labels; `auto` is `folder` where all clips lie in subfolders.
        segments: a table (`.csv`, `.tsv`, `.jsonl`) of labels along the clips, a line for each:
            `file` relative to the table, `start` and `end` in seconds, `label`; they do not
            overlap. None: `segments.csv` in the folder, if there is one.
        gap: the label of what no segment covers (`silence`); none: that has no label.
    """

    path: Path
    split: str | None = None
    label: Literal["auto", "folder", "off"] = "auto"
    segments: Path | None = None
    gap: str | None = None


class Files:
    """Files by row, as encoded clips."""

    def __init__(self, paths: Sequence[Path]) -> None:
        self.paths = paths

    def __len__(self) -> int:
        return len(self.paths)

    def __getitem__(self, row: int) -> Encoded:
        return {"bytes": None, "path": str(self.paths[row])}


class Folder(Clips):
    """The audio files of a folder; the subfolders they lie in are their classes.

    Raises:
        ValueError: no such folder or part of it, no audio files, no class folders where they are
            wanted, and all that `Clips` refuses.
    """

    Config = FolderConfig

    @classmethod
    def splits(cls, config: FolderConfig) -> tuple[str, ...]:
        """See `tacit.data.Source.splits`."""
        return tuple(sorted(_parts(config.path)))

    def __init__(self, config: FolderConfig) -> None:
        self.config = config
        super().__init__(_table(config), config)

    @classmethod
    def elsewhere(cls, config: FolderConfig, given: Mapping[str, object]) -> FolderConfig:
        """See `tacit.data.Source.elsewhere`; another folder has a table of segments of its own."""
        return replace(config, **{"segments": None, **given})  # type: ignore[arg-type]

    @classmethod
    def recognises(cls, given: str) -> bool:
        """Whether it is a folder with audio files among the first it holds."""
        return Path(given).is_dir() and any(map(is_audio, islice(files_in(Path(given)), GLANCE)))


def is_audio(file: Path) -> bool:
    """Whether a file's name says that it holds audio."""
    return file.suffix.lower() in SUFFIXES


def files_in(root: Path) -> Iterator[Path]:
    """All files below a folder in the order of their names, hidden ones left out."""
    for folder, below, files in os.walk(root, followlinks=True):
        below[:] = sorted(each for each in below if not each.startswith("."))
        yield from (Path(folder, file) for file in sorted(files) if not file.startswith("."))


def _parts(path: Path) -> frozenset[str]:
    """The subfolders of known parts of a data set, if there is nothing else."""
    if not path.is_dir():
        return frozenset()
    entries = [each for each in path.iterdir() if not each.name.startswith(".")]
    names = frozenset(each.name for each in entries if each.is_dir())
    loose = any(each.is_file() and is_audio(each) for each in entries)
    return names if names and names <= SPLITS and not loose else frozenset()


def _table(config: FolderConfig) -> Table:
    if not config.path.is_dir():
        problem = "wanted a folder; got a file" if config.path.exists() else "no such folder"
        raise ValueError(f"path: {problem}: {config.path}")
    split = choose_split(_parts(config.path), config.split, str(config.path))
    root = config.path if split is None else config.path / split
    files = list(files_in(root))
    clips = [file for file in files if is_audio(file)]
    if not clips:
        raise ValueError(
            f"{root}: no audio files{_instead(files)}. Wanted {', '.join(sorted(SUFFIXES))}"
        )
    label, names = (None, None) if config.label == "off" else _classes(clips, root, config)
    return Table(
        origin=str(root),
        clips=Files(clips),
        label=label,
        label_names=names,
        spans=_along(clips, config),
    )


def _along(clips: list[Path], config: FolderConfig) -> Spans | None:
    table = config.segments or config.path / "segments.csv"
    if config.segments is None and not table.is_file():
        return None
    return from_table(table, clips, config.gap)


def _instead(files: list[Path]) -> str:
    kinds = Counter(file.suffix or "no suffix" for file in files).most_common(3)
    return f" (found {', '.join(f'{count} {kind}' for kind, count in kinds)})" if kinds else ""


def _classes(
    clips: list[Path], root: Path, config: FolderConfig
) -> tuple[Tensor | None, tuple[str, ...] | None]:
    """The first folder below the root is the class."""
    below = [file.relative_to(root).parts for file in clips]
    loose = [file for file, parts in zip(clips, below, strict=True) if len(parts) == 1]
    if loose and config.label == "folder":
        raise ValueError(
            f'{root}: label="folder": {len(loose):,} of {len(clips):,} clips lie in no class '
            f'folder, the first is {loose[0].name}. Move them, or set label="auto"'
        )
    if loose:
        return None, None
    names = tuple(sorted({parts[0] for parts in below}))
    code = {each: position for position, each in enumerate(names)}
    return torch.tensor([code[parts[0]] for parts in below]), names
