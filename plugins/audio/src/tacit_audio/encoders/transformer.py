"""The block of a transformer that leaves padding and hidden tokens alone."""

from __future__ import annotations

from jaxtyping import Bool, Float
from torch import Tensor, nn
from torch.nn import functional


class Attention(nn.Module):
    """Multi-head self-attention.

    Args:
        width: features per token, a multiple of `heads`.
        heads: number of heads.
    """

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.enter = nn.Linear(width, 3 * width)
        self.leave = nn.Linear(width, width)

    def forward(
        self,
        tokens: Float[Tensor, "batch length width"],
        attended: Bool[Tensor, "batch 1 1 length"] | None,
    ) -> Float[Tensor, "batch length width"]:
        """Mix; `attended` is False for tokens that nobody may look at."""
        parts = self.enter(tokens).unflatten(2, (3, self.heads, -1)).permute(2, 0, 3, 1, 4)
        query, key, value = parts.unbind(0)
        mixed = functional.scaled_dot_product_attention(query, key, value, attn_mask=attended)
        answer: Tensor = self.leave(mixed.transpose(1, 2).flatten(2))
        return answer


class Block(nn.Module):
    """Attention and feed-forward, each added to what it took, without dropout.

    Source: Dosovitskiy et al. 2021 (arXiv:2010.11929), equations 2 and 3, for norms before each
    part; Vaswani et al. 2017 (arXiv:1706.03762), section 3.1, for norms after each sum.

    Args:
        width: features per token.
        heads: attention heads.
        mlp_ratio: hidden features of the feed-forward part per feature.
        norm_first: whether each part's input is normalised, or each sum.
    """

    def __init__(
        self, width: int, heads: int, mlp_ratio: float, *, norm_first: bool = True
    ) -> None:
        super().__init__()
        self.norm_first = norm_first
        self.attention_norm = nn.LayerNorm(width)
        self.attention = Attention(width, heads)
        self.feedforward_norm = nn.LayerNorm(width)
        hidden = int(width * mlp_ratio)
        self.feedforward = nn.Sequential(
            nn.Linear(width, hidden), nn.GELU(), nn.Linear(hidden, width)
        )

    def forward(
        self,
        tokens: Float[Tensor, "batch length width"],
        attended: Bool[Tensor, "batch 1 1 length"] | None = None,
    ) -> Float[Tensor, "batch length width"]:
        """One layer of the transformer."""
        if not self.norm_first:
            tokens = self.attention_norm(tokens + self.attention(tokens, attended))
            after: Tensor = self.feedforward_norm(tokens + self.feedforward(tokens))
            return after
        tokens = tokens + self.attention(self.attention_norm(tokens), attended)
        mixed: Tensor = tokens + self.feedforward(self.feedforward_norm(tokens))
        return mixed
