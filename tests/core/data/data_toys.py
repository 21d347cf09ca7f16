"""Sources small enough to read; importable, so that spawned workers find them."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from tacit.contract import Batch
from tacit.data import Draw, GeneratedSource, Source


class Numbers(Source):
    """Row i holds i, i, i."""

    modalities = ("number",)

    def __init__(self, size: int = 20, broken: int | None = None) -> None:
        self.size = size
        self.broken = broken

    def __len__(self) -> int:
        return self.size

    def fetch(self, indices: Sequence[int]) -> Batch:
        if self.broken in indices:
            raise ValueError(f"row {self.broken} cannot be read: remove it")
        index = torch.tensor(indices)
        values = index.float()[:, None].expand(-1, 3).clone()
        return Batch(values={"number": values}, index=index, label=index % 2)

    def labels(self) -> Tensor:
        return torch.arange(self.size) % 2


class Excerpts(Numbers):
    """Reading draws: row i holds i plus noise."""

    def fetch_random(self, indices: Sequence[int], draw: Draw) -> Batch:
        batch = self.fetch(indices)
        noise = [torch.rand(3, generator=draw.generator(i)) for i in indices]
        values = batch.values["number"] + torch.stack(noise)
        return Batch(values={"number": values}, index=batch.index)


class Short(Numbers):
    def fetch(self, indices: Sequence[int]) -> Batch:
        return super().fetch(indices[1:])


class Noise(GeneratedSource):
    modalities = ("number",)

    def fetch(self, step: int, size: int, generator: torch.Generator) -> Batch:
        values = torch.rand(size, 3, generator=generator)
        return Batch(values={"number": values}, index=torch.arange(size) + step * size)

    def fingerprint(self) -> str:
        return "noise"
