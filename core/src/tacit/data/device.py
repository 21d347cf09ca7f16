"""From host memory to the training device, one batch ahead."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import fields
from typing import Any

import torch

from tacit.contract import Batch


def onto(batches: Iterable[Batch], device: torch.device, *, pin: bool) -> Iterator[Batch]:
    """The batches on a device; for CUDA the next one is copied while this one is computed on.

    Args:
        batches: batches in host memory.
        device: where they are wanted.
        pin: CUDA only: copy through page-locked memory, without which copies do not overlap.
    """
    if device.type == "cuda":
        yield from _one_ahead(batches, device, pin)
    else:
        for batch in batches:
            yield batch.to(device)


def _one_ahead(batches: Iterable[Batch], device: torch.device, pin: bool) -> Iterator[Batch]:
    side: torch.cuda.Stream = torch.cuda.Stream(device)
    waiting: tuple[Batch, torch.cuda.Event] | None = None
    for batch in batches:
        coming = _copy(pinned(batch) if pin else batch, device, side)
        if waiting is not None:
            yield _arrived(*waiting, device)
        waiting = coming
    if waiting is not None:
        yield _arrived(*waiting, device)


def _copy(
    batch: Batch, device: torch.device, side: torch.cuda.Stream
) -> tuple[Batch, torch.cuda.Event]:
    # The copy's memory comes from the side stream's pool, perhaps from a batch that was just let
    # go. All kernels that read that one are already queued on the current stream, so waiting for
    # them makes reuse safe whatever type the values have (record_stream knows tensors only). The
    # step on the batch before this one is not queued yet: the copy overlaps with it.
    side.wait_stream(torch.cuda.current_stream(device))
    with torch.cuda.stream(side):
        return batch.to(device), side.record_event()


def _arrived(batch: Batch, copied: torch.cuda.Event, device: torch.device) -> Batch:
    torch.cuda.current_stream(device).wait_event(copied)
    return batch


def pinned(batch: Batch) -> Batch:
    """The batch in page-locked memory; values without a `pin_memory` method stay as they are."""
    return Batch(**{field.name: _pin(getattr(batch, field.name)) for field in fields(batch)})


def _pin(value: Any) -> Any:
    if hasattr(value, "pin_memory"):
        return value.pin_memory()
    if isinstance(value, Mapping):
        return {key: _pin(item) for key, item in value.items()}
    if isinstance(value, (tuple, list)):
        return type(value)(_pin(item) for item in value)
    return value
