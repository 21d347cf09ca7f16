"""A transformer whose tokens are the columns of a row."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from tacit.contract import Encoder, EncoderSpec, Encoding, Mask, Tokens
from tacit_tabular.encoders.tokens import CellEmbedding
from tacit_tabular.modality import Rows
from tacit_tabular.schema import Column


@dataclass(frozen=True, kw_only=True)
class TransformerConfig:
    """Settings of the transformer.

    Args:
        columns: of the table; a run takes them from its data.
        width: features of a token, a multiple of `heads`.
        depth: layers.
        heads: attention heads.
    """

    columns: tuple[Column, ...] = ()
    width: int = 64
    depth: int = 3
    heads: int = 4


class Transformer(Encoder):
    """Rows to one token a column, pooled by their mean; honours every mask mode.

    Source: Gorishniy et al. 2021 (arXiv:2106.11959), FT-Transformer. Where we differ: the mean of
    the visible tokens takes the place of a class token, and nothing is dropped out.
    """

    Config = TransformerConfig

    def __init__(self, config: TransformerConfig) -> None:
        super().__init__()
        columns, width = len(config.columns), config.width
        self.heads = config.heads
        self.embed = CellEmbedding(config.columns, width)
        self.spec = EncoderSpec(
            modality="table",
            width=width,
            tokens="dense",
            grid=(columns,) if columns else None,
            mask_modes=frozenset({"replace", "drop", "query"}),
            preprocessing=config.columns,
        )
        self.place = nn.Parameter(torch.randn(columns, width) * width**-0.5)
        self.hidden = nn.Parameter(torch.zeros(width))
        self.blocks = nn.ModuleList(
            nn.TransformerEncoderLayer(
                width, config.heads, 4 * width, 0.0, "gelu", batch_first=True, norm_first=True
            )
            for _ in range(config.depth)
        )
        self.norm = nn.LayerNorm(width)

    def tokenize(self, value: Rows) -> Tokens:
        """One token a column."""
        return Tokens(values=self.embed(value))

    def forward(
        self, value: Rows | Tokens, *, mask: Mask | None = None, taps: Sequence[int] = ()
    ) -> Encoding:
        """Mix columns; taps are refused."""
        self.check_mask(mask)
        if taps:
            raise ValueError("Transformer has no layers to tap")
        tokens = (value if isinstance(value, Tokens) else self.tokenize(value)).values
        kept = unseen = None
        if mask is not None and mask.mode == "replace":
            tokens = torch.where(mask.hidden[..., None], self.hidden.to(tokens.dtype), tokens)
        tokens = tokens + self.place
        if mask is not None and mask.mode == "drop":
            kept = mask.visible_index()
            tokens = tokens.gather(1, kept[..., None].expand(-1, -1, tokens.shape[2]))
        if mask is not None and mask.mode == "query":
            unseen = mask.hidden
        for block in self.blocks:
            tokens = block(tokens, src_key_padding_mask=unseen)
        tokens = self.norm(tokens)
        return Encoding(pooled=_mean(tokens, unseen), tokens=tokens, kept=kept)


def _mean(tokens: Tensor, unseen: Tensor | None) -> Tensor:
    if unseen is None:
        return tokens.mean(1)
    seen = (~unseen)[..., None]
    return tokens.where(seen, 0).sum(1) / seen.sum(1)
