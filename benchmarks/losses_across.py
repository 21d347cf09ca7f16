"""CLIP's and SigLIP's loss beside the plain lines of torch: CPU time, and memory against the batch.

    python benchmarks/losses_across.py [--quick]

writes benchmarks/results/losses_across.json and prints the rows. The plain lines make the square of
all scores, once. Forward and backward on one thread; peak memory is that of a fresh process over
its inputs.
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
from torch.nn import functional as F

from tacit.functional import sigmoid_contrast, symmetric_contrast

SCALE, BIAS = 10.0, -10.0
Loss = Callable[[Tensor, Tensor], Tensor]


def plain_clip(a: Tensor, b: Tensor) -> Tensor:
    scores = SCALE * F.normalize(a, dim=1) @ F.normalize(b, dim=1).T
    own = torch.arange(len(a))
    return (F.cross_entropy(scores, own) + F.cross_entropy(scores.T, own)) / 2


def plain_siglip(a: Tensor, b: Tensor) -> Tensor:
    scores = SCALE * F.normalize(a, dim=1) @ F.normalize(b, dim=1).T + BIAS
    signs = 2 * torch.eye(len(a)) - 1
    return -F.logsigmoid(signs * scores).sum() / len(a)


def our_siglip(a: Tensor, b: Tensor) -> Tensor:
    return sigmoid_contrast(a, b, scale=torch.tensor(SCALE), bias=torch.tensor(BIAS)).loss


LOSSES: dict[str, dict[str, Loss]] = {
    "clip": {
        "tacit": lambda a, b: symmetric_contrast(a, b, 1 / SCALE).loss,
        "plain": plain_clip,
    },
    "siglip": {"tacit": our_siglip, "plain": plain_siglip},
}


@cache
def members(rows: int, width: int) -> tuple[Tensor, Tensor]:
    torch.set_num_threads(1)
    generator = torch.Generator().manual_seed(0)
    a, b = torch.randn(2, rows, width, generator=generator)
    return a.requires_grad_(), b.requires_grad_()


def step(name: str, library: str, rows: int, width: int) -> Tensor:
    """One forward and backward pass."""
    a, b = members(rows, width)
    a.grad = b.grad = None
    loss = LOSSES[name][library](a, b)
    torch.autograd.backward(loss)
    return loss.detach()


def warm_up(name: str, library: str, rows: int, width: int) -> None:
    """Imports, kernels and inputs, which are no part of the peak."""
    step(name, library, 8, 16)
    members(rows, width)


def measure(name: str, rows: int, width: int) -> dict[str, Any]:
    cases = {x: (name, x, rows, width) for x in LOSSES[name]}
    values = {x: float(step(*of)) for x, of in cases.items()}
    if abs(values["tacit"] - values["plain"]) > 1e-4 * abs(values["plain"]):
        raise ValueError(f"{name}: two losses, not one: {values}")
    rounds = 21 if rows <= 1024 else 5
    warm_ups = {x: partial(warm_up, *of) for x, of in cases.items()}
    found = beside({x: partial(step, *of) for x, of in cases.items()}, warm_ups, rounds)
    members.cache_clear()
    return {"loss": name, "rows": rows, "width": width, "rounds": rounds, **found}


WIDTH = 256
ROWS = (256, 1024, 2048, 4096, 8192)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="the smallest sizes; not kept")
    quick = parser.parse_args().quick
    torch.set_num_threads(1)
    results = []
    for name in LOSSES:
        for rows in ROWS[:2] if quick else ROWS:
            results.append(measure(name, rows, WIDTH))
            print(json.dumps(results[-1]), flush=True)
    if not quick:
        text = "forward and backward of a batch of pairs, one thread"
        write("losses_across", {"measured": text, "results": results})


if __name__ == "__main__":
    main()
