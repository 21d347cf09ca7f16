"""The block of a pre-norm transformer.

Parameter names and arithmetic are those of timm's `VisionTransformer`
(timm/models/vision_transformer.py, read), so that weights move there unchanged.
"""

from __future__ import annotations

from jaxtyping import Bool, Float
from torch import Tensor, nn
from torch.nn import functional

NORM_EPS = 1e-6  # of the original ViT; torch's own default is 1e-5


class Attention(nn.Module):
    """Multi-head self-attention.

    Args:
        width: features per token, a multiple of `heads`.
        heads: number of heads.
    """

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.qkv = nn.Linear(width, 3 * width)
        self.proj = nn.Linear(width, width)

    def forward(
        self,
        tokens: Float[Tensor, "batch length width"],
        attended: Bool[Tensor, "batch 1 1 length"] | None,
    ) -> Float[Tensor, "batch length width"]:
        """Mix; `attended` is False for tokens that nobody may look at."""
        batch, length, width = tokens.shape
        qkv = self.qkv(tokens).reshape(batch, length, 3, self.heads, width // self.heads)
        query, key, value = qkv.permute(2, 0, 3, 1, 4).unbind(0)
        mixed = functional.scaled_dot_product_attention(query, key, value, attn_mask=attended)
        projected: Tensor = self.proj(mixed.transpose(1, 2).reshape(batch, length, width))
        return projected


class Feedforward(nn.Module):
    """Two layers with a GELU between them.

    Args:
        width: features per token.
        hidden: features between the layers.
    """

    def __init__(self, width: int, hidden: int) -> None:
        super().__init__()
        self.fc1 = nn.Linear(width, hidden)
        self.fc2 = nn.Linear(hidden, width)

    def forward(
        self, tokens: Float[Tensor, "batch length width"]
    ) -> Float[Tensor, "batch length width"]:
        """Each token on its own."""
        answer: Tensor = self.fc2(functional.gelu(self.fc1(tokens)))
        return answer


class Block(nn.Module):
    """Attention and feed-forward, each normalised before and added after.

    Source: Dosovitskiy et al. 2021 (arXiv:2010.11929), equations 2 and 3. Where we differ: there is
    no dropout, as hardly any self-supervised method uses it and it would draw from the global
    generator.

    Args:
        width: features per token.
        heads: attention heads.
        mlp_ratio: hidden features of the feed-forward part per feature.
    """

    def __init__(self, width: int, heads: int, mlp_ratio: float) -> None:
        super().__init__()
        self.norm1 = nn.LayerNorm(width, eps=NORM_EPS)
        self.attn = Attention(width, heads)
        self.norm2 = nn.LayerNorm(width, eps=NORM_EPS)
        self.mlp = Feedforward(width, int(width * mlp_ratio))

    def forward(
        self,
        tokens: Float[Tensor, "batch length width"],
        attended: Bool[Tensor, "batch 1 1 length"] | None = None,
    ) -> Float[Tensor, "batch length width"]:
        """One layer of the transformer."""
        tokens = tokens + self.attn(self.norm1(tokens), attended)
        mixed: Tensor = tokens + self.mlp(self.norm2(tokens))
        return mixed
