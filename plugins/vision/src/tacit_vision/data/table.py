"""The columns of a table of images: which they are, and what they hold."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from tacit.data import coded, complete
from tacit_vision.data.images import ReadConfig, Table

if TYPE_CHECKING:
    import datasets


@dataclass(frozen=True, kw_only=True)
class ColumnConfig(ReadConfig):
    """How a table of images is read.

    Args:
        image: column of the images; none: the one that holds images.
        label: column of the labels; none: `label` if there is one.
        group: column that says which images belong together; none: no groups.
    """

    image: str | None = None
    label: str | None = None
    group: str | None = None


@dataclass(frozen=True, kw_only=True)
class Columns:
    """The columns of a table that are read."""

    image: str
    label: str | None
    group: str | None

    def names(self) -> list[str]:
        """Those there are, each once."""
        return list(dict.fromkeys(c for c in (self.image, self.label, self.group) if c))


def choose(features: datasets.Features, config: ColumnConfig, origin: str) -> Columns:
    """Which columns of a table to read.

    Raises:
        ValueError: a named column is not there, or the images' column is not clear; lists what is.
    """
    for setting in ("image", "label", "group"):
        wanted = getattr(config, setting)
        if wanted is not None and wanted not in features:
            raise ValueError(f"{origin}: no column {wanted!r}{_columns(features, wanted)}")
    found = [column for column, feature in features.items() if holds_images(feature)]
    if config.image is None and len(found) != 1:
        what = "no column of images" if not found else f"several columns of images: {found}"
        raise ValueError(f"{origin}: {what}; name it with image={_columns(features)}")
    label = config.label or ("label" if "label" in features else None)
    return Columns(image=config.image or found[0], label=label, group=config.group)


def _columns(features: Iterable[str], wanted: str = "") -> str:
    names = sorted(features)
    near = difflib.get_close_matches(wanted, names, n=1)
    hint = f"; did you mean {near[0]!r}?" if near else ""
    return f"{hint} (columns: {', '.join(names)})"


def holds_images(feature: Any) -> bool:
    """Whether a column is one of images: marked so, or file contents with their paths."""
    import datasets

    return isinstance(feature, datasets.Image) or (
        isinstance(feature, dict) and set(feature) == {"bytes", "path"}
    )


def table_of(
    dataset: datasets.Dataset, columns: Columns, config: ColumnConfig, origin: str
) -> Table:
    """The table with its labels and groups read, and its images still encoded.

    Raises:
        ValueError: labels or groups are missing or of a kind that cannot be used.
    """
    import datasets

    images = dataset.select_columns([columns.image])
    try:
        images = images.cast_column(columns.image, datasets.Image(decode=False))
    except Exception as error:  # whatever Arrow finds impossible to cast
        kind = dataset.features[columns.image]
        raise ValueError(f"{origin}: column {columns.image!r} holds no images: {kind}") from error
    label, names = None, None
    if columns.label is not None:
        asked = config.label is not None
        label, names = _labels(dataset, columns.label, origin, asked=asked)
    group = None
    if columns.group is not None:
        what = f"{origin}: column {columns.group!r}"
        group, _ = coded(complete(dataset.data.column(columns.group), what), what)
    return Table(origin=origin, images=images, label=label, label_names=names, group=group)


def _labels(
    dataset: datasets.Dataset, column: str, origin: str, *, asked: bool
) -> tuple[Tensor | None, tuple[str, ...] | None]:
    import datasets

    what = f"{origin}: column {column!r}"
    values = complete(dataset.data.column(column), what)
    feature = dataset.features[column]
    if not isinstance(feature, datasets.ClassLabel):
        return coded(values, what)
    if (values == -1).all():  # how the hub marks a split without labels
        if asked:
            raise ValueError(
                f"{origin}: label: all of column {column!r} is -1: there are no labels"
            )
        return None, None
    names = tuple(feature.names) if feature.names else None
    return torch.from_numpy(values.astype(np.int64)), names
