"""Data sets by their name on the Hugging Face hub, of whatever modality."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import datasets


def load_split(
    path: str, *, subset: str | None, split: str, revision: str | None
) -> datasets.Dataset:
    """A part of a data set that `datasets` loads, downloaded once into its cache.

    Args:
        path: its name (`owner/name`), or a local folder that `datasets` can load.
        subset: the subset, where it has several.
        split: the part, as `datasets` spells it: `train`, `train[:10%]`, `train+test`.
        revision: branch, tag or commit.

    Raises:
        ValueError: it cannot be loaded.
    """
    import datasets

    try:
        return datasets.load_dataset(path, subset, split=split, revision=revision)
    except Exception as error:  # the network, the hub and every builder raise their own
        raise ValueError(
            f"{path}: cannot be loaded: {error}. Check the name, subset and split, and that the "
            "hub can be reached"
        ) from error
