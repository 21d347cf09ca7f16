"""Decoders of masked prediction: from an encoding to a prediction for every token.

Every one is called with the encoding, the mask it was made under, and two things few need: the
tokens as they were before the encoder, with whatever they are mixed by, and the encoding of another
view of the same instances. Those that are `tokenwise` predict a token from itself, and may be given
an encoding of some tokens alone.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar, Literal, TypeAlias

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn
from torch.nn import functional

from tacit.contract import EncoderSpec, Encoding, Mask, Tokens
from tacit.nn.cosine_head import CosineDecoder, CosineHead
from tacit.nn.positions import GridPositions


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
        ValueError: numbers below 1, or heads that do not divide the width.
    """

    kind: ClassVar[str] = "transformer"
    width: int = 128
    depth: int = 2
    heads: int = 4
    mlp_ratio: float = 4.0

    def __post_init__(self) -> None:
        for name in ("width", "depth", "heads", "mlp_ratio"):
            if getattr(self, name) <= 0:
                raise ValueError(f"{name}: wanted more than 0; got {getattr(self, name)}")
        if self.width % self.heads:
            raise ValueError(f"heads: {self.heads} do not divide the width {self.width}")


@dataclass(frozen=True, kw_only=True)
class CrossDecoder(TransformerDecoder):
    """MAE's decoder whose tokens also look at another view of the instance: CropMAE's."""

    kind: ClassVar[str] = "cross"


@dataclass(frozen=True, kw_only=True)
class OwnDecoder:
    """A network of the encoder's own kind, which its spec makes: GraphMAE's.

    Args:
        remask: whether hidden tokens are hidden again before it. Without, what the encoder made of
            them goes in.
        token: what hides them: a `learned` token, as GraphMAE's paper says, or `zeros`, as the
            authors' code has it.
    """

    kind: ClassVar[str] = "own"
    remask: bool = True
    token: Literal["learned", "zeros"] = "learned"


DecoderConfig: TypeAlias = (
    LinearDecoder | CosineDecoder | TransformerDecoder | CrossDecoder | OwnDecoder
)


class LinearHead(nn.Module):
    """A linear layer on every token, dense or packed."""

    tokenwise = True

    def __init__(self, spec: EncoderSpec, out: int) -> None:
        super().__init__()
        self.layer = nn.Linear(spec.width, out)

    def forward(
        self,
        encoding: Encoding,
        mask: Mask,
        tokens: Tokens | None = None,
        reference: Encoding | None = None,
    ) -> Float[Tensor, "batch tokens out"] | Float[Tensor, "tokens out"]:
        """Predict every token from itself.

        Raises:
            ValueError: hidden tokens were dropped.
        """
        if mask.mode == "drop":
            raise ValueError("a linear decoder cannot predict dropped tokens: use a transformer")
        assert encoding.tokens is not None, "requirements ask for tokens"
        out: Tensor = self.layer(encoding.tokens)
        return out


class OwnHead(nn.Module):
    """The decoder that the encoder's spec makes, after hidden tokens are hidden again.

    Args:
        config: whether they are.
        spec: of the encoder.
        out: features predicted for each token.

    Source: Hou et al. 2022 (arXiv 2205.10803) section 3.2, THUDM/GraphMAE, graphmae/models/
    edcoder.py: a linear map without bias, then the mask. A learned token begins at zeros.
    """

    mask_token: Tensor | None

    def __init__(self, config: OwnDecoder, spec: EncoderSpec, out: int) -> None:
        super().__init__()
        assert spec.decoder is not None, "requirements ask for it"
        self.embed = nn.Linear(spec.width, spec.width, bias=False)
        zeros = torch.zeros(spec.width) if config.remask else None
        if zeros is not None and config.token == "learned":
            self.mask_token = nn.Parameter(zeros)
        else:
            self.register_buffer("mask_token", zeros, persistent=False)
        self.network = spec.decoder(out)
        self.tokenwise = not config.remask and getattr(self.network, "tokenwise", False)

    def forward(
        self,
        encoding: Encoding,
        mask: Mask,
        tokens: Tokens | None = None,
        reference: Encoding | None = None,
    ) -> Float[Tensor, "batch tokens out"] | Float[Tensor, "tokens out"]:
        """Predict every token from those around it."""
        assert tokens is not None
        assert encoding.tokens is not None
        x = self.embed(encoding.tokens)
        if self.mask_token is not None:
            x = mask.replaced(x, self.mask_token)
        if self.tokenwise:  # these may be some tokens alone, of which the rest does not tell
            tokens = Tokens(values=x, relations=tokens.relations)
        out: Tensor = self.network(replace(tokens, values=x))
        return out


