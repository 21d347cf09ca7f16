"""Text data sets by their name on the Hugging Face hub."""

from __future__ import annotations

from dataclasses import dataclass

from tacit.data.hub import load_split
from tacit.data.scan import OnError
from tacit_text.data.memory import TextsInMemory
from tacit_text.data.packing import packed
from tacit_text.data.table import columns_of


@dataclass(frozen=True, kw_only=True)
class HubConfig:
    """Which data set, and what of it.

    Args:
        path: its name (`owner/name`), or a folder that `datasets` can load.
        subset: the subset, where it has several.
        split: the part to use, as `datasets` spells it: `train`, `train[:10%]`.
        revision: branch, tag or commit; name a commit to be sure of the same data.
        text: column of the texts; none: the only column of strings, or the one called `text`.
        label: column of the labels; none: `label` if there is one.
        pack: join and split texts to this many words each; none leaves them as they are.
        on_error: what to do about empty texts: `raise`, or `skip` and count them.
    """

    path: str
    subset: str | None = None
    split: str = "train"
    revision: str | None = None
    text: str | None = None
    label: str | None = None
    pack: int | None = None
    on_error: OnError = "raise"


class Hub(TextsInMemory):
    """Texts of a data set that `datasets` loads, downloaded once into its cache.

    Raises:
        ValueError: it cannot be loaded, its columns are others, and all that `TextsInMemory`
            refuses.
    """

    Config = HubConfig

    def __init__(self, config: HubConfig) -> None:
        self.config = config
        dataset = load_split(
            config.path, subset=config.subset, split=config.split, revision=config.revision
        )
        origin = f"{config.path} ({config.split})"
        table = dataset.with_format("arrow")[:]
        columns = columns_of(table, text=config.text, label=config.label, origin=origin)
        texts, labels, names = columns.texts, columns.labels, columns.label_names
        if config.pack is not None:
            texts, labels, names = packed(texts, config.pack), None, None
        super().__init__(texts, labels=labels, label_names=names, on_error=config.on_error)
