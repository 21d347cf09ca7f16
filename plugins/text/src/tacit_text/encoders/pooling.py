"""From tokens to one vector a text."""

from __future__ import annotations

from typing import Literal, TypeAlias

from jaxtyping import Bool, Float
from torch import Tensor

Pool: TypeAlias = Literal["cls", "mean", "first-last"]
"""`cls`: the first token's vector. `mean`: over all tokens of the text, special ones included and
padding not, as sentence-transformers has it. `first-last`: the mean of the first and of the last
layer's `mean`, which suits encoders no sentence objective has touched."""


def masked_mean(
    tokens: Float[Tensor, "batch tokens width"], attended: Bool[Tensor, "batch tokens"]
) -> Float[Tensor, "batch width"]:
    """The mean over what is no padding."""
    weight = attended[..., None].to(tokens.dtype)
    return (tokens * weight).sum(1) / weight.sum(1).clamp(min=1)


def pool(
    kind: Pool,
    last: Float[Tensor, "batch tokens width"],
    first: Float[Tensor, "batch tokens width"] | None,
    attended: Bool[Tensor, "batch tokens"],
) -> Float[Tensor, "batch width"]:
    """One vector a text.

    Args:
        kind: how.
        last: tokens of the last layer.
        first: those of the first layer, for `first-last` alone.
        attended: False where a row is padding.

    Source: Reimers & Gurevych 2019 (arXiv 1908.10084) section 3; Gao et al. 2021 (arXiv
        2104.08821) table 1 and princeton-nlp/SimCSE `Pooler` (`avg_first_last`). Differs: the
        "first" layer is that after the first block, as the paper says, where the code takes the
        embeddings.
    """
    if kind == "cls":
        return last[:, 0]
    if kind == "mean":
        return masked_mean(last, attended)
    assert first is not None, "first-last pooling is asked with both layers"
    return (masked_mean(first, attended) + masked_mean(last, attended)) / 2
