"""A small convolutional network over a log-mel spectrogram, blind to padding.

Source: Niizumi et al. 2021, BYOL-A, arXiv:2103.06695, section III-C, and nttcslab/byol-a,
`AudioNTT2020` (read): three convolutions with pooling, two layers on every frame, then mean plus
maximum over time. Where we differ: every position is normalised over its channels in place of batch
norm, whose statistics padding and other clips would enter; padding is set to zero before every
convolution.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Literal

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn

from tacit.contract import Encoder, EncoderSpec, Encoding, Mask, Tokens
from tacit_audio.features.mel import LogMel, LogMelConfig
from tacit_audio.modality import Frames, Preprocessing
from tacit_audio.sound import Sound, mean_there


@dataclass(frozen=True, kw_only=True)
class CnnConfig:
    """Settings of the network; the defaults train on two cores.

    Args:
        rate: samples a second.
        channels: of the recordings.
        mels: bands of the spectrogram.
        hop: seconds from frame to frame.
        filters: of every convolution.
        stages: convolutions, each of which halves time and bands.
        width: features of a frame and of the pooled vector. BYOL-A has 512 to 2048.
        normalise: of the spectrogram, see `LogMelConfig`.

    Raises:
        ValueError: numbers below 1.
    """

    rate: int = 16_000
    channels: int = 1
    mels: int = 64
    hop: float = 0.010
    filters: int = 32
    stages: int = 3
    width: int = 256
    normalise: Literal["clip", "bin", "none"] = "clip"

    def __post_init__(self) -> None:
        for name in ("channels", "filters", "stages", "width"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name}: wanted at least 1; got {getattr(self, name)}")

    def spectrogram(self) -> LogMelConfig:
        """The settings of the spectrogram beneath."""
        return LogMelConfig(rate=self.rate, mels=self.mels, hop=self.hop, normalise=self.normalise)

    def times(self) -> Frames:
        """When its tokens are."""
        hop, frames = self.spectrogram().hop_samples, 2**self.stages
        return Frames(hop=frames * hop, middle=(frames - 1) * hop // 2)


class Stage(nn.Module):
    """A 3 x 3 convolution, a norm over channels, ReLU, and the maximum of 2 x 2."""

    def __init__(self, before: int, after: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(before, after, 3, padding=1)
        self.norm = nn.LayerNorm(after)
        self.pool = nn.MaxPool2d(2, ceil_mode=True)

    def forward(
        self,
        planes: Float[Tensor, "batch before freq time"],
        valid: Bool[Tensor, "batch time"] | None,
    ) -> Float[Tensor, "batch after lower shorter"]:
        """Half of the frames, rounded up; what is padding comes out as zero."""
        deep = self.norm(self.conv(planes).permute(0, 2, 3, 1)).permute(0, 3, 1, 2)
        pooled: Tensor = self.pool(_zeroed(torch.relu(deep), valid))
        return pooled


def _zeroed(
    planes: Float[Tensor, "batch channels freq time"], valid: Bool[Tensor, "batch time"] | None
) -> Float[Tensor, "batch channels freq time"]:
    return planes if valid is None else planes * valid[:, None, None].to(planes.dtype)


class Cnn(Encoder):
    """Small convolutional network; its tokens are frames, and it takes no masks.

    Args:
        config: settings; None for the defaults.
    """

    Config: ClassVar[type[CnnConfig]] = CnnConfig

    def __init__(self, config: CnnConfig | None = None) -> None:
        super().__init__()
        self.config = config = config or CnnConfig()
        self.preprocessing = Preprocessing(
            rate=config.rate, channels=config.channels, frames=config.times()
        )
        self.spec = EncoderSpec(
            modality="audio",
            width=config.width,
            tokens="dense",
            preprocessing=self.preprocessing,
        )
        self.spectrogram = LogMel(config.spectrogram())
        widths = [config.channels, *[config.filters] * config.stages]
        self.stages = nn.ModuleList(
            Stage(before, after) for before, after in itertools.pairwise(widths)
        )
        bands = math.ceil(config.mels / 2**config.stages)
        self.frame = nn.Sequential(
            nn.Linear(config.filters * bands, config.width),
            nn.ReLU(),
            nn.Linear(config.width, config.width),
            nn.ReLU(),
        )

    def tokenize(self, value: Sound) -> Tokens:
        """One token a frame, `2 ** stages` hops long.

        Raises:
            ValueError: another rate or other channels.
        """
        self.preprocessing.check(value)
        planes, valid = self.spectrogram(value)
        planes = planes.to(self.frame[0].weight.dtype)
        for stage in self.stages:
            planes = stage(planes, valid)
            valid = None if valid is None else valid[:, ::2]
        return Tokens(values=self.frame(planes.permute(0, 3, 1, 2).flatten(2)), valid=valid)

    def forward(
        self, value: Sound | Tokens, *, mask: Mask | None = None, taps: Sequence[int] = ()
    ) -> Encoding:
        """Mean plus maximum over the frames of each clip.

        Raises:
            ValueError: a mask or taps, which it has not, or recordings that do not fit.
        """
        self.check_mask(mask)
        self.check_taps(taps)
        tokens = value if isinstance(value, Tokens) else self.tokenize(value)
        frames, valid = tokens.values, tokens.valid
        # Frames are not negative, so zeros for padding change no maximum.
        there = frames if valid is None else frames * valid[..., None].to(frames.dtype)
        pooled = mean_there(frames, valid) + there.amax(1)
        return Encoding(pooled=pooled, tokens=frames, valid=valid)
