"""Decoders of masked prediction: from an encoding to a prediction for every token."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod
from typing import ClassVar, TypeAlias

import torch
from jaxtyping import Float
from torch import Tensor, nn

from tacit.contract import EncoderSpec, Encoding
from tacit.nn.positions import grid_positions


@dataclass(frozen=True, kw_only=True)
class LinearDecoder:
    """One linear layer on every token: SimMIM's head. Needs an encoder that saw all tokens."""

    kind: ClassVar[str] = "linear"


@dataclass(frozen=True, kw_only=True)
class TransformerDecoder:
    """A small transformer over encoded tokens and mask tokens: MAE's decoder.

    Args:
        width: features of its tokens.
        depth: its blocks.
        heads: attention heads; must divide the width.
        mlp_ratio: width of the hidden layer, relative to `width`.

    Raises:
        ValueError: heads that do not divide the width.
    """

    kind: ClassVar[str] = "transformer"
    width: int = 128
    depth: int = 2
    heads: int = 4
    mlp_ratio: float = 4.0

    def __post_init__(self) -> None:
        if self.width % self.heads:
            raise ValueError(f"heads: {self.heads} do not divide the width {self.width}")


DecoderConfig: TypeAlias = LinearDecoder | TransformerDecoder


class LinearHead(nn.Module):
    """A linear layer on every token."""

    def __init__(self, spec: EncoderSpec, out: int) -> None:
        super().__init__()
        self.layer = nn.Linear(spec.width, out)

    def forward(self, encoding: Encoding) -> Float[Tensor, "batch tokens out"]:
        """Predict every token from itself."""
        assert encoding.tokens is not None, "requirements ask for tokens"
        out: Tensor = self.layer(encoding.tokens)
        return out


class TransformerHead(nn.Module):
    """Embeds encoded tokens, fills the gaps with a learned mask token, and mixes.

    Args:
        config: its size.
        spec: of the encoder, for width and grid.
        out: features predicted for each token.

    Source: He et al. 2022 (arXiv 2111.06377) section 3; facebookresearch/mae, `forward_decoder`.
    Differs: no class token passes through the decoder.
    """

    mask_token: nn.Parameter
    positions: Tensor

    def __init__(self, config: TransformerDecoder, spec: EncoderSpec, out: int) -> None:
        super().__init__()
        assert spec.grid is not None, "the objective checks the grid"
        self.tokens = prod(spec.grid)
        self.embed = nn.Linear(spec.width, config.width)
        self.mask_token = nn.Parameter(torch.zeros(config.width))
        nn.init.normal_(self.mask_token, std=0.02)
        self.register_buffer("positions", grid_positions(spec.grid, config.width), persistent=False)
        self.blocks = nn.ModuleList(
            nn.TransformerEncoderLayer(
                config.width,
                config.heads,
                dim_feedforward=int(config.width * config.mlp_ratio),
                dropout=0.0,
                activation="gelu",
                batch_first=True,
                norm_first=True,
            )
            for _ in range(config.depth)
        )
        self.norm = nn.LayerNorm(config.width)
        self.predict = nn.Linear(config.width, out)

    def forward(self, encoding: Encoding) -> Float[Tensor, "batch tokens out"]:
        """Predict every token from all."""
        assert encoding.tokens is not None, "requirements ask for tokens"
        x = self.embed(encoding.tokens)
        if encoding.kept is not None:  # put what was kept back into its place
            whole = self.mask_token.to(x.dtype).expand(x.shape[0], self.tokens, -1)
            x = whole.scatter(1, encoding.kept[..., None].expand_as(x), x)
        x = x + self.positions
        for block in self.blocks:
            x = block(x)
        out: Tensor = self.predict(self.norm(x))
        return out


def build_decoder(config: DecoderConfig, spec: EncoderSpec, out: int) -> nn.Module:
    """The decoder of a configuration."""
    if isinstance(config, LinearDecoder):
        return LinearHead(spec, out)
    return TransformerHead(config, spec, out)
