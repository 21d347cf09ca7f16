"""From what is seen of an instance to the latents of what is hidden."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor, nn

from tacit.contract import EncoderSpec, Encoding, Mask
from tacit.nn.decoders import TransformerDecoder
from tacit.nn.positions import grid_positions


class LatentRegressor(nn.Module):
    """Predicts the latents of hidden tokens, in the encoder's own width.

    Args:
        config: its depth and heads; the width is the encoder's.
        spec: of the encoder, whose tokens lie on a grid.

    Raises:
        ValueError: tokens without a grid, or heads that do not divide the encoder's width.

    Source: Chen et al. 2022 (arXiv 2202.03026), CAE, section 3.1; Atten4Vis/CAE, models/
        modeling_cae_helper.py. Differs: queries look at each other and then at what is seen, where
        the authors let them look at both at once.
    """

    positions: Tensor

    def __init__(self, config: TransformerDecoder, spec: EncoderSpec) -> None:
        super().__init__()
        if spec.grid is None:
            raise ValueError(
                f"regressor: wanted tokens on a grid; the {spec.modality} encoder's lie on none"
            )
        if spec.width % config.heads:
            raise ValueError(f"heads: {config.heads} do not divide the width {spec.width}")
        self.query = nn.Parameter(0.02 * torch.randn(spec.width))
        self.register_buffer("positions", grid_positions(spec.grid, spec.width), persistent=False)
        self.blocks = nn.ModuleList(
            nn.TransformerDecoderLayer(
                spec.width,
                config.heads,
                dim_feedforward=int(spec.width * config.mlp_ratio),
                dropout=0.0,
                activation="gelu",
                batch_first=True,
                norm_first=True,
            )
            for _ in range(config.depth)
        )
        self.norm = nn.LayerNorm(spec.width)

    def forward(self, encoding: Encoding, mask: Mask) -> Float[Tensor, "batch hidden width"]:
        """The latents of the hidden tokens, in the order of `Mask.hidden_index`."""
        assert encoding.tokens is not None
        assert encoding.kept is not None
        seen = encoding.tokens + self.positions[encoding.kept].to(encoding.tokens.dtype)
        asked = (self.query + self.positions[mask.hidden_index()]).to(seen.dtype)
        for block in self.blocks:
            asked = block(asked, seen)
        latents: Tensor = self.norm(asked)
        return latents
