"""A training step asks the device for no value: nothing it does would make the host wait.

Shown at dispatch, on any device: the operators that read a tensor back, or whose result's shape
depends on one, never run. (Copies between devices do not show here.)
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pytest
import torch
from tests.core.objectives.setting import OBJECTIVES, make, views_for
from torch.utils._python_dispatch import TorchDispatchMode

from tacit.nn import (
    BlockMask,
    DisjointMask,
    EmbeddingQueue,
    MultiBlockMask,
    RandomMask,
    SampleState,
    SpanMask,
    SubsetMask,
    TubeMask,
)

WAITING = ("_local_scalar_dense", "nonzero", "masked_select", "unique", "bincount", "is_nonzero")


class NothingReadBack(TorchDispatchMode):
    """Fails at the first operator that would wait for the device."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]

    def __torch_dispatch__(
        self,
        func: Any,
        types: Sequence[type],
        args: tuple[Any, ...] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        name = func.name().removeprefix("aten::").partition(".")[0]
        masks = [a for a in args[1] if a is not None] if name in ("index", "index_put_") else []
        assert not name.startswith(WAITING), name
        assert all(mask.dtype != torch.bool for mask in masks), f"{name} by a mask"
        return func(*args, **(kwargs or {}))


@pytest.mark.parametrize(
    "read", [lambda x: x.sum().item(), lambda x: x[x > 0], lambda x: bool(x[0])]
)
def test_the_check_itself_sees_waiting(read: Any) -> None:
    with pytest.raises(AssertionError), NothingReadBack():
        read(torch.ones(3))


@pytest.mark.parametrize("name", OBJECTIVES)
def test_an_objectives_step_waits_for_nothing(name: str) -> None:
    setting, views = make(name), views_for(name)
    with NothingReadBack():
        losses = setting.losses(views)
        losses.total().backward()
        for teacher in setting.teachers.values():
            teacher.update(setting.encoders, setting.parts())


def test_masks_of_every_form_and_memories_wait_for_nothing() -> None:
    generator, valid = torch.Generator().manual_seed(0), torch.arange(6) < torch.tensor([[6], [3]])
    queue, state = EmbeddingQueue(5, 2), SampleState(9, (2,))
    with NothingReadBack():
        RandomMask(block=2)(3, (5, 4), mode="replace", generator=generator)
        RandomMask()(2, (6,), mode="replace", generator=generator, valid=valid)
        RandomMask().packed(7, mode="replace", generator=generator)
        for sampler in (BlockMask(), TubeMask(), DisjointMask(), MultiBlockMask(), SubsetMask()):
            sampler.hidings(3, (5, 4), mode="drop", generator=generator)
        SpanMask(length=3)(2, (6,), mode="replace", generator=generator, valid=valid)
        queue.push(torch.ones(3, 2))
        state.write(torch.tensor([4, 2]), torch.ones(2, 2))
        state.read(torch.tensor([1]))
