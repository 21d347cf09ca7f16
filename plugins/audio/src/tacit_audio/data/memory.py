"""Recordings that already are a tensor."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from jaxtyping import Float, Int
from torch import Tensor

from tacit.contract import Batch, Spans
from tacit.data import Source, fingerprint, index_tensor
from tacit_audio.sound import Sound


class SoundsInMemory(Source):
    """Clips of one length in one tensor; a batch is one indexing operation.

    Args:
        wave: samples in [-1, 1].
        rate: samples a second.
        labels: class or value of each clip.
        label_names: names of the classes.
        groups: which clips belong together.
        spans: labels along the clips, in seconds.

    Raises:
        ValueError: samples that are not finite, no samples, or labels of another length.
    """

    modalities = ("audio",)

    def __init__(
        self,
        wave: Float[Tensor, "clips channels samples"],
        rate: int,
        *,
        labels: Tensor | None = None,
        label_names: tuple[str, ...] | None = None,
        groups: Int[Tensor, " clips"] | None = None,
        spans: Spans | None = None,
    ) -> None:
        if wave.shape[2] == 0:
            raise ValueError("wave: wanted at least one sample a clip; got none")
        if not bool(torch.isfinite(wave).all()):
            rows = (~torch.isfinite(wave)).any(2).any(1).nonzero().flatten()[:5].tolist()
            raise ValueError(f"wave: holds samples that are no finite numbers, in clips {rows}")
        for what, column in (("labels", labels), ("groups", groups)):
            if column is not None and len(column) != len(wave):
                raise ValueError(
                    f"{what}: wanted one for each of {len(wave)} clips; got {len(column)}"
                )
        self.wave, self.rate = wave, rate
        self._labels, self._groups = labels, groups
        self._spans = spans
        self.label_names = label_names

    def __len__(self) -> int:
        return len(self.wave)

    def fetch(self, indices: Sequence[int]) -> Batch:
        """The clips at these positions."""
        index = index_tensor(indices)
        return Batch(
            values={"audio": Sound(wave=self.wave[index], rate=self.rate)},
            index=index,
            label=None if self._labels is None else self._labels[index],
            group=None if self._groups is None else self._groups[index],
        )

    def labels(self) -> Tensor | None:
        """The label of every clip."""
        return self._labels

    def groups(self) -> Tensor | None:
        """The group of every clip."""
        return self._groups

    def spans(self) -> Spans | None:
        """Labels along the clips, in seconds."""
        return self._spans

    def fingerprint(self) -> str:
        """Of the first and last clip, the rate, all labels and groups, and labels along clips."""
        ends = [self.wave[0], self.wave[-1]] if len(self) else []
        along = () if self._spans is None else (self._spans,)
        return fingerprint(len(self), ends, self.rate, self._labels, self._groups, *along)

    def describe(self) -> str:
        """One line for people."""
        seconds = self.wave.shape[2] / self.rate
        return f"{super().describe()}, {seconds:g} s each at {self.rate} Hz"
