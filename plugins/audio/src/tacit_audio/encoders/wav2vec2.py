"""The network of wav2vec 2.0 and HuBERT: convolutions over samples, a transformer over frames.

Source: Baevski et al. 2020, arXiv:2006.11477, section 2; Hsu et al. 2021, HuBERT, arXiv:2106.07447;
transformers `Wav2Vec2Model` (read), to which it is equal on clips of one length, and as which it
can be exported. Where we differ: padding enters neither statistics nor positions, there is no
dropout, and the default is a network for two cores; `norm="group", norm_first=False` is the Base
models' variant, the default the Large models'.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import ClassVar

import torch
from jaxtyping import Float
from torch import Tensor, nn

from tacit.contract import Encoder, EncoderSpec, Encoding, Mask, Tokens
from tacit_audio.encoders import masking
from tacit_audio.encoders.front import EPS, Front, FrontNorm, loudness_normalised, places, reach
from tacit_audio.encoders.positions import ConvPositions
from tacit_audio.encoders.transformer import Block
from tacit_audio.features.frames import FrameFeatures, FrameKind
from tacit_audio.modality import Frames, Preprocessing
from tacit_audio.sound import Sound, mean_there


@dataclass(frozen=True, kw_only=True)
class Wav2Vec2Config:
    """Settings of the network; the defaults train on two cores.

    Args:
        rate: samples a second.
        filters: features of the convolutions. The papers have 512.
        kernels: of the convolutions. With `strides`, the papers' frames: 25 ms every 20 ms at
            16 kHz. At 8 kHz leave out the last of both for the same.
        strides: of the convolutions.
        norm: of the convolutions, see `FrontNorm`.
        norm_first: whether blocks normalise what enters a part, or its sum with the part's answer.
        width: features of a token, a multiple of `heads` and `position_groups`. Base has 768.
        depth: number of blocks, and of layers that can be tapped. Base has 12.
        heads: attention heads.
        mlp_ratio: hidden features of a block's feed-forward part per feature.
        position_kernel: tokens the convolution of positions reaches over. The papers have 128.
        position_groups: of that convolution.
        normalise: give each clip mean 0 and variance 1.
        targets: what `token_targets` are, see `FrameKind`.
        normalise_targets: each of them over its clip, see `FrameFeatures`.

    Raises:
        ValueError: numbers that do not divide each other, or are below 1.
    """

    rate: int = 16_000
    filters: int = 64
    kernels: tuple[int, ...] = (10, 3, 3, 3, 3, 2, 2)
    strides: tuple[int, ...] = (5, 2, 2, 2, 2, 2, 2)
    norm: FrontNorm = "layer"
    norm_first: bool = True
    width: int = 128
    depth: int = 4
    heads: int = 4
    mlp_ratio: float = 4.0
    position_kernel: int = 32
    position_groups: int = 16
    normalise: bool = True
    targets: FrameKind = "mfcc"
    normalise_targets: bool = True

    def __post_init__(self) -> None:
        for name in ("rate", "filters", "width", "depth", "heads", "mlp_ratio"):
            if (number := getattr(self, name)) <= 0:
                raise ValueError(f"{name}: wanted more than 0; got {number}")
        numbers = (*self.kernels, *self.strides, self.position_kernel, self.position_groups)
        if not self.kernels or len(self.kernels) != len(self.strides) or min(numbers) < 1:
            raise ValueError(
                "kernels, strides, position_kernel, position_groups: wanted numbers of at least 1, "
                f"as many kernels as strides; got {self.kernels}, {self.strides}, "
                f"{self.position_kernel} and {self.position_groups}"
            )
        for name in ("heads", "position_groups"):
            if self.width % (divisor := getattr(self, name)):
                raise ValueError(f"width: {self.width} is no multiple of {name}, {divisor}")


class Wav2Vec2(Encoder):
    """Convolutions over samples, then a transformer over frames.

    Clips may have any length of at least one frame: a frame is a token where it sees samples of
    the clip alone, so that a clip has one embedding, alone or in a batch.

    A mask under `replace` puts a learned token where a frame was, after the projection and before
    positions. `Tokens.latents` are the frames before the projection, which wav2vec 2.0 quantises.
    Layers 1 to `depth` are the blocks' outputs; with `norm_first` a final norm comes after.

    Args:
        config: settings; None for the defaults.
    """

    Config: ClassVar[type[Wav2Vec2Config]] = Wav2Vec2Config

    def __init__(self, config: Wav2Vec2Config | None = None) -> None:
        super().__init__()
        self.config = config = config or Wav2Vec2Config()
        self.front = Front(config.filters, config.kernels, config.strides, config.norm)
        self.latent_norm = nn.LayerNorm(config.filters, eps=EPS)
        self.project = nn.Linear(config.filters, config.width)
        self.mask_token = nn.Parameter(torch.empty(config.width))
        self.positions = ConvPositions(config.width, config.position_kernel, config.position_groups)
        self.norm = nn.LayerNorm(config.width, eps=EPS)
        self.blocks = nn.ModuleList(
            Block(config.width, config.heads, config.mlp_ratio, norm_first=config.norm_first)
            for _ in range(config.depth)
        )
        hop, field = reach(config.kernels, config.strides)
        self.features = FrameFeatures(
            config.rate, hop, field, config.targets, normalise=config.normalise_targets
        )
        self.preprocessing = Preprocessing(
            rate=config.rate, shortest=field, frames=Frames(hop=hop, middle=field // 2)
        )
        self.spec = EncoderSpec(
            modality="audio",
            width=config.width,
            tokens="dense",
            mask_modes=frozenset({"replace"}),
            layers=config.depth,
            target_width=self.features.width,
            latent_width=config.filters,
            preprocessing=self.preprocessing,
        )
        self._initialise()

    def _initialise(self) -> None:
        for module in self.modules():
            if isinstance(module, nn.Linear):
                nn.init.xavier_uniform_(module.weight)
                nn.init.zeros_(module.bias)
        nn.init.uniform_(self.mask_token)

    def no_weight_decay(self) -> frozenset[str]:
        """What is no weight of a linear map."""
        return frozenset({"mask_token", "positions.length"})

    def exports(self) -> Mapping[str, Callable[[Path], None]]:
        """`transformers`, see `tacit_audio.export`."""
        from tacit_audio.export import export_wav2vec2

        return {"transformers": partial(export_wav2vec2, self)}

    def tokenize(self, value: Sound) -> Tokens:
        """Projected frames, without positions; zero where a row is padding.

        Raises:
            ValueError: another rate, other channels, or a clip with no room for a frame.
        """
        self.preprocessing.check(value)
        wave = loudness_normalised(value) if self.config.normalise else value.silenced()[:, 0]
        frames, valid = self.front(wave.to(self.project.weight.dtype), value.lengths)
        latents = self.latent_norm(frames)
        values = self.project(latents)
        if valid is not None:
            values = values.masked_fill(~valid[..., None], 0.0)
        energy = frames.float().square().mean(2)
        return Tokens(values=values, valid=valid, latents=latents, energy=energy)

    def token_targets(self, value: Sound) -> Float[Tensor, "batch tokens features"]:
        """MFCCs or log-mel values around the middle of every frame."""
        self.preprocessing.check(value)
        tokens, valid = places(self.front.shapes, value.wave.shape[2], value.lengths)
        features: Tensor = self.features(value, tokens, valid)
        return features

    def forward(
        self, value: Sound | Tokens, *, mask: Mask | None = None, taps: Sequence[int] = ()
    ) -> Encoding:
        """Encode recordings, or tokens made by `tokenize`.

        Raises:
            ValueError: recordings that do not fit, a mask of another shape or mode, or taps
                outside the layers.
        """
        self.check_mask(mask)
        self.check_taps(taps)
        tokens = value if isinstance(value, Tokens) else self.tokenize(value)
        if mask is not None:
            mask.check(*tokens.values.shape[:2])
        mixed = masking.replaced(tokens, mask, self.mask_token)
        mixed = mixed + self.positions(mixed)
        if not self.config.norm_first:
            mixed = self.norm(mixed)
        look = masking.attended(tokens.valid)
        layers: dict[int, Tensor] = {}
        for number, block in enumerate(self.blocks, start=1):
            mixed = block(mixed, look)
            if number in taps:
                layers[number] = mixed
        if self.config.norm_first:
            mixed = self.norm(mixed)
        pooled = mean_there(mixed, tokens.valid)
        return Encoding(pooled=pooled, tokens=mixed, valid=tokens.valid, layers=layers)
