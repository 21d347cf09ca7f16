"""Losses are sums of many terms and differences of large ones: they are computed in full precision.

Mixed precision is for networks. Half precision embeddings go into a loss as they are, and every
loss here works on them in float32 (float64 stays float64), autocast switched off.
"""

from __future__ import annotations

from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

NORM_FLOOR = 1e-6
"""Shorter vectors are not stretched to length 1: a zero embedding keeps a bounded gradient."""


def full(x: Float[Tensor, "*shape"]) -> Float[Tensor, "*shape"]:
    """`x` in float32, or unchanged where it is float32 or float64 already."""
    return x if x.dtype in (torch.float32, torch.float64) else x.float()


def no_autocast(x: Float[Tensor, "*shape"]) -> torch.autocast:
    """A context in which operations on the device of `x` keep the precision of their inputs."""
    return torch.autocast(device_type=x.device.type, enabled=False)


def unit(x: Float[Tensor, "*rows width"]) -> Float[Tensor, "*rows width"]:
    """Rows of length 1. Rows shorter than `NORM_FLOOR` are divided by it instead.

    Keeps what it returns for its gradient and not what it was given: of wide embeddings the copies
    are more than the scores.
    """
    made: Tensor = _Unit.apply(x)[0]  # type: ignore[no-untyped-call]
    return made


class _Unit(torch.autograd.Function):
    """x / max(|x|, floor), and |x|, by which the gradient can itself be differentiated."""

    @staticmethod
    def forward(ctx: Any, x: Tensor) -> tuple[Tensor, Tensor]:
        length = torch.linalg.vector_norm(x, dim=-1, keepdim=True)
        made = x / length.clamp_min(NORM_FLOOR)
        ctx.save_for_backward(made, length)
        ctx.set_materialize_grads(False)
        return made, length

    @staticmethod
    def backward(ctx: Any, gradient: Tensor | None, of_length: Tensor | None) -> Tensor | None:
        made, length = ctx.saved_tensors
        divisor = length.clamp_min(NORM_FLOOR)
        found: Tensor | None = None
        if gradient is not None:
            along = (gradient * made).sum(-1, keepdim=True)
            along = torch.where(length > NORM_FLOOR, along, 0.0)
            across = torch.addcmul(gradient, made, along, value=-1)
            found = across / divisor if torch.is_grad_enabled() else across.div_(divisor)
        if of_length is not None:
            tiny = torch.finfo(length.dtype).tiny
            outward = of_length * made * (divisor / length.clamp_min(tiny))
            found = outward if found is None else found + outward
        return found
