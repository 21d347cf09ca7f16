"""A transformer over patches of a log-mel spectrogram, masked in every way the contract knows.

Source: Gong et al. 2021, "AST", arXiv:2104.01778, section 2.1; SSAST, arXiv:2110.09784, for patches
of whole frames. Where we differ: patches do not overlap, positions are fixed and go on for clips of
any length, the pooled vector is the mean of the tokens, each clip is normalised by itself, and
there is no dropout: what suits small data, rows of different lengths, and masks.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Literal

import torch
from jaxtyping import Float
from torch import Tensor, nn

from tacit.contract import Encoder, EncoderSpec, Encoding, Mask, Tokens
from tacit.nn import grid_positions
from tacit_audio.encoders import masking
from tacit_audio.encoders.patches import Patches, cut
from tacit_audio.encoders.transformer import Block
from tacit_audio.features.mel import LogMel, LogMelConfig
from tacit_audio.modality import Frames, Preprocessing
from tacit_audio.sound import Sound, mean_there


@dataclass(frozen=True, kw_only=True)
class SpectrogramTransformerConfig:
    """Settings of a spectrogram transformer; the defaults train on two cores.

    Args:
        rate: samples a second.
        channels: of the recordings.
        seconds: length of the views it is trained on, where masks need a fixed grid (blocks,
            tubes); None: rows of any length, which all other masks can do.
        mels: bands of the spectrogram, a multiple of `bands`.
        hop: seconds from frame to frame.
        frames: frames of a patch.
        bands: bands of a patch; all of `mels` for patches of whole frames, in a line.
        width: features per token, a multiple of `heads` and of 4.
        depth: number of blocks, and of layers that can be tapped.
        heads: attention heads.
        mlp_ratio: hidden features of a block's feed-forward part per feature.
        positions: fixed `sincos`, or `none` (MP3 predicts them).
        normalise: of the spectrogram, see `LogMelConfig`.

    Raises:
        ValueError: numbers that do not divide each other, or are below 1.
    """

    rate: int = 16_000
    channels: int = 1
    seconds: float | None = None
    mels: int = 64
    hop: float = 0.010
    frames: int = 8
    bands: int = 16
    width: int = 128
    depth: int = 4
    heads: int = 4
    mlp_ratio: float = 4.0
    positions: Literal["sincos", "none"] = "sincos"
    normalise: Literal["clip", "bin", "none"] = "clip"

    def __post_init__(self) -> None:
        for name in ("channels", "frames", "bands", "width", "depth", "heads", "mlp_ratio"):
            if (number := getattr(self, name)) <= 0:
                raise ValueError(f"{name}: wanted more than 0; got {number}")
        for name, number, divisor in (
            ("mels: a multiple of bands", self.mels, self.bands),
            ("width: a multiple of heads", self.width, self.heads),
            ("width: a multiple of 4, for positions", self.width, 4),
        ):
            if number % divisor:
                raise ValueError(f"{name}: got {number}, which {divisor} does not divide")
        if self.seconds is not None and self.seconds <= 0:
            raise ValueError(f"seconds: wanted more than 0; got {self.seconds}")

    def spectrogram(self) -> LogMelConfig:
        """The settings of the spectrogram beneath."""
        return LogMelConfig(rate=self.rate, mels=self.mels, hop=self.hop, normalise=self.normalise)

    def times(self) -> Frames:
        """When its patches are."""
        hop = self.spectrogram().hop_samples
        middle = (self.frames - 1) * hop // 2
        return Frames(hop=self.frames * hop, middle=middle, rows=self.mels // self.bands)

    def grid(self) -> tuple[int, ...] | None:
        """Patches along time and bands of a view of `seconds`; None where the length is free."""
        if self.seconds is None:
            return None
        hop = self.spectrogram().hop_samples
        columns = math.ceil(max(1, round(self.seconds * self.rate) // hop) / self.frames)
        rows = self.mels // self.bands
        return (columns, rows) if rows > 1 else (columns,)


class SpectrogramTransformer(Encoder):
    """Transformer whose tokens are patches of a log-mel spectrogram.

    Clips may have any length: what is padding is neither looked at nor pooled, so that a clip has
    one embedding, alone or in a batch. Under `drop`, `Encoding.valid` is that of all tokens.

    Masks: `replace` puts a learned token where a patch was, before positions are added; `drop`
    takes hidden tokens out before the first block; under `query` hidden tokens enter with their
    content but nobody attends to them. Only the mean and deviation of a clip, by which its
    spectrogram is normalised, know hidden content.

    Layers 1 to `depth` are the blocks' outputs before the final norm.

    Args:
        config: settings; None for the defaults.
    """

    Config: ClassVar[type[SpectrogramTransformerConfig]] = SpectrogramTransformerConfig

    def __init__(self, config: SpectrogramTransformerConfig | None = None) -> None:
        super().__init__()
        self.config = config = config or SpectrogramTransformerConfig()
        self.spec = _spec(config)
        self.spectrogram = LogMel(config.spectrogram())
        self.embed = nn.Linear(config.channels * config.frames * config.bands, config.width)
        self.mask_token = nn.Parameter(torch.zeros(config.width))
        self.blocks = nn.ModuleList(
            Block(config.width, config.heads, config.mlp_ratio) for _ in range(config.depth)
        )
        self.norm = nn.LayerNorm(config.width)
        self._initialise()

    def _initialise(self) -> None:
        for module in self.modules():
            if isinstance(module, nn.Linear):
                nn.init.xavier_uniform_(module.weight)
                nn.init.zeros_(module.bias)
        nn.init.trunc_normal_(self.mask_token, std=0.02)

    def no_weight_decay(self) -> frozenset[str]:
        """The token that is no weight of a linear map."""
        return frozenset({"mask_token"})

    def patches(self, value: Sound) -> Patches:
        """The normalised spectrogram, cut.

        Raises:
            ValueError: another rate or other channels.
        """
        preprocessing = self.spec.preprocessing
        assert isinstance(preprocessing, Preprocessing)
        preprocessing.check(value)
        return cut(self.spectrogram(value), self.config.frames, self.config.bands)

    def tokenize(self, value: Sound) -> Tokens:
        """Embedded patches, without positions; their grid is that of the value.

        Raises:
            ValueError: another rate or other channels.
        """
        patches = self.patches(value)
        values = self.embed(patches.values.to(self.embed.weight.dtype))
        return Tokens(values=values, valid=patches.valid, grid=patches.grid)

    def token_targets(self, value: Sound) -> Float[Tensor, "batch tokens content"]:
        """Normalised log-mel values of every patch."""
        return self.patches(value).values

    def forward(
        self, value: Sound | Tokens, *, mask: Mask | None = None, taps: Sequence[int] = ()
    ) -> Encoding:
        """Encode recordings, or tokens made by `tokenize`.

        Raises:
            ValueError: recordings that do not fit, a mask of another shape or one that hides every
                token, or taps outside the layers.
        """
        self.check_mask(mask)
        self.check_taps(taps)
        tokens = value if isinstance(value, Tokens) else self.tokenize(value)
        if mask is not None:
            mask.check(*tokens.values.shape[:2])
        kept = mask.visible_index() if mask is not None and mask.mode == "drop" else None
        seen = masking.visible(tokens.valid, mask, kept)
        mixed = masking.keep(self._entering(tokens, mask), kept)
        layers: dict[int, Tensor] = {}
        look = masking.attended(seen)
        for number, block in enumerate(self.blocks, start=1):
            mixed = block(mixed, look)
            if number in taps:
                layers[number] = mixed
        mixed = self.norm(mixed)
        return Encoding(
            pooled=mean_there(mixed, seen),
            tokens=mixed,
            valid=tokens.valid,
            kept=kept,
            layers=layers,
        )

    def _entering(self, tokens: Tokens, mask: Mask | None) -> Float[Tensor, "batch tokens width"]:
        values = tokens.values
        if mask is not None and mask.mode == "replace":
            values = mask.replaced(values, self.mask_token)
        if self.config.positions == "none":
            return values
        assert tokens.grid is not None, "tokens made by tokenize know their grid"
        grid = tokens.grid if tokens.grid[1] > 1 else tokens.grid[:1]
        return values + grid_positions(grid, self.config.width, device=values.device).to(values)


def _spec(config: SpectrogramTransformerConfig) -> EncoderSpec:
    return EncoderSpec(
        modality="audio",
        width=config.width,
        tokens="dense",
        grid=config.grid(),
        mask_modes=frozenset({"replace", "drop", "query"}),
        layers=config.depth,
        target_width=config.channels * config.frames * config.bands,
        positions=config.positions != "none",
        preprocessing=Preprocessing(
            rate=config.rate, channels=config.channels, frames=config.times()
        ),
    )
