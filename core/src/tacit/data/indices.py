"""Positions in a data set, on their way from an order to a source."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy
import torch
from jaxtyping import Int
from torch import Tensor


class Indices(list[int]):
    """A list of positions that keeps the tensor it was made of, so that nobody makes it again.

    Sent to another process it is a plain list, which travels better than a tensor.

    Args:
        tensor: the positions, in CPU memory.
    """

    __slots__ = ("tensor",)

    def __init__(self, tensor: Int[Tensor, " instances"]) -> None:
        super().__init__(tensor.tolist())
        self.tensor = tensor

    def __reduce__(self) -> tuple[Any, ...]:
        return list, (list(self),)


def index_tensor(indices: Sequence[int]) -> Int[Tensor, " instances"]:
    """Positions as a tensor: what `Source.fetch` indexes with and puts into its batch.

    Not to be written to: it may be the loader's own.
    """
    if isinstance(indices, Indices):
        return indices.tensor
    return torch.from_numpy(numpy.array(indices, dtype=numpy.int64))
