"""Losses are sums of many terms and differences of large ones: they are computed in full precision.

Mixed precision is for networks. Half precision embeddings go into a loss as they are, and every
loss here works on them in float32 (float64 stays float64), autocast switched off.
"""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional

NORM_FLOOR = 1e-6
"""Shorter vectors are not stretched to length 1: a zero embedding keeps a bounded gradient."""


def full(x: Float[Tensor, "*shape"]) -> Float[Tensor, "*shape"]:
    """`x` in float32, or unchanged where it is float32 or float64 already."""
    return x if x.dtype in (torch.float32, torch.float64) else x.float()


def no_autocast(x: Float[Tensor, "*shape"]) -> torch.autocast:
    """A context in which operations on the device of `x` keep the precision of their inputs."""
    return torch.autocast(device_type=x.device.type, enabled=False)


def unit(x: Float[Tensor, "*rows width"]) -> Float[Tensor, "*rows width"]:
    """Rows of length 1. Rows shorter than `NORM_FLOOR` are divided by it instead."""
    return functional.normalize(x, dim=-1, eps=NORM_FLOOR)
