"""Processes: one per device, started by torchrun; everything here is torch's own."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, distributed, nn
from torch.nn.parallel import DistributedDataParallel


@dataclass(frozen=True, kw_only=True)
class World:
    """Where a process stands among the others.

    Args:
        device: where this process trains.
        rank: its number.
        size: how many there are.
    """

    device: torch.device
    rank: int = 0
    size: int = 1

    @property
    def leads(self) -> bool:
        """Whether this process writes files and prints."""
        return self.rank == 0


def pick_device(name: str) -> torch.device:
    """The device a run asked for; `auto` takes a GPU if there is one.

    Raises:
        ValueError: a device that is not there.
    """
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "cpu"
    try:
        device = torch.device(name)
    except RuntimeError as error:
        raise ValueError(f"device: wanted auto, cpu, cuda or cuda:N; got {name!r}") from error
    if device.type == "cuda" and not torch.cuda.is_available():
        raise ValueError(f"device: {name} was asked for, but torch sees no GPU; use device=cpu")
    return device


@contextmanager
def world(device: str = "auto") -> Iterator[World]:
    """Join the processes torchrun started, or be the only one.

    A process group that already exists is used and left alone.
    """
    chosen = pick_device(device)
    size = int(os.environ.get("WORLD_SIZE", "1"))
    if distributed.is_initialized():
        yield _placed(chosen)
        return
    if size == 1:
        yield World(device=chosen)
        return
    distributed.init_process_group("nccl" if chosen.type == "cuda" else "gloo")
    try:
        yield _placed(chosen)
    finally:
        distributed.destroy_process_group()


def _placed(chosen: torch.device) -> World:
    if chosen.type == "cuda" and chosen.index is None:
        chosen = torch.device("cuda", int(os.environ.get("LOCAL_RANK", "0")))
        torch.cuda.set_device(chosen)
    return World(device=chosen, rank=distributed.get_rank(), size=distributed.get_world_size())


def replicate(module: nn.Module) -> nn.Module:
    """The module under DDP; itself where there is one process.

    Parameters an objective never reaches (a mask token under a drop mask) get no gradient on any
    process, so unused ones are looked for. That also keeps DDP from arranging its buckets anew
    after the first step, which would make a resumed run add up in another order than an
    undisturbed one. Buffers are not broadcast: batch statistics are synchronised and queues
    gathered, so they agree already.
    """
    if not distributed.is_initialized() or distributed.get_world_size() == 1:
        return module
    return DistributedDataParallel(
        _Replica(module), find_unused_parameters=True, broadcast_buffers=False
    )


class _Replica(nn.Module):
    """A module with a parameter that nothing uses, where that costs nothing.

    DDP says on every process that looking for unused parameters found none. On a GPU an unused
    parameter makes it wait for the device in each step, and its one line is the lesser evil.
    """

    def __init__(self, module: nn.Module) -> None:
        super().__init__()
        self.module = module
        if all(parameter.device.type == "cpu" for parameter in module.parameters()):
            self.spare = nn.Parameter(torch.zeros(()))

    def forward(self, *inputs: Any) -> Any:
        return self.module(*inputs)


def average(tensors: Sequence[Tensor | None]) -> None:
    """Replace tensors by their mean over the processes, in one collective a dtype."""
    if not distributed.is_initialized() or distributed.get_world_size() == 1:
        return
    present = [tensor for tensor in tensors if tensor is not None]
    for dtype in sorted({tensor.dtype for tensor in present}, key=str):
        group = [tensor for tensor in present if tensor.dtype == dtype]
        flat = torch.cat([tensor.flatten() for tensor in group])
        distributed.all_reduce(flat)
        flat /= distributed.get_world_size()
        parts = flat.split([tensor.numel() for tensor in group])
        torch._foreach_copy_(group, [p.view_as(t) for p, t in zip(parts, group, strict=True)])


def add_up(tensor: Tensor) -> None:
    """Replace a tensor of any dtype by its sum over the processes."""
    if distributed.is_initialized() and distributed.get_world_size() > 1:
        distributed.all_reduce(tensor)


def any_process(flag: bool, device: torch.device) -> bool:
    """Whether the flag is set on some process; a collective, so call it on all of them."""
    if not distributed.is_initialized() or distributed.get_world_size() == 1:
        return flag
    word = torch.tensor(int(flag), device=device)
    distributed.all_reduce(word, op=distributed.ReduceOp.MAX)
    return bool(word.item())


def from_first(number: int, device: torch.device) -> int:
    """The first process's number, on all of them."""
    if not distributed.is_initialized() or distributed.get_world_size() == 1:
        return number
    word = torch.tensor(number, device=device)
    distributed.broadcast(word, src=0)
    return int(word.item())


def barrier() -> None:
    """Wait for all processes."""
    if distributed.is_initialized() and distributed.get_world_size() > 1:
        distributed.barrier()
