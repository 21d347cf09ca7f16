"""A folder of image files."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Literal

import torch
from torch import Tensor

from tacit_vision.data.images import Images, ReadConfig, Table
from tacit_vision.data.splits import SPLITS, choose_split

SUFFIXES = frozenset(
    [".bmp", ".gif", ".jp2", ".jpeg", ".jpg", ".pgm", ".png", ".ppm", ".tif", ".tiff", ".webp"]
)
GLANCE = 1000  # files looked at to recognise a folder


@dataclass(frozen=True, kw_only=True)
class FolderConfig(ReadConfig):
    """Which folder, and how it is read.

    Args:
        path: the folder; image files are found at any depth.
        split: the subfolder to use, where the folder's parts are subfolders such as `train` and
            `test`; `all` for everything; none: `train` if there are such parts.
        label: `folder` wants every image in a class folder, named after its class; `off` gives no
            labels; `auto` is `folder` where all images lie in subfolders.
    """

    path: Path
    split: str | None = None
    label: Literal["auto", "folder", "off"] = "auto"


class Folder(Images):
    """The image files of a folder; the subfolders they lie in are their classes.

    Raises:
        ValueError: no such folder or part of it, no image files, no class folders where they are
            wanted, and all that `Images` refuses.
    """

    Config = FolderConfig

    @classmethod
    def splits(cls, config: FolderConfig) -> tuple[str, ...]:
        """See `tacit.data.Source.splits`."""
        return folder_splits(config)

    def __init__(self, config: FolderConfig) -> None:
        self.config = config
        super().__init__(_table(config), config)

    @classmethod
    def recognises(cls, given: str) -> bool:
        """Whether it is a folder with image files among the first it holds."""
        return Path(given).is_dir() and any(map(_is_image, islice(_files(Path(given)), GLANCE)))


def _is_image(file: Path) -> bool:
    return file.suffix.lower() in SUFFIXES


def _files(root: Path) -> Iterator[Path]:
    for folder, below, files in os.walk(root, followlinks=True):
        below[:] = sorted(each for each in below if not each.startswith("."))
        yield from (Path(folder, file) for file in sorted(files) if not file.startswith("."))


def _table(config: FolderConfig) -> Table:
    import datasets

    root = _root(config)
    files = list(_files(root))
    images = [file for file in files if _is_image(file)]
    if not images:
        raise ValueError(
            f"{root}: no image files{_instead(files)}. Wanted {', '.join(sorted(SUFFIXES))}"
        )
    label, names = (None, None) if config.label == "off" else _classes(images, root, config)
    encoded = [{"bytes": None, "path": str(file)} for file in images]
    features = datasets.Features({"image": datasets.Image(decode=False)})
    column = datasets.Dataset.from_dict({"image": encoded}, features=features)
    return Table(origin=str(root), images=column, label=label, label_names=names)


def folder_splits(config: FolderConfig) -> tuple[str, ...]:
    """The subfolders that are known parts of a data set, if all are."""
    if not config.path.is_dir():
        return ()
    names = {each.name for each in config.path.iterdir() if each.is_dir() and each.name[0] != "."}
    return tuple(sorted(names)) if names <= SPLITS else ()


def _root(config: FolderConfig) -> Path:
    if not config.path.exists():
        raise ValueError(f"path: no such folder: {config.path}")
    if not config.path.is_dir():
        raise ValueError(f"path: wanted a folder; got a file: {config.path}")
    entries = [each for each in config.path.iterdir() if not each.name.startswith(".")]
    folders = {each.name for each in entries if each.is_dir()}
    loose = any(_is_image(each) for each in entries if each.is_file())
    parts = folders if folders and folders <= SPLITS and not loose else set()
    split = choose_split(parts or folders, config.split, str(config.path), certain=bool(parts))
    return config.path if split is None else config.path / split


def _instead(files: list[Path]) -> str:
    kinds = Counter(file.suffix or "no suffix" for file in files).most_common(3)
    return f" (found {', '.join(f'{count} {kind}' for kind, count in kinds)})" if kinds else ""


def _classes(
    images: list[Path], root: Path, config: FolderConfig
) -> tuple[Tensor | None, tuple[str, ...] | None]:
    """The first folder below the root is the class."""
    below = [file.relative_to(root).parts for file in images]
    loose = [file for file, parts in zip(images, below, strict=True) if len(parts) == 1]
    if loose and config.label == "folder":
        raise ValueError(
            f'{root}: label="folder": {len(loose):,} of {len(images):,} images lie in no class '
            f'folder, the first is {loose[0].name}. Move them, or set label="auto"'
        )
    if loose:
        return None, None
    names = tuple(sorted({parts[0] for parts in below}))
    code = {each: position for position, each in enumerate(names)}
    return torch.tensor([code[parts[0]] for parts in below]), names
