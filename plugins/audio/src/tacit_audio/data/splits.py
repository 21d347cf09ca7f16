"""Parts of a data set that are told by the names of files or folders."""

from __future__ import annotations

from collections.abc import Set

SPLITS = frozenset(
    ["train", "training", "test", "testing", "val", "valid", "validation", "dev", "unlabeled"]
)


def choose_split(parts: Set[str], wanted: str | None, origin: str) -> str | None:
    """The part to use; None for everything.

    Args:
        parts: the parts that are there, by their known names; empty if there are none.
        wanted: what the user asked for.
        origin: for messages.

    Raises:
        ValueError: the part wanted is not there, or none was named and `train` is not there.
    """
    listed = ", ".join(sorted(parts)) or "none"
    if wanted == "all":
        return None
    if wanted is not None and wanted not in parts:
        raise ValueError(f"{origin}: no split {wanted!r}; there are: {listed}")
    if wanted is not None or not parts:
        return wanted
    if len(parts) == 1:
        return next(iter(parts))
    if "train" not in parts:
        raise ValueError(f'{origin}: name a split: {listed}, or "all"')
    return "train"
