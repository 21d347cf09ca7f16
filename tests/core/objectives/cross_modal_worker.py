"""Run by test_cross_modal_distributed.py in each of two processes: split and whole, all parameters.

The gradients of encoders, projectors and what is learned of the logits, averaged over the
processes, are set beside those of one process on the whole batch.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import torch
import torch.distributed as dist
from tests.core.objectives.test_cross_modal import LINEAR, SIZE, batch, learner

from tacit.contract import Batch
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


def part(name: str, rows: slice) -> Batch:
    whole = batch(3, **({} if name in ("vicreg", "cca") else GAPS))
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


def main(rank: int, folder: Path) -> None:
    reference = {n: gradients(make().double(), part(n, slice(0, SIZE))) for n, make in MADE.items()}
    dist.init_process_group(
        "gloo",
        init_method=f"file://{folder}/meet",
        rank=rank,
        world_size=2,
        timeout=timedelta(seconds=240),
    )
    answers: dict[str, dict[str, float]] = {}
    half = SIZE // 2
    for name, make in MADE.items():
        found = gradients(make().double(), part(name, slice(rank * half, (rank + 1) * half)))
        answers[name] = {}
        largest = max(float(slope.abs().max()) for slope in reference[name].values())
        for key, slope in found.items():
            dist.all_reduce(slope)
            difference = (slope / 2 - reference[name][key]).abs().max()
            answers[name][key] = float(difference) / largest
    dist.destroy_process_group()
    (folder / f"answer{rank}.json").write_text(json.dumps(answers))


if __name__ == "__main__":
    main(int(sys.argv[1]), Path(sys.argv[2]))