class TransformerHead(nn.Module):
    """Embeds encoded tokens, fills the gaps with a learned mask token, and mixes.

    Positions lie on the grid of the spec, or in a line where it has none. Registers of the encoding
    are looked at and not predicted.

    Args:
        config: its size.
        spec: of the encoder, for width and grid.
        out: features predicted for each token.

    Raises:
        ValueError: the encoder's tokens are not dense.

    Source: He et al. 2022 (arXiv 2111.06377) section 3; facebookresearch/mae, `forward_decoder`.
    Differs: a class token passes through the decoder only where the encoder answers it among its
    registers, and padding is not attended to. As a `cross` decoder: Eymael et al. 2024
    (arXiv 2403.17823) section 3.2, alexandre-eymael/CropMAE; torch's own block, which looks at
    its own tokens before it looks at the other view's.
    """

    mask_token: nn.Parameter

    def __init__(self, config: TransformerDecoder, spec: EncoderSpec, out: int) -> None:
        super().__init__()
        if spec.tokens != "dense":
            raise ValueError(
                f"decoder: a transformer needs dense tokens; the {spec.modality} encoder's are "
                f"{spec.tokens}: use kind='linear'"
            )
        self.width = config.width
        self.embed = nn.Linear(spec.width, config.width)
        self.mask_token = nn.Parameter(torch.zeros(config.width))
        self.positions = GridPositions(spec.grid, config.width)
        self.cross = isinstance(config, CrossDecoder)
        block = nn.TransformerDecoderLayer if self.cross else nn.TransformerEncoderLayer
        self.blocks = nn.ModuleList(
            block(
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
        self._initialise()

    def _initialise(self) -> None:
        # As in MAE: Glorot for every linear map, 0.02 for the learned token.
        for name, parameter in self.named_parameters():
            if parameter.ndim > 1:
                nn.init.xavier_uniform_(parameter)
            elif name.endswith("bias"):
                nn.init.zeros_(parameter)
        nn.init.normal_(self.mask_token, std=0.02)

    def forward(
        self,
        encoding: Encoding,
        mask: Mask,
        tokens: Tokens | None = None,
        reference: Encoding | None = None,
    ) -> Float[Tensor, "batch tokens out"]:
        """Predict every token from all.

        Raises:
            ValueError: the mask is for another grid than the spec's.
        """
        assert encoding.tokens is not None, "requirements ask for tokens"
        x = self.embed(encoding.tokens)
        if mask.mode == "drop":
            x = self.fill(x, encoding, mask)
        x = self.place(x)
        padding = None if encoding.valid is None else ~encoding.valid
        before = 0
        if encoding.registers is not None:
            before = encoding.registers.shape[1]
            x = torch.cat([self.embed(encoding.registers), x], dim=1)
            if padding is not None:
                padding = functional.pad(padding, (before, 0), value=False)
        out: Tensor = self.predict(self.norm(self._mix(x, padding, reference)[:, before:]))
        return out

    def _mix(
        self,
        x: Float[Tensor, "batch length width"],
        padding: Bool[Tensor, "batch length"] | None,
        reference: Encoding | None,
    ) -> Float[Tensor, "batch length width"]:
        if not self.cross:
            for block in self.blocks:
                x = block(x, src_key_padding_mask=padding)
            return x
        assert reference is not None
        seen = self.seen(reference)
        hidden = None if reference.valid is None else ~reference.valid
        for block in self.blocks:
            x = block(x, seen, tgt_key_padding_mask=padding, memory_key_padding_mask=hidden)
        return x

    def fill(
        self, x: Float[Tensor, "batch kept width"], encoding: Encoding, mask: Mask
    ) -> Float[Tensor, "batch tokens width"]:
        """Put what was kept back into its place, and the mask token into all others."""
        assert encoding.kept is not None, "an encoder that drops says what it kept"
        batch, tokens = mask.hidden.shape
        whole = self.mask_token.to(x.dtype).expand(batch, tokens, self.width)
        return whole.scatter(1, encoding.kept[..., None].expand_as(x), x)

    def place(self, x: Float[Tensor, "batch tokens width"]) -> Float[Tensor, "batch tokens width"]:
        """Tell tokens where they lie."""
        placed: Tensor = self.positions(x)
        return placed

    def seen(self, reference: Encoding) -> Float[Tensor, "batch length width"]:
        """What a cross decoder looks at."""
        assert reference.tokens is not None
        return self.place(self.embed(reference.tokens))


def build_decoder(config: DecoderConfig, spec: EncoderSpec, out: int) -> nn.Module:
    """The decoder of a configuration."""
    if isinstance(config, LinearDecoder):
        return LinearHead(spec, out)
    if isinstance(config, CosineDecoder):
        return CosineHead(config, spec, out)
    if isinstance(config, OwnDecoder):
        return OwnHead(config, spec, out)
    return TransformerHead(config, spec, out)
