"""Strings in memory as a source."""

from __future__ import annotations

from collections.abc import Sequence

import pyarrow as pa
import torch
from jaxtyping import Int
from torch import Tensor

from tacit.contract import Batch
from tacit.data import Source, index_tensor
from tacit.data.scan import OnError, report
from tacit_text.texts import Texts


class TextsInMemory(Source):
    """A list of strings, held compactly, with labels or without.

    Args:
        texts: the strings.
        labels: of every string; None without labels.
        label_names: names of the classes.
        on_error: what to do about texts that are empty: `raise`, or `skip` and count them.

    Raises:
        ValueError: nothing to read, empty texts, or labels of another number.
    """

    modalities = ("text",)

    def __init__(
        self,
        texts: Sequence[str],
        *,
        labels: Tensor | None = None,
        label_names: tuple[str, ...] | None = None,
        on_error: OnError = "raise",
    ) -> None:
        if not texts:
            raise ValueError("text: the data hold no texts")
        if labels is not None and labels.shape[0] != len(texts):
            raise ValueError(
                f"text: wanted a label for each of {len(texts)} texts; got {labels.shape[0]}"
            )
        empty = [position for position, text in enumerate(texts) if not text.strip()]
        self.skipped = tuple(f"text {position}: empty" for position in empty)
        report(self.skipped, len(texts), what="texts", on_error=on_error)
        self._labels = labels
        if empty:
            kept = torch.ones(len(texts), dtype=torch.bool)
            kept[empty] = False
            texts = [text for text in texts if text.strip()]
            self._labels = None if labels is None else labels[kept]
        self._texts = pa.array(texts, type=pa.large_string())
        self.label_names = label_names

    def __len__(self) -> int:
        return len(self._texts)

    def labels(self) -> Tensor | None:
        """See `tacit.data.Source.labels`."""
        return self._labels

    def lengths(self) -> Int[Tensor, " instances"]:
        """Characters of every text; see `tacit.data.Source.lengths`."""
        import pyarrow.compute as pc

        return torch.from_numpy(pc.utf8_length(self._texts).to_numpy().copy()).long()

    def fetch(self, indices: Sequence[int]) -> Batch:
        """See `tacit.data.Source.fetch`."""
        rows = index_tensor(indices)
        strings = self._texts.take(pa.array(rows.numpy())).to_pylist()
        return Batch(
            values={"text": Texts(tuple(strings))},
            index=rows,
            label=None if self._labels is None else self._labels[rows],
        )

    def texts(self) -> list[str]:
        """All of them, such as a tokenizer is trained on."""
        strings: list[str] = self._texts.to_pylist()
        return strings
