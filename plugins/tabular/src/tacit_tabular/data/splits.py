"""A table in files: one, or a folder of `train` and `test`, read as the training rows say."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from tacit.data import Source
from tacit_tabular.data.anything import SUFFIXES, header


@dataclass(frozen=True, kw_only=True)
class SplitsConfig:
    """Which files.

    Args:
        path: a file, or a folder that holds `train.*` and, if there is one, `test.*`.
        split: `train` or `test` of a folder; a single file is all `train`.
        label: column that is to be predicted; the encoder never sees it. A column of numbers gives
            a value, any other a class.
        like: another such file or folder, whose training rows say what columns hold and which
            classes there are; the table's own if left out.
    """

    path: Path
    split: str = "train"
    label: str | None = None
    like: Path | None = None

    def unlabelled(self) -> SplitsConfig:
        """The same of a table without the column that is to be predicted."""
        return replace(self, label=None)


class InSplits(Source):
    """A source of which whatever it learns from data is learnt from the training rows."""

    @classmethod
    def splits(cls, config: SplitsConfig) -> tuple[str, ...]:
        """See `tacit.data.Source.splits`."""
        return tuple(files_of(config.path))

    @classmethod
    def elsewhere(cls, config: SplitsConfig, given: Mapping[str, object]) -> SplitsConfig:
        """See `tacit.data.Source.elsewhere`; the other table may lack the label."""
        changes = {"like": config.like or config.path, **given}
        found = replace(config, **changes)  # type: ignore[arg-type]
        there = header(files_of(found.path)["train"]).names
        return found if found.label in there else found.unlabelled()


def both_of(config: SplitsConfig) -> tuple[Path, Path]:
    """The file of the training rows, and that of the split asked for.

    Raises:
        ValueError: no such split.
    """
    files = files_of(config.path)
    if config.split not in files:
        raise ValueError(f"split: wanted one of {', '.join(files)}; got {config.split!r}")
    train = files if config.like is None else files_of(config.like)
    return train["train"], files[config.split]


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
