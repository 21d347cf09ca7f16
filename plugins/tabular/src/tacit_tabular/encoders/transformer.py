"""A transformer whose tokens are the columns of a row."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor, nn

from tacit.contract import Encoder, EncoderSpec, Encoding, Mask, Tokens
from tacit_tabular.encoders.target import CellTarget
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
        registers: learned tokens that stand for no column, are never hidden and never predicted:
            the regularisation tokens of T-JEPA, which has 1; 0 for none.

    Raises:
        ValueError: a negative number of registers.
    """

    columns: tuple[Column, ...] = ()
    width: int = 64
    depth: int = 3
    heads: int = 4
    registers: int = 1

    def __post_init__(self) -> None:
        if self.registers < 0:
            raise ValueError(f"registers: wanted at least 0; got {self.registers}")


class Transformer(Encoder):
    """Rows to one token a column, pooled by their mean; honours every mask mode.

    Layer i, tapped, is the columns' tokens after block i, before the last norm.

    Source: Gorishniy et al. 2021 (arXiv:2106.11959), FT-Transformer; Thimonier et al. 2024 (arXiv
    2410.05016), T-JEPA, section 3, for the regularisation tokens. Where we differ: the mean of the
    visible columns takes the place of a class token, and nothing is dropped out.
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
            layers=config.depth,
            own_target=partial(CellTarget, config.columns),
            preprocessing=config.columns,
        )
        self.place = nn.Parameter(torch.randn(columns, width) * width**-0.5)
        self.hidden = nn.Parameter(torch.zeros(width))
        self.register = nn.Parameter(torch.randn(config.registers, width) * width**-0.5)
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
        """Mix columns, and registers beside them."""
        self.check_mask(mask)
        self.check_taps(taps)
        tokens = (value if isinstance(value, Tokens) else self.tokenize(value)).values
        kept = unseen = None
        if mask is not None and mask.mode == "replace":
            tokens = mask.replaced(tokens, self.hidden)
        tokens = tokens + self.place
        if mask is not None and mask.mode == "drop":
            kept = mask.visible_index()
            tokens = tokens.gather(1, kept[..., None].expand(-1, -1, tokens.shape[2]))
        if mask is not None and mask.mode == "query":
            unseen = mask.hidden
        registers, tokens, layers = self._mixed(tokens, unseen, taps)
        return Encoding(
            pooled=_mean(tokens, unseen),
            tokens=tokens,
            kept=kept,
            layers=layers,
            registers=registers if self.register.shape[0] else None,
        )

    def _mixed(
        self, tokens: Tensor, unseen: Tensor | None, taps: Sequence[int]
    ) -> tuple[Tensor, Tensor, dict[int, Tensor]]:
        """Registers, columns and the layers tapped, after all blocks."""
        count = self.register.shape[0]
        registers = self.register.to(tokens.dtype).expand(len(tokens), -1, -1)
        mixed = torch.cat([registers, tokens], dim=1)
        if unseen is not None:
            unseen = torch.cat([unseen.new_zeros(len(unseen), count), unseen], dim=1)
        layers: dict[int, Tensor] = {}
        for number, block in enumerate(self.blocks, start=1):
            mixed = block(mixed, src_key_padding_mask=unseen)
            if number in taps:
                layers[number] = mixed[:, count:]
        mixed = self.norm(mixed)
        return mixed[:, :count], mixed[:, count:], layers


def _mean(tokens: Tensor, unseen: Tensor | None) -> Tensor:
    if unseen is None:
        return tokens.mean(1)
    seen = (~unseen)[..., None]
    return tokens.where(seen, 0).sum(1) / seen.sum(1)
