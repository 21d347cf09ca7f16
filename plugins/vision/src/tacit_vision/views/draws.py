"""Random numbers for views: every one comes from the generator that is given, on its device."""

from __future__ import annotations

import torch
from jaxtyping import Bool, Float, Int
from torch import Generator, Tensor


def uniform(
    generator: Generator, shape: tuple[int, ...], low: float, high: float
) -> Float[Tensor, " ..."]:
    """Uniform float32 numbers in [low, high), on the generator's device."""
    numbers = torch.rand(shape, generator=generator, device=generator.device)
    return numbers.mul_(high - low).add_(low)


def chance(generator: Generator, batch: int, probability: float) -> Bool[Tensor, " batch"]:
    """One coin per instance: true with the given probability."""
    return torch.rand(batch, generator=generator, device=generator.device) < probability


def permutations(generator: Generator, batch: int, count: int) -> Int[Tensor, "batch count"]:
    """One random order of ``0 .. count - 1`` per instance, all orders equally likely."""
    keys = torch.rand(batch, count, generator=generator, device=generator.device)
    return keys.argsort(dim=1)
