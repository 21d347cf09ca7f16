"""A transformer over pieces of time.

Source: Nie et al., A Time Series is Worth 64 Words (ICLR 2023, arXiv 2211.14730), section 3.1, for
pieces as tokens. Differs: a token holds a piece of all channels, where the paper runs each channel
by itself, because how channels move together is what tells gestures and seizures apart; series are
not normalised one by one, because amplitude tells as well; layers normalise first.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor, nn

from tacit.contract import Encoder, EncoderSpec, Encoding, Mask, Tokens
from tacit_timeseries.modality import Shape


@dataclass(frozen=True, kw_only=True)
class TransformerConfig:
    """Settings of the encoder. Channels, length and piece are by default those that suit the data.

    Args:
        channels: of a series.
        length: moments of a series, a multiple of `piece`.
        piece: moments of a token.
        width: features of a token, a multiple of `heads`.
        depth: layers.
        heads: of the attention.

    Raises:
        ValueError: a size below 1, a length that pieces do not fill, or a width that heads do not
            share.
    """

    channels: int = 3
    length: int = 128
    piece: int = 8
    width: int = 64
    depth: int = 3
    heads: int = 4

    def __post_init__(self) -> None:
        for name in ("channels", "length", "piece", "width", "depth", "heads"):
            if (size := getattr(self, name)) < 1:
                raise ValueError(f"{name}: wanted at least 1; got {size}")
        if self.length % self.piece:
            raise ValueError(
                f"piece: wanted a divisor of the length, {self.length}; got {self.piece}"
            )
        if self.width % self.heads:
            raise ValueError(f"width: wanted a multiple of {self.heads} heads; got {self.width}")


class Transformer(Encoder):
    """Series `(batch, channels, time)` to one token a piece; drops and replaces hidden tokens."""

    Config = TransformerConfig

    def __init__(self, config: TransformerConfig) -> None:
        super().__init__()
        tokens, features = config.length // config.piece, config.channels * config.piece
        self.piece = config.piece
        self.spec = EncoderSpec(
            modality="series",
            width=config.width,
            tokens="dense",
            grid=(tokens,),
            mask_modes=frozenset({"drop", "replace"}),
            layers=config.depth,
            target_width=features,
            preprocessing=Shape(channels=config.channels, length=config.length),
        )
        self.embed = nn.Linear(features, config.width)
        self.position = nn.Parameter(0.02 * torch.randn(tokens, config.width))
        self.hidden = nn.Parameter(0.02 * torch.randn(config.width))
        self.layers = nn.ModuleList(_layer(config) for _ in range(config.depth))
        self.norm = nn.LayerNorm(config.width)

    def token_targets(
        self, value: Float[Tensor, "batch channels time"]
    ) -> Float[Tensor, "batch tokens features"]:
        """The numbers of every piece, channel by channel."""
        pieces: Tensor = value.unflatten(2, (-1, self.piece))
        return pieces.transpose(1, 2).flatten(2)

    def tokenize(self, value: Float[Tensor, "batch channels time"]) -> Tokens:
        """Pieces, embedded."""
        return Tokens(values=self.embed(self.token_targets(value)))

    def forward(
        self,
        value: Float[Tensor, "batch channels time"] | Tokens,
        *,
        mask: Mask | None = None,
        taps: Sequence[int] = (),
    ) -> Encoding:
        """Encode series, or their tokens; pooled is the mean of the tokens that were mixed."""
        self.check_mask(mask)
        self.check_taps(taps)
        x = (value if isinstance(value, Tokens) else self.tokenize(value)).values
        if mask is not None and mask.mode == "replace":
            x = mask.replaced(x, self.hidden)
        x, kept = x + self.position.to(x.dtype), None
        if mask is not None and mask.mode == "drop":
            kept = mask.visible_index()
            x = x.gather(1, kept[..., None].expand(-1, -1, x.shape[2]))
        tapped = {}
        for number, layer in enumerate(self.layers, start=1):
            x = layer(x)
            if number in taps:
                tapped[number] = x
        x = self.norm(x)
        return Encoding(pooled=x.mean(1), tokens=x, kept=kept, layers=tapped)

    def no_weight_decay(self) -> frozenset[str]:
        """Where tokens lie, and the token that stands for hidden ones."""
        return frozenset({"position", "hidden"})


def _layer(config: TransformerConfig) -> nn.TransformerEncoderLayer:
    return nn.TransformerEncoderLayer(
        config.width,
        config.heads,
        dim_feedforward=4 * config.width,
        dropout=0.0,
        activation="gelu",
        batch_first=True,
        norm_first=True,
    )
