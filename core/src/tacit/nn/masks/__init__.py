"""Mask samplers: which tokens to hide."""

from typing import TypeAlias

from tacit.nn.masks.blocks import BlockMask, SpanMask, TubeMask
from tacit.nn.masks.random import RandomMask
from tacit.nn.masks.sampler import Hiding, MaskSampler
from tacit.nn.masks.several import DisjointMask, MultiBlockMask, SubsetMask

MaskConfig: TypeAlias = (
    RandomMask | BlockMask | SpanMask | TubeMask | DisjointMask | MultiBlockMask | SubsetMask
)

__all__ = [
    "BlockMask",
    "DisjointMask",
    "Hiding",
    "MaskConfig",
    "MaskSampler",
    "MultiBlockMask",
    "RandomMask",
    "SpanMask",
    "SubsetMask",
    "TubeMask",
]
