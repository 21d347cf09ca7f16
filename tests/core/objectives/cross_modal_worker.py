"""Run by test_cross_modal_distributed.py in two processes: split and whole, all parameters.

The gradients of encoders, projectors and what is learned of the logits, averaged over the
processes, are set beside those of one process on the whole batch.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import torch
import torch.distributed as dist
from tests.core.objectives.test_cross_modal import LINEAR, SIZE, batch, learner
from tests.core.ranks import fork, together

from tacit.contract import Batch
from tacit.functional import mine_triplets, triplet_margin
from tacit.methods import Learner
from tacit.objectives import (
    Clip,
    ClipConfig,
    DeepCca,
    DeepCcaConfig,
    PairedISogClr,
    PairedISogClrConfig,
    PairedVicReg,
    PairedVicRegConfig,
    SigLip,
    SigLipConfig,
)

GAPS = {"a": [1] * 7 + [0] * 5, "b": [0, 1] * 6}
MADE: dict[str, Callable[[], Learner]] = {
    "clip": lambda: learner(Clip(ClipConfig(projector=LINEAR)), 3),
    "siglip": lambda: learner(SigLip(SigLipConfig(projector=LINEAR)), 3),
    "isogclr": lambda: learner(PairedISogClr(PairedISogClrConfig(projector=LINEAR)), 3),
    "vicreg": lambda: learner(PairedVicReg(PairedVicRegConfig(projector=LINEAR)), 3),
    "cca": lambda: learner(DeepCca(DeepCcaConfig(projector=LINEAR)), 3),
}


def part(rows: slice) -> Batch:
    whole = batch(3, **GAPS)
    return Batch(
        values={key: value[rows].double() for key, value in whole.values.items()},
        index=whole.index[rows],
        present={key: there[rows] for key, there in whole.present.items()},
    )


def gradients(trained: Learner, given: Batch) -> dict[str, torch.Tensor]:
    """Of the second step, so that state kept for instances is read as well."""
    for _ in range(2):
        trained.zero_grad()
        trained(given).total().backward()
        trained.after_step()
    return {name: p.grad for name, p in trained.named_parameters() if p.grad is not None}


def triplets(rows: slice) -> dict[str, torch.Tensor]:
    """The gradient of a linear map before triplets whose negatives are drawn row by row."""
    generator = torch.Generator().manual_seed(7)
    a, b, weight, drawn = (
        torch.rand(*size, generator=generator, dtype=torch.float64)
        for size in ((SIZE, 5), (SIZE, 5), (5, 4), (SIZE, 3))
    )
    there = torch.tensor(GAPS["a"]).bool()[rows]
    mined = mine_triplets(b[rows], drawn[rows], near=3, far=0.5, there=there)
    loss = triplet_margin(a[rows] @ weight.requires_grad_(), mined, margin=0.5).loss
    return {"weight": torch.autograd.grad(loss, weight)[0]}


def compare(rank: int, folder: Path) -> dict[str, dict[str, float]]:
    """How far each gradient, averaged over two processes, is from that of one."""
    answers: dict[str, dict[str, float]] = {}
    half = SIZE // 2
    with together(folder, rank, 2):
        for name in REFERENCE:
            rows = slice(rank * half, (rank + 1) * half)
            own = name == "triplets"
            found = triplets(rows) if own else gradients(MADE[name]().double(), part(rows))
            wanted = REFERENCE[name]
            largest = max(float(slope.abs().max()) for slope in wanted.values())
            answers[name] = {}
            for key, slope in found.items():
                dist.all_reduce(slope)
                answers[name][key] = float((slope / 2 - wanted[key]).abs().max()) / largest
    return answers


if __name__ == "__main__":
    torch.set_num_threads(1)
    REFERENCE = {n: gradients(make().double(), part(slice(0, SIZE))) for n, make in MADE.items()}
    REFERENCE["triplets"] = triplets(slice(0, SIZE))
    fork(compare, 2)
