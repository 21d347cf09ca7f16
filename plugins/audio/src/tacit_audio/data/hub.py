"""Audio data sets of the Hugging Face hub, by name."""

from __future__ import annotations

from dataclasses import dataclass

from tacit.data.hub import load_split
from tacit_audio.data.clips import Clips
from tacit_audio.data.columns import ColumnConfig, table_of


@dataclass(frozen=True, kw_only=True)
class HubConfig(ColumnConfig):
    """Which data set, and how it is read.

    Args:
        path: its name (`owner/name`), or a local folder that `datasets` can load.
        subset: the subset, where it has several.
        split: the part to use, as `datasets` spells it: `train`, `train[:10%]`, `train+test`.
        revision: branch, tag or commit; name a commit to be sure of the same data.
    """

    path: str
    subset: str | None = None
    split: str = "train"
    revision: str | None = None


class Hub(Clips):
    """A data set of the hub with a column of audio; downloaded once.

    Clips are decoded here and not by `datasets`, which would need torchcodec and FFmpeg.

    Raises:
        ValueError: it cannot be loaded, and what `table_of` and `Clips` refuse.
    """

    Config = HubConfig

    def __init__(self, config: HubConfig) -> None:
        self.config = config
        loaded = load_split(
            config.path, subset=config.subset, split=config.split, revision=config.revision
        )
        loaded = loaded.flatten_indices() if loaded._indices is not None else loaded
        super().__init__(table_of(loaded, config, f"{config.path} ({config.split})"), config)
