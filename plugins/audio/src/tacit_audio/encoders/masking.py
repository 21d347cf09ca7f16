"""What masks and padding do to tokens in rows of different lengths.

None of these reads a tensor back from the device.
"""

from __future__ import annotations

from dataclasses import replace

from jaxtyping import Bool, Float, Int
from torch import Tensor

from tacit.contract import Mask, Tokens


def replaced(
    tokens: Tokens, mask: Mask | None, token: Float[Tensor, " width"]
) -> Float[Tensor, "batch tokens width"]:
    """One vector in place of every hidden token that is no padding."""
    if mask is None:
        return tokens.values
    there = mask if tokens.valid is None else replace(mask, hidden=mask.hidden & tokens.valid)
    return there.replaced(tokens.values, token)


def keep(
    values: Float[Tensor, "batch tokens width"], kept: Int[Tensor, "batch kept"] | None
) -> Float[Tensor, "batch some width"]:
    """The kept tokens of each row; all where none was dropped."""
    if kept is None:
        return values
    return values.gather(1, kept[..., None].expand(-1, -1, values.shape[2]))


def visible(
    valid: Bool[Tensor, "batch tokens"] | None,
    mask: Mask | None,
    kept: Int[Tensor, "batch kept"] | None,
) -> Bool[Tensor, "batch some"] | None:
    """Which of the tokens that enter may be looked at and pooled; None where all may."""
    seen = valid
    if mask is not None and mask.mode == "query":
        seen = ~mask.hidden if seen is None else seen & ~mask.hidden
    return seen if seen is None or kept is None else seen.gather(1, kept)


def attended(seen: Bool[Tensor, "batch some"] | None) -> Bool[Tensor, "batch 1 1 some"] | None:
    """As attention wants it. A row without anything to see looks everywhere, and at no NaN."""
    if seen is None:
        return None
    return (seen | ~seen.any(1, keepdim=True))[:, None, None]
