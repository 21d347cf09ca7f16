"""Random numbers for views: every one comes from the generator that is given, on its device."""

from __future__ import annotations

import torch
from jaxtyping import Bool, Float
from torch import Generator, Tensor


def uniform(
    generator: Generator, shape: tuple[int, ...], low: float = 0.0, high: float = 1.0
) -> Float[Tensor, " ..."]:
    """Uniform float32 numbers in [low, high)."""
    numbers = torch.rand(shape, generator=generator, device=generator.device)
    return numbers * (high - low) + low


def normal(generator: Generator, shape: tuple[int, ...]) -> Float[Tensor, " ..."]:
    """Normal float32 numbers of deviation 1."""
    return torch.randn(shape, generator=generator, device=generator.device)


def chance(generator: Generator, batch: int, probability: float) -> Bool[Tensor, " batch"]:
    """One coin per clip: true with the given probability."""
    return torch.rand(batch, generator=generator, device=generator.device) < probability
