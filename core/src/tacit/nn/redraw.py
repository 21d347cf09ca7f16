"""Random weights for a network whose initialisation only it knows."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import cast

import torch
from torch import Tensor, nn


@torch.no_grad()
def redraw(module: nn.Module, seed: int) -> None:
    """Give a module new random weights, in place; torch's own generators are left as they were.

    Every submodule that can `reset_parameters()`, as torch's layers can, does so. Other parameters
    (learned tokens, positions) are drawn from a normal distribution with their present mean and
    deviation, which leaves constant ones constant. Weights that are shared stay shared.

    Args:
        module: best as it was initialised: a trained one keeps the scale of such other parameters.
        seed: the same gives the same weights.
    """
    devices = sorted({p.device.index for p in module.parameters() if p.device.type == "cuda"})
    with torch.random.fork_rng(devices=devices):
        for generator in (torch.default_generator, *map(_generator, devices)):
            generator.manual_seed(seed)
        known: set[int] = set()
        for child in module.modules():
            if callable(reset := getattr(child, "reset_parameters", None)):
                cast("Callable[[], None]", reset)()
                known |= {id(p) for p in child.parameters()}
        for parameter in _others(module, known):
            deviation, mean = torch.std_mean(parameter, correction=0)
            parameter.copy_(torch.randn_like(parameter) * deviation + mean)


def _generator(device: int) -> torch.Generator:
    generator: torch.Generator = torch.cuda.default_generators[device]
    return generator


def _others(module: nn.Module, known: set[int]) -> Iterator[Tensor]:
    return (parameter for parameter in module.parameters() if id(parameter) not in known)
