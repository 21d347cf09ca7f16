"""The collectives the losses need, with gradients, and the identity where there is one process.

**The gradient convention, for every loss of this package.** Averaging parameter gradients over the
ranks (what `DistributedDataParallel` and `fully_shard` do) gives the gradient that one process
would get from the whole batch. A loss keeps it when the mean over ranks of what it returns, seen as
a function of *all* ranks' inputs, is the loss of the whole batch; the losses here return that very
value on every rank. It follows that

* the backward of a collective adds up what every rank asks for: `gather_rows` scatters the sum,
  `all_reduce_sum` all-reduces. A plain `torch.distributed.all_reduce` has no backward and loses a
  factor of the world size without a word.
* a mean divides by the *global* number of terms, see `global_mean`, so that ranks with more hidden
  tokens or more pairs count for more.

Every rank must call a collective, in the same order, backward included. All of them are
differentiable twice and wait for nothing on the host, except where their docstring says so.
"""

from __future__ import annotations

from typing import Any

import torch
import torch.distributed as dist
from jaxtyping import Float, Int, Shaped
from torch import Tensor


def world_size() -> int:
    """Number of processes that train together; 1 without an initialised process group."""
    return dist.get_world_size() if _distributed() else 1


def rank() -> int:
    """Number of this process among them, from 0; 0 without an initialised process group."""
    return dist.get_rank() if _distributed() else 0


def gather_rows(x: Shaped[Tensor, " rows *rest"]) -> Shaped[Tensor, " all_rows *rest"]:
    """The rows of all ranks, in the order of the ranks, with gradient.

    Args:
        x: this rank's rows. Every rank must bring equally many, of one shape and dtype: `all_rows`
            is `rows` times the world size, and row i of rank r stands at `r * rows + i`.

    Returns:
        all rows; `x` itself where there is one process.

    Raises:
        ValueError: ranks bring different numbers of rows. On an accelerator the same check fails
            inside the device queue (a device-side assertion), for the host does not wait for it.
    """
    if world_size() == 1:
        return x
    global_rows(x)
    gathered: Tensor = _GatherRows.apply(x)  # type: ignore[no-untyped-call]
    return gathered


def all_reduce_sum(x: Float[Tensor, "*shape"]) -> Float[Tensor, "*shape"]:
    """The sum of `x` over all ranks, on every rank, with gradient; `x` where there is one process.

    The gradient of an input is the sum of the gradients that all ranks have for the output.
    """
    if world_size() == 1:
        return x
    total: Tensor = _AllReduceSum.apply(x)  # type: ignore[no-untyped-call]
    return total


@torch.no_grad()
def largest(x: Float[Tensor, "*shape"]) -> Float[Tensor, "*shape"]:
    """The largest of each entry over all ranks, on every rank, without gradient."""
    if world_size() == 1:
        return x
    most = x.clone(memory_format=torch.contiguous_format)
    dist.all_reduce(most, op=dist.ReduceOp.MAX)
    return most


@torch.no_grad()
def from_first(x: Shaped[Tensor, "*shape"]) -> Shaped[Tensor, "*shape"]:
    """The first rank's tensor, on every rank, without gradient: for draws that all must share."""
    if world_size() == 1:
        return x
    shared = x.clone(memory_format=torch.contiguous_format)
    dist.broadcast(shared, src=0)
    return shared


def global_mean(
    total: Float[Tensor, ""], count: Float[Tensor, ""] | Int[Tensor, ""] | int
) -> Float[Tensor, ""]:
    """A mean over the terms of all ranks: the sum of `total` over the sum of `count`.

    Args:
        total: the sum of this rank's terms.
        count: their number or total weight, at least 0; no gradient flows into it.

    Returns:
        the same mean on every rank; 0, with gradient 0, where no rank has a term.
    """
    weight = torch.as_tensor(count, dtype=total.dtype, device=total.device).detach()
    sums = all_reduce_sum(torch.stack([total, weight]))
    empty = sums[1] == 0
    return sums[0] / torch.where(empty, 1.0, sums[1].detach())


def global_rows(x: Shaped[Tensor, " rows *rest"]) -> int:
    """Number of rows over all ranks, which must hold equally many: known without a device sync.

    Raises:
        ValueError: they do not (see `gather_rows` for accelerators).
    """
    if world_size() > 1:
        counts = x.new_tensor([x.shape[0], -x.shape[0]], dtype=torch.long)
        dist.all_reduce(counts, op=dist.ReduceOp.MAX)  # the largest, and minus the smallest
        _require_equal(counts, x.shape[0])
    return x.shape[0] * world_size()


def _require_equal(counts: Tensor, own: int) -> None:
    if counts.device.type == "cpu":
        most, fewest = int(counts[0]), -int(counts[1])
        if most != fewest:
            raise ValueError(
                f"every rank must bring equally many rows; rank {rank()} brings {own}, others "
                f"between {fewest} and {most}: drop the last incomplete batch, or pad and give "
                "the padding no weight"
            )
    else:
        torch._assert_async(counts.sum() == 0, "ranks bring different numbers of rows")


def _distributed() -> bool:
    return dist.is_available() and dist.is_initialized()


class _GatherRows(torch.autograd.Function):
    @staticmethod
    def forward(_ctx: Any, x: Tensor) -> Tensor:
        rows = x.new_empty(x.shape[0] * world_size(), *x.shape[1:])
        dist.all_gather_into_tensor(rows, x.contiguous())
        return rows

    @staticmethod
    def backward(_ctx: Any, gradient: Tensor) -> Tensor:
        own: Tensor = _ScatterSum.apply(gradient)  # type: ignore[no-untyped-call]
        return own


class _ScatterSum(torch.autograd.Function):
    """The backward of a gather: this rank's rows of the sum over ranks; its own is a gather."""

    @staticmethod
    def forward(_ctx: Any, x: Tensor) -> Tensor:
        rows = x.shape[0] // world_size()
        if x.device.type == "cpu":  # gloo learnt reduce_scatter late, and does it by all_reduce
            total = x.clone(memory_format=torch.contiguous_format)
            dist.all_reduce(total)
            return total[rank() * rows : (rank() + 1) * rows].clone()
        own = x.new_empty(rows, *x.shape[1:])
        dist.reduce_scatter_tensor(own, x.contiguous())
        return own

    @staticmethod
    def backward(_ctx: Any, gradient: Tensor) -> Tensor:
        gathered: Tensor = _GatherRows.apply(gradient)  # type: ignore[no-untyped-call]
        return gathered


class _AllReduceSum(torch.autograd.Function):
    @staticmethod
    def forward(_ctx: Any, x: Tensor) -> Tensor:
        total = x.clone(memory_format=torch.contiguous_format)
        dist.all_reduce(total)
        return total

    @staticmethod
    def backward(_ctx: Any, gradient: Tensor) -> Tensor:
        total: Tensor = _AllReduceSum.apply(gradient)  # type: ignore[no-untyped-call]
        return total
