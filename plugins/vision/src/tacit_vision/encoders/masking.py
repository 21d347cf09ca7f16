"""What a mask does to the tokens of a transformer that lie on a grid.

None of these reads a tensor back from the device: hidden tokens are chosen by `where`, by a gather
of known length, and by an attention mask.
"""

from __future__ import annotations

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from tacit.contract import Mask


def replace_hidden(
    values: Float[Tensor, "batch tokens width"],
    mask: Mask | None,
    token: Float[Tensor, " width"] | None,
) -> Float[Tensor, "batch tokens width"]:
    """One learned token in place of every hidden one, under `replace`; otherwise the values."""
    if mask is None or mask.mode != "replace":
        return values
    assert token is not None, "an encoder that declares mask:replace owns a mask token"
    return mask.replaced(values, token)


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
