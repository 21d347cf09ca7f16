"""Images that already are a tensor."""

from __future__ import annotations

from collections.abc import Sequence

from jaxtyping import Int, UInt8
from torch import Tensor

from tacit.contract import Batch
from tacit.data import Source, index_tensor


class ImagesInMemory(Source):
    """Decoded images in one tensor; a batch is one indexing operation.

    Args:
        images: uint8, 1 or 3 channels.
        labels: class or value of each image.
        label_names: names of the classes.
        groups: which images belong together.

    Raises:
        ValueError: another type or number of channels, or labels of another length.
    """

    modalities = ("image",)

    def __init__(
        self,
        images: UInt8[Tensor, "instances channels height width"],
        *,
        labels: Tensor | None = None,
        label_names: tuple[str, ...] | None = None,
        groups: Int[Tensor, " instances"] | None = None,
    ) -> None:
        if images.shape[1] not in (1, 3):
            raise ValueError(
                "images: wanted shape (instances, 1 or 3, height, width); "
                f"got {tuple(images.shape)}"
            )
        for name, column in (("labels", labels), ("groups", groups)):
            if column is not None and column.shape[0] != images.shape[0]:
                raise ValueError(
                    f"{name}: wanted one for each of {images.shape[0]} images; "
                    f"got {column.shape[0]}"
                )
        self._images, self._labels, self._groups = images, labels, groups
        self.label_names = label_names

    def __len__(self) -> int:
        return int(self._images.shape[0])

    def fetch(self, indices: Sequence[int]) -> Batch:
        """The images at these positions."""
        index = index_tensor(indices)
        return Batch(
            values={"image": self._images[index]},
            index=index,
            label=None if self._labels is None else self._labels[index],
            group=None if self._groups is None else self._groups[index],
        )

    def labels(self) -> Tensor | None:
        """The label of every image."""
        return self._labels

    def groups(self) -> Tensor | None:
        """The group of every image."""
        return self._groups

    def describe(self) -> str:
        """One line for people, with the shape of the images."""
        return f"{super().describe()}, {shape_words(self._images.shape[1:])}"


def shape_words(shape: Sequence[int]) -> str:
    """`32 x 32 in colour`, of (channels, height, width)."""
    channels, height, width = shape
    return f"{height} x {width} in {'colour' if channels == 3 else 'grey'}"
