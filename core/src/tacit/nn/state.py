"""State per instance and queues of embeddings, kept over the run and checkpointed."""

from __future__ import annotations

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from tacit.functional import gather_rows


class SampleState(nn.Module):
    """A row of numbers for every instance of the data set.

    Args:
        instances: size of the data set.
        shape: shape of one row.
        fill: initial value.
    """

    values: Tensor

    def __init__(self, instances: int, shape: tuple[int, ...] = (), fill: float = 0.0) -> None:
        super().__init__()
        self.register_buffer("values", torch.full((instances, *shape), fill))

    def read(self, index: Int[Tensor, " rows"]) -> Float[Tensor, "rows ..."]:
        """The rows of some instances, `(rows, *shape)`."""
        return self.values[index]

    @torch.no_grad()
    def write(self, index: Int[Tensor, " rows"], rows: Float[Tensor, "rows ..."]) -> None:
        """Replace the rows of some instances; under several processes, those of all batches."""
        self.values[gather_rows(index)] = gather_rows(rows.detach()).to(self.values.dtype)


class EmbeddingQueue(nn.Module):
    """The latest embeddings of all processes, oldest overwritten first.

    Args:
        size: how many it holds; a multiple of the global batch, so that pushes never wrap within
            a batch.
        width: features of an embedding.
        seed: of the random unit vectors it is filled with at first.
    """

    values: Tensor
    at: Tensor

    def __init__(self, size: int, width: int, *, seed: int = 0) -> None:
        super().__init__()
        generator = torch.Generator().manual_seed(seed)
        start = torch.randn(size, width, generator=generator)
        self.register_buffer("values", nn.functional.normalize(start, dim=1))
        self.register_buffer("at", torch.zeros((), dtype=torch.long))

    @torch.no_grad()
    def push(self, embeddings: Float[Tensor, "batch width"]) -> None:
        """Append the embeddings of all processes; nothing is read back from the device.

        Raises:
            ValueError: the batch does not divide the size.
        """
        rows = gather_rows(embeddings.detach())
        size = self.values.shape[0]
        if size % rows.shape[0]:
            raise ValueError(
                f"queue: wanted a size that is a multiple of the batch {rows.shape[0]}; got {size}"
            )
        slots = self.at + torch.arange(rows.shape[0], device=rows.device)
        self.values.index_copy_(0, slots, rows.to(self.values.dtype))
        self.at.copy_((self.at + rows.shape[0]) % size)
