"""Audio data sets of the Hugging Face hub, by name."""

from __future__ import annotations

from dataclasses import dataclass

from tacit_audio.data.clips import Clips
from tacit_audio.data.columns import ColumnConfig, table_of


@dataclass(frozen=True, kw_only=True)
class HubConfig(ColumnConfig):
    """Which data set, and how it is read.

    Args:
        path: its name on the hub, as `datasets.load_dataset` takes it.
        name: the configuration, where it has several.
        split: the part to use.
        revision: commit or tag; none: the latest.
    """

    path: str
    name: str | None = None
    split: str = "train"
    revision: str | None = None


class Hub(Clips):
    """A data set of the hub with a column of audio; downloaded once.

    Clips are decoded here and not by `datasets`, which would need torchcodec and FFmpeg.

    Raises:
        ValueError: what `table_of` and `Clips` refuse.
    """

    Config = HubConfig

    def __init__(self, config: HubConfig) -> None:
        import datasets

        self.config = config
        loaded = datasets.load_dataset(
            config.path, config.name, split=config.split, revision=config.revision
        )
        loaded = loaded.flatten_indices() if loaded._indices is not None else loaded
        super().__init__(table_of(loaded, config, config.path), config)
