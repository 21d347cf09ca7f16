"""Tables with a column of encoded clips: which columns are read, and what they hold."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from tacit.data import coded, complete
from tacit_audio.data.clips import ReadConfig, Table
from tacit_audio.data.decode import Encoded

if TYPE_CHECKING:
    import datasets


@dataclass(frozen=True, kw_only=True)
class ColumnConfig(ReadConfig):
    """How a table of clips is read.

    Args:
        audio: column of the clips; none: the one that holds audio.
        label: column of the labels; none: `label` if there is one.
        group: column that says which clips belong together (a speaker); none: no groups.
    """

    audio: str | None = None
    label: str | None = None
    group: str | None = None


class Column:
    """A column of encoded clips, read row by row."""

    def __init__(self, dataset: datasets.Dataset) -> None:
        self.dataset = dataset

    def __len__(self) -> int:
        return len(self.dataset)

    def __getitem__(self, row: int) -> Encoded:
        encoded: Encoded | None = self.dataset.data.column(0)[row].as_py()
        return encoded or {"bytes": None, "path": None}


def holds_audio(feature: Any) -> bool:
    """Whether a column is one of recordings: marked so, or file contents with their paths."""
    import datasets

    return isinstance(feature, datasets.Audio)


def table_of(dataset: datasets.Dataset, config: ColumnConfig, origin: str) -> Table:
    """The table with its labels and groups read, and its clips still encoded.

    Raises:
        ValueError: a named column is not there, the clips' column is not clear, or labels or groups
            are missing or of a kind that cannot be used.
    """
    import datasets

    features = dataset.features
    for setting in ("audio", "label", "group"):
        wanted = getattr(config, setting)
        if wanted is not None and wanted not in features:
            raise ValueError(f"{origin}: no column {wanted!r}{_columns(list(features), wanted)}")
    name = config.audio or _found(features, origin)
    try:
        clips = dataset.select_columns([name]).cast_column(name, datasets.Audio(decode=False))
    except Exception as error:  # whatever Arrow finds impossible to cast
        raise ValueError(f"{origin}: column {name!r} holds no audio: {features[name]}") from error
    label = config.label or ("label" if "label" in features else None)
    labels = (None, None) if label is None else _coded(dataset, label, origin)
    groups = None if config.group is None else _coded(dataset, config.group, origin)[0]
    return Table(
        origin=origin,
        clips=Column(clips),
        label=labels[0],
        label_names=labels[1],
        group=groups,
    )


def _found(features: datasets.Features, origin: str) -> str:
    found = [column for column, feature in features.items() if holds_audio(feature)]
    if len(found) != 1:
        what = "no column of audio" if not found else f"several columns of audio: {found}"
        raise ValueError(f"{origin}: {what}; name it with audio={_columns(list(features))}")
    return str(found[0])


def _columns(names: Sequence[str], wanted: str = "") -> str:
    near = difflib.get_close_matches(wanted, names, n=1)
    hint = f"; did you mean {near[0]!r}?" if near else ""
    return f"{hint} (columns: {', '.join(sorted(names))})"


def _coded(
    dataset: datasets.Dataset, column: str, origin: str
) -> tuple[Tensor | None, tuple[str, ...] | None]:
    """A column as numbers, with names where there are any; none where the hub has no labels."""
    import datasets

    what = f"{origin}: column {column!r}"
    values = complete(dataset.data.column(column), what)
    feature = dataset.features[column]
    if not isinstance(feature, datasets.ClassLabel):
        return coded(values, what)
    if (values == -1).all():  # how the hub marks a split without labels
        return None, None
    names = tuple(feature.names) if feature.names else None
    return torch.from_numpy(values.astype(np.int64)), names
