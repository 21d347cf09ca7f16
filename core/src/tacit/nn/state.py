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

    Raises:
        ValueError: fewer than 1 instance.
    """

    values: Tensor

    def __init__(self, instances: int, shape: tuple[int, ...] = (), fill: float = 0.0) -> None:
        super().__init__()
        if instances < 1:
            raise ValueError(f"instances: wanted at least 1; got {instances}")
        self.register_buffer("values", torch.full((instances, *shape), fill))
        self._seen: list[tuple[Tensor, Tensor]] = []

    def read(self, index: Int[Tensor, " rows"]) -> Float[Tensor, "rows ..."]:
        """The rows of some instances, `(rows, *shape)`."""
        return self.values[index]

    @torch.no_grad()
    def write(self, index: Int[Tensor, " rows"], rows: Float[Tensor, "rows ..."]) -> None:
        """Replace the rows of some instances; under several processes, those of all batches."""
        self.values[gather_rows(index)] = gather_rows(rows.detach()).to(self.values.dtype)

    def see(self, index: Int[Tensor, " rows"], rows: Float[Tensor, "rows ..."]) -> None:
        """Take note of new rows; they take effect in `update`, so that a step reads one state."""
        self._seen.append((index, rows.detach()))

    def update(self) -> None:
        """Write what was seen; every process must have seen equally much."""
        for index, rows in self._seen:
            self.write(index, rows)
        self._seen.clear()


class EmbeddingQueue(nn.Module):
    """The latest embeddings of all processes, oldest overwritten first.

    Args:
        size: how many it holds; need not be a multiple of the batch.
        width: features of an embedding.
        seed: of the random unit vectors it is filled with at first, the same on every process.

    Raises:
        ValueError: a size or width below 1.

    Source: He et al. 2020 (arXiv 1911.05722) section 3.2; facebookresearch/moco, moco/builder.py
        (`_dequeue_and_enqueue`). Differs: a batch may wrap around the end.
    """

    values: Tensor
    at: Tensor

    def __init__(self, size: int, width: int, *, seed: int = 0) -> None:
        super().__init__()
        if size < 1 or width < 1:
            raise ValueError(f"queue: wanted size and width of at least 1; got {size} and {width}")
        generator = torch.Generator().manual_seed(seed)
        start = torch.randn(size, width, generator=generator)
        self.register_buffer("values", nn.functional.normalize(start, dim=1))
        self.register_buffer("at", torch.zeros((), dtype=torch.long))
        self._seen: list[Tensor] = []

    @torch.no_grad()
    def push(self, embeddings: Float[Tensor, "batch width"]) -> None:
        """Append the embeddings of all processes; nothing is read back from the device.

        Of more than the queue holds, the last are kept.
        """
        size = self.values.shape[0]
        rows = gather_rows(embeddings.detach())[-size:]
        slots = (self.at + torch.arange(rows.shape[0], device=rows.device)) % size
        self.values.index_copy_(0, slots, rows.to(self.values.dtype))
        self.at.copy_((self.at + rows.shape[0]) % size)

    def see(self, embeddings: Float[Tensor, "batch width"]) -> None:
        """Take note of embeddings; `update` appends them, so that a step reads one queue."""
        self._seen.append(embeddings.detach())

    def update(self) -> None:
        """Append what was seen, in order; every process must have seen equally much."""
        for embeddings in self._seen:
            self.push(embeddings)
        self._seen.clear()
