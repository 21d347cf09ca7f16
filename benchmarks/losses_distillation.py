"""DINO's and iBOT's loss beside lightly's: CPU time and peak memory, the centre's update included.

    python benchmarks/losses_distillation.py [--quick]

writes benchmarks/results/losses_distillation.json and prints the rows. Two views of the teacher and
eight of the student; for iBOT as many rows of hidden tokens. Forward and backward on one thread.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable
from functools import cache, partial
from typing import Any

import torch
from _measure import beside, write
from torch import Tensor

from tacit.functional import dino, masked_soft_cross_entropy, soft_assignment
from tacit.nn import Centre

SEEN, VIEWS, TEACHER, STUDENT = 2, 8, 0.04, 0.1
Loss = Callable[[list[Tensor], list[Tensor]], Tensor]


def ours(name: str, prototypes: int) -> Loss:
    """The loss as the objectives put it together."""
    centre = Centre(prototypes, 0.9)

    def loss(teachers: list[Tensor], students: list[Tensor]) -> Tensor:
        for each in teachers:
            centre.see(each)
        targets = [soft_assignment(x, temperature=TEACHER, centre=centre.value) for x in teachers]
        if name == "dino":
            found = dino(students, targets, temperature=STUDENT)
        else:
            hidden = torch.ones(len(students[0]), dtype=torch.bool)
            found = masked_soft_cross_entropy(students[0], targets[0], hidden, temperature=STUDENT)
        centre.update()
        return found

    return loss


def lightly(name: str, prototypes: int) -> Loss:
    """The same of lightly, imported on use."""
    from lightly.loss import DINOLoss, IBOTPatchLoss

    if name == "dino":
        views = DINOLoss(output_dim=prototypes, teacher_temp=TEACHER, student_temp=STUDENT)
        return lambda teachers, students: views(teachers, students, epoch=0)
    tokens = IBOTPatchLoss(output_dim=prototypes, teacher_temp=TEACHER, student_temp=STUDENT)

    def loss(teachers: list[Tensor], students: list[Tensor]) -> Tensor:
        mask = torch.ones(1, len(students[0]), 1, dtype=torch.bool)
        found: Tensor = tokens(teachers[0], students[0], mask)
        return found

    return loss


LIBRARIES: dict[str, Callable[[str, int], Loss]] = {"tacit": ours, "lightly": lightly}


@cache
def loss_of(name: str, library: str, prototypes: int) -> Loss:
    torch.set_num_threads(1)
    return LIBRARIES[library](name, prototypes)


@cache
def scores(name: str, rows: int, prototypes: int) -> tuple[list[Tensor], list[Tensor]]:
    generator = torch.Generator().manual_seed(0)
    seen, views = (SEEN, VIEWS) if name == "dino" else (1, 1)
    made = [torch.randn(rows, prototypes, generator=generator) for _ in range(seen + views)]
    return made[:seen], [each.requires_grad_() for each in made[seen:]]


def step(name: str, library: str, rows: int, prototypes: int) -> None:
    """One forward and backward pass."""
    teachers, students = scores(name, rows, prototypes)
    for each in students:
        each.grad = None
    torch.autograd.backward(loss_of(name, library, prototypes)(teachers, students))


def warm_up(name: str, library: str, rows: int, prototypes: int) -> None:
    """Imports, kernels and inputs, which are no part of the peak."""
    step(name, library, 4, 64)
    loss_of(name, library, prototypes)
    scores(name, rows, prototypes)


def measure(name: str, rows: int, prototypes: int, rounds: int) -> dict[str, Any]:
    cases = {x: (name, x, rows, prototypes) for x in LIBRARIES}
    warm_ups = {x: partial(warm_up, *of) for x, of in cases.items()}
    found = beside({x: partial(step, *of) for x, of in cases.items()}, warm_ups, rounds)
    scores.cache_clear()
    return {"loss": name, "rows": rows, "prototypes": prototypes, "rounds": rounds, **found}


SIZES = [("dino", 256, 4096), ("dino", 1024, 4096), ("dino", 32, 65536)]
SIZES += [("ibot", 1024, 1024), ("ibot", 1024, 8192)]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="the smallest sizes; not kept")
    quick = parser.parse_args().quick
    torch.set_num_threads(1)
    results = []
    for name, rows, prototypes in SIZES[:1] + SIZES[3:4] if quick else SIZES:
        results.append(measure(name, rows, prototypes, rounds=9))
        print(json.dumps(results[-1]), flush=True)
    if not quick:
        text = "forward and backward of 2 teacher and 8 student views (iBOT: 1 and 1), one thread"
        write("losses_distillation", {"measured": text, "results": results})


if __name__ == "__main__":
    main()
