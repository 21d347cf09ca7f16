"""Mask samplers: which tokens to hide."""

from typing import TypeAlias

from tacit.nn.masks.random import RandomMask
from tacit.nn.masks.sampler import Hiding, MaskSampler

MaskConfig: TypeAlias = RandomMask

__all__ = ["Hiding", "MaskConfig", "MaskSampler", "RandomMask"]
