"""Classes as another modality describes them: what zero-shot classification is told."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import torch
from jaxtyping import Int
from torch import Tensor

from tacit.contract import Batch, Encoder, Modality
from tacit.data import Described, sequential
from tacit.evaluation.embed import embed, raw_features
from tacit.evaluation.embeddings import Embeddings


@dataclass(frozen=True, kw_only=True, eq=False)
class Prompts:
    """Descriptions of classes, with the labels the data have for those.

    Args:
        described: one or more of each class.
        classes: the label of each description.
        device: where batches are wanted.
        batch: descriptions at once.
    """

    described: Described
    classes: Int[Tensor, " prompts"]
    device: torch.device
    batch: int = 256

    @classmethod
    def of(
        cls, described: Described, names: Sequence[str] | None, labels: Tensor, device: torch.device
    ) -> Prompts:
        """Descriptions matched with the classes of labelled data.

        Args:
            described: under names of classes, or under numbers where the data have no names.
            names: of the classes, by label.
            labels: those that occur.
            device: where batches are wanted.

        Raises:
            ValueError: a name that is no class, or a class that nothing describes.
        """
        present = sorted({int(label) for label in labels})
        known = {names[label] if names else str(label): label for label in present}
        every = {name: label for label, name in enumerate(names or ())} | known
        if strange := sorted(set(described.classes) - set(every)):
            raise ValueError(
                f"prompts: wanted classes of the data ({_some(every)}); got {_some(strange)}"
            )
        if missing := [name for name in known if name not in described.classes]:
            raise ValueError(f"prompts: nothing describes the class {_some(missing)}: add a row")
        classes = torch.tensor([every[name] for name in described.classes])
        return cls(described=described, classes=classes, device=device)

    @property
    def modality(self) -> str:
        """What describes."""
        return self.described.modality

    def embedded(self, encoder: Encoder) -> Embeddings:
        """Each description as an encoder has it, under its class."""
        return replace(embed(encoder, self), label=self.classes)

    def raw(self, modality: Modality) -> Embeddings:
        """Each description's raw features, under its class."""
        return replace(raw_features(modality, self, keep_on=self.device), label=self.classes)

    def __iter__(self) -> Iterator[Batch]:
        return sequential(self.described.source, self.batch, device=self.device)


def _some(names: Sequence[str] | dict[str, int]) -> str:
    shown = list(names)[:5]
    return ", ".join(shown) + (", ..." if len(names) > len(shown) else "")
