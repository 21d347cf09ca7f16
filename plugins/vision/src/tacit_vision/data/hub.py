"""Data sets by their name on the Hugging Face hub."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from tacit.data.hub import load_split
from tacit_vision.data.images import Images, Table
from tacit_vision.data.table import ColumnConfig, choose, table_of

NAME = re.compile(r"[A-Za-z0-9][\w.-]*(/[\w.-]+)?")


@dataclass(frozen=True, kw_only=True)
class HubConfig(ColumnConfig):
    """Which data set, and how it is read.

    Args:
        path: its name (`cifar10`, `owner/name`), or a local folder that `datasets` can load.
        subset: the subset, where it has several.
        split: the part to use, as `datasets` spells it: `train`, `train[:10%]`, `train+test`.
        revision: branch, tag or commit; name a commit to be sure of the same data.
    """

    path: str
    subset: str | None = None
    split: str = "train"
    revision: str | None = None


class Hub(Images):
    """Images of a data set that `datasets` loads, downloaded once into its cache.

    Raises:
        ValueError: it cannot be loaded, its columns are others, and all that `Images` refuses.
    """

    Config = HubConfig

    def __init__(self, config: HubConfig) -> None:
        self.config = config
        super().__init__(_table(config), config)

    @classmethod
    def recognises(cls, given: str) -> bool:
        """Whether it is spelt as a name on the hub, and no local path."""
        return NAME.fullmatch(given) is not None and not Path(given).exists()


def _table(config: HubConfig) -> Table:
    dataset = load_split(
        config.path, subset=config.subset, split=config.split, revision=config.revision
    )
    origin = f"{config.path} ({config.split})"
    columns = choose(dataset.features, config, origin)
    return table_of(dataset, columns, config, origin)
