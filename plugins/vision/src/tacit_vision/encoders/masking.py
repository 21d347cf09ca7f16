"""What a mask does to the tokens of a transformer that lie on a grid.

None of these reads a tensor back from the device: hidden tokens are chosen by `where`, by a gather
of known length, and by an attention mask.
"""

from __future__ import annotations

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from tacit.contract import Mask


def check_hidden(mask: Mask | None, batch: int, tokens: int) -> None:
    """Refuse a mask of another shape than the tokens, or one that leaves nothing to see.

    Raises:
        ValueError: wanted and got.
    """
    if mask is None:
        return
    if tuple(mask.hidden.shape) != (batch, tokens):
        raise ValueError(
            f"mask: wanted (batch, tokens) = ({batch}, {tokens}); got {tuple(mask.hidden.shape)}: "
            "sample it on the grid of this view"
        )
    if mask.hidden_per_row == tokens and mask.mode != "replace":
        raise ValueError(
            f"mask: {mask.mode!r} hides all {tokens} tokens of a row: leave one visible"
        )


def replace_hidden(
    values: Float[Tensor, "batch tokens width"],
    mask: Mask | None,
    token: Float[Tensor, " width"] | None,
) -> Float[Tensor, "batch tokens width"]:
    """One learned token in place of every hidden one, under `replace`; otherwise the values."""
    if mask is None or mask.mode != "replace":
        return values
    assert token is not None, "an encoder that declares mask:replace owns a mask token"
    return torch.where(mask.hidden[..., None], token.to(values.dtype), values)


def visible_positions(mask: Mask | None) -> Int[Tensor, "batch kept"] | None:
    """Under `drop`, the tokens that stay; None where all do."""
    return mask.visible_index() if mask is not None and mask.mode == "drop" else None


def keep(
    values: Float[Tensor, "batch length width"],
    kept: Int[Tensor, "batch kept"] | None,
    prefix: int = 0,
) -> Float[Tensor, "batch shorter width"]:
    """The first `prefix` values, which no mask hides, and of the rest the kept ones."""
    if kept is None:
        return values
    index = kept[..., None].expand(-1, -1, values.shape[2])
    visible = values[:, prefix:].gather(1, index)
    return torch.cat([values[:, :prefix], visible], dim=1) if prefix else visible


def attended(mask: Mask | None, prefix: int) -> Bool[Tensor, "batch 1 1 length"] | None:
    """Under `query`, which tokens may be looked at (all but the hidden); None where all may."""
    if mask is None or mask.mode != "query":
        return None
    always = mask.hidden.new_ones(mask.hidden.shape[0], prefix)
    return torch.cat([always, ~mask.hidden], dim=1)[:, None, None, :]


def mean_visible(
    tokens: Float[Tensor, "batch tokens width"], mask: Mask | None
) -> Float[Tensor, "batch width"]:
    """Mean over tokens; under `query` over the visible, whose outputs know no hidden content."""
    if mask is None or mask.mode != "query":
        return tokens.mean(dim=1)
    visible = (~mask.hidden)[..., None]
    return tokens.where(visible, 0).sum(dim=1) / visible.sum(dim=1)


def check_taps(taps: tuple[int, ...], layers: int) -> None:
    """Refuse layers that are not there.

    Raises:
        ValueError: a tap outside 1 to `layers`.
    """
    if wrong := [tap for tap in taps if not 1 <= tap <= layers]:
        raise ValueError(f"taps: wanted layers 1 to {layers}; got {wrong}")
