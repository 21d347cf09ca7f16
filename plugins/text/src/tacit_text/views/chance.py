"""Randomness for what happens in host memory, from a generator that may live elsewhere."""

from __future__ import annotations

import random
import zlib

import torch


def beside(generator: torch.Generator) -> random.Random:
    """A source of random numbers that the generator's state decides; the generator moves on.

    The state of a generator lies in host memory wherever it draws, so that nothing waits for a
    device.
    """
    seed = zlib.crc32(generator.get_state().numpy().tobytes())
    torch.rand(1, generator=generator, device=generator.device)
    return random.Random(seed)
