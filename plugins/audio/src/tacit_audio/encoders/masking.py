"""What masks and padding do to tokens in rows of different lengths.

None of these reads a tensor back from the device.
"""

from __future__ import annotations

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
            "where the encoder has seconds= set, views must be of that length"
        )
    if mask.hidden_per_row == tokens and mask.mode != "replace":
        raise ValueError(
            f"mask: {mask.mode!r} hides all {tokens} tokens of a row: leave one visible"
        )


def check_taps(taps: tuple[int, ...], layers: int) -> None:
    """Refuse layers that are not there.

    Raises:
        ValueError: a tap outside 1 to `layers`.
    """
    if wrong := [tap for tap in taps if not 1 <= tap <= layers]:
        raise ValueError(f"taps: wanted layers 1 to {layers}; got {wrong}")


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
