"""The whole content of an instance as plain numbers, and codes to make it of."""

from __future__ import annotations

from dataclasses import replace
from math import prod

import torch
from jaxtyping import Float
from torch import Tensor

from tacit.contract import Context, EncoderSpec, View
from tacit.functional import from_first, rank, world_size
from tacit.functional.precision import full
from tacit.nn import Mlp, MlpConfig

CONTENT = frozenset({"tokens:dense", "tokens:grid", "targets"})
"""What an encoder must offer so that its instances' content has a known size."""


def content_width(spec: EncoderSpec) -> int:
    """Numbers that make up an instance: those of all its tokens."""
    assert spec.grid is not None, "requirements are checked before"
    assert spec.target_width is not None, "requirements are checked before"
    return prod(spec.grid) * spec.target_width


@torch.no_grad()
def content_of(view: View, ctx: Context) -> Float[Tensor, "instances features"]:
    """What is in each instance, token by token, on the encoder's own scale.

    Raises:
        ValueError: the view has another number of tokens than the encoder is made for.
    """
    encoder = ctx.encoder(view.modality)
    content = full(encoder.token_targets(view.value)).flatten(1)
    wanted = content_width(encoder.spec)
    if content.shape[1] != wanted:
        raise ValueError(
            f"wanted {view.modality} views of the size the encoder is made for, {wanted} numbers; "
            f"got {content.shape[1]}: give the views no size of their own"
        )
    return content


def decoder(width: int, hidden: MlpConfig | None, out: int) -> Mlp:
    """Hidden layers and a last one to so many numbers; None: that one alone."""
    if hidden is None:
        return Mlp(width, MlpConfig(widths=(out,), norm="none"))
    return Mlp(width, replace(hidden, widths=(*hidden.widths, out)))


@torch.no_grad()
def shared_draw(
    count: int, width: int, ctx: Context, *, uniform: bool = False
) -> Float[Tensor, "rows width"]:
    """Draws for this process's rows: those that one process makes for the rows of all.

    Args:
        count: rows of this process.
        width: numbers of each.
        ctx: whose generator draws.
        uniform: on [-1, 1] instead of standard normal.
    """
    shape = (count * world_size(), width)
    if uniform:
        drawn = torch.rand(shape, generator=ctx.generator, device=ctx.device) * 2 - 1
    else:
        drawn = torch.randn(shape, generator=ctx.generator, device=ctx.device)
    return from_first(drawn)[rank() * count : (rank() + 1) * count]
