"""A small vision transformer, masked in every way the contract knows.

Source: Dosovitskiy et al. 2021, "An Image is Worth 16x16 Words", arXiv:2010.11929, section 3.1.
Code read: timm/models/vision_transformer.py (names and arithmetic, so that `tacit_vision.export`
is exact) and facebookresearch/mae (dropping, initialisation).
Where we differ: by default positions are fixed and the pooled vector is the mean of the tokens
after the final norm, which needs no class token and suits small data; no dropout.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import ClassVar, Literal

import torch
from jaxtyping import Bool, Float, Shaped
from torch import Tensor, nn

from tacit.contract import Encoder, EncoderSpec, Encoding, Mask, Tokens
from tacit_vision.encoders import masking
from tacit_vision.encoders.normalise import Normalise
from tacit_vision.encoders.positions import Grid, resample, sincos
from tacit_vision.encoders.transformer import NORM_EPS, Block
from tacit_vision.modality import Preprocessing
from tacit_vision.pixels import patches


@dataclass(frozen=True, kw_only=True)
class ViTConfig:
    """Settings of a vision transformer; the defaults train on two cores.

    Args:
        size: side of the images in pixels, a multiple of `patch`.
        patch: side of a patch in pixels.
        width: features per token, a multiple of `heads`, and of 4 with `sincos` positions.
        depth: number of blocks, and of layers that can be tapped.
        heads: attention heads.
        mlp_ratio: hidden features of a block's feed-forward part per feature.
        channels: channels of the images.
        pool: `mean` of the tokens, or the output of a `class` token.
        positions: fixed `sincos` (MAE), `learned` (ViT), or `none` (MP3 predicts them).
        mean: subtracted from pixels in [0, 1], one number per channel or one for all.
        std: divided by after that, likewise.

    Raises:
        ValueError: numbers that do not divide each other, or are below 1.
    """

    size: int = 32
    patch: int = 4
    width: int = 128
    depth: int = 6
    heads: int = 4
    mlp_ratio: float = 4.0
    channels: int = 3
    pool: Literal["mean", "class"] = "mean"
    positions: Literal["sincos", "learned", "none"] = "sincos"
    mean: tuple[float, ...] = (0.5,)
    std: tuple[float, ...] = (0.5,)

    def __post_init__(self) -> None:
        for name in ("size", "patch", "width", "depth", "heads", "mlp_ratio"):
            if (number := getattr(self, name)) <= 0:
                raise ValueError(f"vit: {name}: wanted more than 0; got {number}")
        _divides("size", self.size, "patch", self.patch)
        _divides("width", self.width, "heads", self.heads)
        if self.positions == "sincos":
            _divides("width", self.width, "4, as positions are sincos", 4)


def _divides(name: str, number: int, by: str, divisor: int) -> None:
    if number % divisor:
        nearest = max(1, round(number / divisor)) * divisor
        raise ValueError(
            f"vit: {name}: wanted a multiple of {by}, {divisor}; got {number}: nearest is {nearest}"
        )


class PatchEmbedding(nn.Module):
    """Patches to tokens: one linear map, as a convolution without overlap.

    Args:
        channels: of the images.
        width: features per token.
        patch: side of a patch in pixels.
    """

    def __init__(self, channels: int, width: int, patch: int) -> None:
        super().__init__()
        self.proj = nn.Conv2d(channels, width, kernel_size=patch, stride=patch)

    def forward(
        self, images: Float[Tensor, "batch channels height width"]
    ) -> Float[Tensor, "batch tokens features"]:
        """Tokens row by row."""
        tokens: Tensor = self.proj(images).flatten(2).transpose(1, 2)
        return tokens


class ViT(Encoder):
    """Vision transformer whose tokens are patches.

    Images may have another size than the configured one (small crops), if both sides are multiples
    of the patch: positions are then resampled.

    Masks: `replace` puts a learned token where a patch was, before positions are added; `drop`
    takes hidden tokens out before the first block; under `query` hidden tokens enter with their
    content but nobody attends to them. In every mode `pooled` and the outputs of visible tokens do
    not depend on the content of hidden ones.

    Layers 1 to `depth` are the blocks' outputs before the final norm.

    Args:
        config: settings; None for the defaults.
    """

    Config: ClassVar[type[ViTConfig]] = ViTConfig

    def __init__(self, config: ViTConfig | None = None) -> None:
        super().__init__()
        self.config = config = config or ViTConfig()
        self.spec = _spec(config)
        self.grid = Grid(*[config.size // config.patch] * 2)
        self.normalise = Normalise(_preprocessing(config))
        self.patch_embed = PatchEmbedding(config.channels, config.width, config.patch)
        self.mask_token = nn.Parameter(torch.zeros(config.width))
        self.cls_token = (
            nn.Parameter(torch.zeros(1, 1, config.width)) if config.pool == "class" else None
        )
        self._make_positions()
        self.blocks = nn.ModuleList(
            Block(config.width, config.heads, config.mlp_ratio) for _ in range(config.depth)
        )
        self.norm = nn.LayerNorm(config.width, eps=NORM_EPS)
        self._initialise()

    def _make_positions(self) -> None:
        shape = (1, self.grid.rows * self.grid.columns, self.config.width)
        self.pos_embed: Tensor | None
        if self.config.positions == "learned":
            self.pos_embed = nn.Parameter(torch.zeros(shape))
        elif self.config.positions == "sincos":
            self.register_buffer("pos_embed", sincos(self.grid, self.config.width))
        else:
            self.pos_embed = None

    def _initialise(self) -> None:
        # As in MAE: Glorot for every linear map, the patches' included, and 0.02 for tokens.
        for module in self.modules():
            if isinstance(module, nn.Linear):
                nn.init.xavier_uniform_(module.weight)
                nn.init.zeros_(module.bias)
        nn.init.xavier_uniform_(self.patch_embed.proj.weight.view(self.config.width, -1))
        for _, token in self._free_tokens():
            nn.init.trunc_normal_(token, std=0.02)

    def _free_tokens(self) -> list[tuple[str, nn.Parameter]]:
        names = ("mask_token", "cls_token", "pos_embed")
        return [(name, value) for name, value in self.named_parameters() if name in names]

    def no_weight_decay(self) -> frozenset[str]:
        """The tokens and positions that are no weights of a linear map."""
        return frozenset(name for name, _ in self._free_tokens())

    def exports(self) -> Mapping[str, Callable[[Path], None]]:
        """`timm`: a folder that timm loads, see `tacit_vision.export`."""
        from tacit_vision.export import export_timm  # which imports the encoders

        return {"timm": partial(export_timm, self)}

    def tokenize(self, value: Shaped[Tensor, "batch channels height width"]) -> Tokens:
        """Embedded patches, without positions; `relations` is their `Grid` if not the spec's.

        Raises:
            ValueError: other channels, or sides that are no multiple of the patch.
        """
        dtype = self.patch_embed.proj.weight.dtype
        grid = self._grid_of(value)
        values = self.patch_embed(self.normalise(value, dtype))
        return Tokens(values=values, relations=None if grid == self.grid else grid)

    def forward(
        self,
        value: Shaped[Tensor, "batch channels height width"] | Tokens,
        *,
        mask: Mask | None = None,
        taps: Sequence[int] = (),
    ) -> Encoding:
        """Encode images, or tokens made by `tokenize`.

        Under `drop` a row must keep a token, and so it must under `query`, where a row without a
        visible one pools to NaN if the mask does not state `hidden_per_row`.

        Raises:
            ValueError: a mask of another shape or one that hides every token, or taps outside the
                layers.
        """
        self.check_mask(mask)
        self.check_taps(taps)
        tokens = value if isinstance(value, Tokens) else self.tokenize(value)
        if mask is not None:
            mask.check(*tokens.values.shape[:2])
        kept = masking.visible_positions(mask)
        prefix = 0 if self.cls_token is None else 1
        mixed, layers = self._mix(self._enter(tokens, mask, kept), mask, tuple(taps))
        return Encoding(
            pooled=mixed[:, 0] if prefix else masking.mean_visible(mixed, mask),
            tokens=mixed[:, prefix:],
            kept=kept,
            layers={tap: layer[:, prefix:] for tap, layer in layers.items()},
        )

    def _enter(
        self, tokens: Tokens, mask: Mask | None, kept: Tensor | None
    ) -> Float[Tensor, "batch length width"]:
        values = masking.replace_hidden(tokens.values, mask, self.mask_token)
        if self.pos_embed is not None:
            positions = resample(self.pos_embed, self.grid, self._grid_from(tokens))
            values = values + positions.to(self.patch_embed.proj.weight.dtype)
        values = masking.keep(values, kept)
        if self.cls_token is None:
            return values
        return torch.cat([self.cls_token.expand(values.shape[0], -1, -1), values], dim=1)

    def _mix(
        self, values: Float[Tensor, "batch length width"], mask: Mask | None, taps: tuple[int, ...]
    ) -> tuple[Tensor, dict[int, Tensor]]:
        attended: Bool[Tensor, "batch 1 1 length"] | None = masking.attended(
            mask, prefix=0 if self.cls_token is None else 1
        )
        layers: dict[int, Tensor] = {}
        for number, block in enumerate(self.blocks, start=1):
            values = block(values, attended)
            if number in taps:
                layers[number] = values
        return self.norm(values), layers

    def token_targets(
        self, value: Shaped[Tensor, "batch channels height width"]
    ) -> Float[Tensor, "batch tokens content"]:
        """Pixels of every patch in [0, 1], before the encoder's mean and std; see `patches`."""
        self._grid_of(value)
        return patches(value, (self.config.patch, self.config.patch))

    def _grid_of(self, value: Tensor) -> Grid:
        height, width = value.shape[-2:]
        if height % self.config.patch or width % self.config.patch:
            raise ValueError(
                f"vit: wanted sides that are multiples of the patch, {self.config.patch}; "
                f"got {height} x {width}: change the views' size or the encoder's patch"
            )
        return Grid(height // self.config.patch, width // self.config.patch)

    def _grid_from(self, tokens: Tokens) -> Grid:
        grid = self.grid if tokens.relations is None else tokens.relations
        if not isinstance(grid, Grid) or grid.rows * grid.columns != tokens.values.shape[1]:
            raise ValueError(
                f"vit: wanted tokens made by tokenize, {self.grid.rows} x {self.grid.columns} "
                f"or with their Grid as relations; got {tokens.values.shape[1]} tokens with {grid}"
            )
        return grid


def _preprocessing(config: ViTConfig) -> Preprocessing:
    return Preprocessing(
        size=(config.size, config.size),
        channels=config.channels,
        mean=config.mean,
        std=config.std,
    )


def _spec(config: ViTConfig) -> EncoderSpec:
    side = config.size // config.patch
    return EncoderSpec(
        modality="image",
        width=config.width,
        tokens="dense",
        grid=(side, side),
        mask_modes=frozenset({"replace", "drop", "query"}),
        layers=config.depth,
        target_width=config.patch**2 * config.channels,
        positions=config.positions != "none",
        preprocessing=_preprocessing(config),
    )
