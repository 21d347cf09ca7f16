"""Run by test_distributed.py in each of several processes: every objective, split and whole.

Encoders, heads and teachers are those of one process; their batch norms are synchronised, each
process sees its rows, and gradients are averaged, as DistributedDataParallel does.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
import torch.distributed as dist
from tests.core.objectives.setting import (
    BATCH,
    MASKED,
    OBJECTIVES,
    ON_ITS_OWN,
    Setting,
    make,
    masked_views,
    two_views,
)
from tests.core.ranks import fork, together
from tests.core.toys import SIZE
from torch import Tensor, nn

from tacit.contract import Mask, Views
from tacit.nn import EmbeddingQueue, RandomMask, SampleState, synchronise_batch_norm

STEPS = 2


def views_of(name: str, rows: slice) -> Views:
    if name not in MASKED:
        views = two_views(dtype=torch.float64, rows=rows)
        own = Mask(hidden(name).hidden[rows], "replace")
        return Views([replace(v, mask=own if name == "ibot" else None) for v in views])
    (view,) = masked_views(dtype=torch.float64)
    mask = hidden(name)
    own = Mask(mask.hidden[rows], mask.mode, mask.hidden_per_row)
    return Views([replace(view, value=view.value[rows], mask=own)])


def hidden(name: str) -> Mask:
    """Masks made for the whole batch; the rows of a replacing one hide unequal numbers."""
    generator = torch.Generator().manual_seed(5)
    if name == "mae":
        return RandomMask()(BATCH, (4, 4), mode="drop", generator=generator)
    shares = torch.linspace(0.1, 0.9, BATCH)[:, None]
    return Mask(torch.rand(BATCH, SIZE, generator=generator) < shares, "replace")


def gradients(setting: Setting, name: str, rows: slice) -> tuple[Tensor, Tensor, Tensor]:
    """The loss after one step of the teacher, the gradient, and the running statistics."""
    for _ in range(STEPS):
        total = setting.losses(views_of(name, rows)).total()
        setting.objective.after_step(setting.context())
        for teacher in setting.teachers.values():
            teacher.update(setting.encoders, setting.parts(), 0.5)
    found = torch.autograd.grad(total, setting.trained(), allow_unused=True)
    flat = torch.cat([g.flatten() for g in found if g is not None])
    return total.detach(), flat, torch.cat([b.flatten().double() for b in buffers(setting)])


def buffers(setting: Setting) -> list[Tensor]:
    modules = [setting.encoders, setting.objective, *setting.teachers.values()]
    return [torch.zeros(1), *(b for module in modules for b in module.buffers())]


def prepared(name: str) -> Setting:
    setting = make(name)
    for module in (setting.encoders, setting.objective, *setting.teachers.values()):
        module.double()
    return setting


def compare(rank: int, world: int) -> dict[str, dict[str, float]]:
    rows = slice(rank * BATCH // world, (rank + 1) * BATCH // world)
    answers = {}
    for name in REFERENCE:
        setting = prepared(name)
        for module in (setting.encoders, setting.objective, *setting.teachers.values()):
            keys = list(module.state_dict())
            synchronise_batch_norm(module)
            assert list(module.state_dict()) == keys
        value, slope, statistics = gradients(setting, name, rows)
        dist.all_reduce(slope)
        whole_value, whole, whole_statistics = REFERENCE[name]
        answers[name] = {
            "value": float(value / whole_value),
            "norm": float(slope.norm() / world / whole.norm()),
            "cosine": float(torch.cosine_similarity(slope, whole, dim=0)),
            "statistics": 1 + float((statistics - whole_statistics).abs().max()),
        }
    return answers


def batch_norm(rank: int, world: int) -> dict[str, bool]:
    """Batch norm alone: unequal rows, images, a plain mean of batches, no running statistics."""
    answers = {}
    for number, (norm, shape) in enumerate(NORMS):
        sizes = torch.arange(world) + 2
        ends = sizes.cumsum(0).tolist()
        generator = torch.Generator().manual_seed(number)
        whole = torch.randn(ends[-1], *shape, generator=generator, dtype=torch.float64)
        weights = torch.randn(whole.shape, generator=generator, dtype=torch.float64)
        split = synchronise_batch_norm(nn.Sequential(copy(norm)))
        alone, rows = copy(norm), slice(ends[rank] - int(sizes[rank]), ends[rank])
        mine, full = whole[rows].clone().requires_grad_(), whole.clone().requires_grad_()
        answer, wanted = split(mine), alone(full)
        (slope,) = torch.autograd.grad((answer * weights[rows]).sum(), mine)
        (wanted_slope,) = torch.autograd.grad((wanted * weights).sum(), full)
        same = [(answer, wanted[rows]), (slope, wanted_slope[rows])]
        same += list(zip(split.buffers(), alone.buffers(), strict=True))
        split.eval()
        alone.eval()
        same.append((split(mine), alone(full)[rows] if alone.running_mean is not None else None))
        answers[f"{number} {norm}"] = all(w is None or torch.allclose(g, w) for g, w in same)
    return answers


NORMS: list[tuple[nn.BatchNorm1d | nn.BatchNorm2d, tuple[int, ...]]] = [
    (nn.BatchNorm1d(3), (3,)),
    (nn.BatchNorm2d(3, affine=False), (3, 4, 5)),
    (nn.BatchNorm1d(3, momentum=None), (3, 4)),
    (nn.BatchNorm1d(3, track_running_stats=False), (3,)),
]


def copy(norm: nn.BatchNorm1d | nn.BatchNorm2d) -> nn.BatchNorm1d | nn.BatchNorm2d:
    made = type(norm)(
        norm.num_features,
        momentum=norm.momentum,
        affine=norm.affine,
        track_running_stats=norm.track_running_stats,
    ).double()
    if norm.affine:
        nn.init.normal_(made.weight, generator=torch.Generator().manual_seed(1))
        nn.init.normal_(made.bias, generator=torch.Generator().manual_seed(2))
    return made


class Odd(nn.BatchNorm1d):
    """Does something more than a batch norm."""

    def forward(self, input: Tensor) -> Tensor:
        return super().forward(input).relu()


def memories(rank: int, world: int) -> dict[str, object]:
    state, queue = SampleState(2 * world, (1,)), EmbeddingQueue(3 * world, 1)
    index = torch.tensor([2 * rank + 1, 2 * rank])
    state.write(index, index[:, None].float())
    for start in (0, 10):
        queue.push(torch.tensor([[start + 2.0 * rank], [start + 2.0 * rank + 1]]))
    latest = [*range(world, 2 * world), *range(10, 10 + 2 * world)]
    try:
        synchronise_batch_norm(nn.Sequential(Odd(2)))
        odd = "no error"
    except ValueError as error:
        odd = str(error)
    return {
        "state": torch.equal(state.values.flatten(), torch.arange(2.0 * world)),
        "queue": sorted(queue.values.flatten().tolist()) == sorted(map(float, latest)),
        "odd": odd,
    }


def split(rank: int, folder: Path) -> dict[int, Any]:
    """Meet in groups of four and of two, one after the other."""
    answers: dict[int, Any] = {}
    for world in (4, 2):
        if rank < world:
            with together(folder, rank, world):
                answers[world] = {
                    "objectives": compare(rank, world),
                    "norms": batch_norm(rank, world),
                    "memories": memories(rank, world),
                }
    return answers


if __name__ == "__main__":
    torch.set_num_threads(1)
    REFERENCE = {
        n: gradients(prepared(n), n, slice(0, BATCH)) for n in OBJECTIVES if n not in ON_ITS_OWN
    }
    fork(split, 4)
