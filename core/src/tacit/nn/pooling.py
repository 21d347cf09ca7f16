"""One vector per instance from its tokens."""

from __future__ import annotations

from jaxtyping import Float
from torch import Tensor

from tacit.contract import Encoding


def mean_tokens(
    tokens: Float[Tensor, "batch tokens width"] | Float[Tensor, "tokens width"], encoding: Encoding
) -> Float[Tensor, "instances width"]:
    """Average the valid tokens of every instance; zeros where an instance has none.

    Args:
        tokens: of `encoding`: its own or those of a tapped layer.
        encoding: says which tokens are valid, or whose they are.
    """
    if tokens.ndim == 2:
        return _mean_packed(tokens, encoding)
    if encoding.valid is None:
        return tokens.mean(1)
    weight = encoding.valid.to(tokens.dtype)[..., None]
    return (tokens * weight).sum(1) / weight.sum(1).clamp_min(1)


def _mean_packed(tokens: Tensor, encoding: Encoding) -> Tensor:
    assert encoding.owner is not None, "packed tokens come with their owners"
    total = tokens.new_zeros(len(encoding.pooled), tokens.shape[1])
    count = tokens.new_zeros(len(encoding.pooled), 1)
    total.index_add_(0, encoding.owner, tokens)
    count.index_add_(0, encoding.owner, tokens.new_ones(len(tokens), 1))
    return total / count.clamp_min(1)
