"""Features for the frames of a network that cuts samples itself: what its tokens sound like.

Frame `t` of a network that hops `hop` samples and sees `field` of them is centred on sample
`t * hop + field // 2`; so are these features, one for every token.
"""

from __future__ import annotations

import math
from functools import lru_cache
from typing import Literal, TypeAlias

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn
from torch.nn import functional

from tacit_audio.features.deltas import deltas
from tacit_audio.features.mel import EPS, LogMel, LogMelConfig
from tacit_audio.features.mfcc import Mfcc
from tacit_audio.sound import Sound, mean_there, within

FrameKind: TypeAlias = Literal["mfcc", "log-mel"]
"""`mfcc`: 13 coefficients with their first and second differences, 39 numbers, as HuBERT's first
clusters have them. `log-mel`: 40 bands."""

COEFFICIENTS, BANDS = 13, 40


class Aligned(nn.Module):
    """Frames of a spectrogram, one centred on the middle of every token; it has no weights.

    Args:
        plain: from recordings to a spectrogram of one frame every `hop` samples.
        hop: samples from token to token.
        middle: of the first token, in samples.
    """

    def __init__(self, plain: nn.Module, hop: int, middle: int) -> None:
        super().__init__()
        self.plain, self.hop = plain, hop
        # Zeros before the clip, so that one frame in `skipped` is centred on the first token.
        self.skipped = math.ceil(middle / hop)
        self.lead = self.skipped * hop - middle

    def forward(self, sound: Sound, tokens: int) -> Float[Tensor, "batch tokens features"]:
        """The frames of the first so many tokens, channels averaged."""
        # The middle of the last token may lie beyond the clip, where patches are filled up.
        behind = (self.skipped + tokens) * self.hop - self.lead - sound.wave.shape[2]
        wave = functional.pad(sound.silenced().float(), (self.lead, max(self.hop, behind)))
        values, _ = self.plain(Sound(wave=wave, rate=sound.rate))
        rows: Tensor = values.mean(1).transpose(1, 2)[:, self.skipped : self.skipped + tokens]
        return rows


class FrameFeatures(nn.Module):
    """MFCCs or log-mel values, a row for every token of a network; it has no weights.

    Args:
        rate: samples a second.
        hop: samples from token to token.
        field: samples a token sees, the window of a frame.
        kind: see `FrameKind`.
        normalise: give every feature mean 0 and variance 1 over each clip, which takes away what
            does not change within it: the microphone and the loudness, but also a held pitch.

    Source: Hsu et al. 2021, HuBERT, arXiv:2106.07447, section IV-B: 39 numbers every 10 ms. Where
    we differ: they are made at the tokens' own rate, slopes included, and can be normalised.
    """

    def __init__(
        self, rate: int, hop: int, field: int, kind: FrameKind = "mfcc", *, normalise: bool = True
    ) -> None:
        super().__init__()
        config = LogMelConfig(
            rate=rate, mels=BANDS, window=field / rate, hop=hop / rate, normalise="none"
        )
        self.kind, self.normalise = kind, normalise
        plain = Mfcc(config, COEFFICIENTS) if kind == "mfcc" else LogMel(config)
        self.rows = Aligned(plain, hop, field // 2)
        self.width = 3 * COEFFICIENTS if kind == "mfcc" else BANDS

    def forward(
        self, sound: Sound, tokens: int, valid: Bool[Tensor, "batch tokens"] | None
    ) -> Float[Tensor, "batch tokens features"]:
        """Features of the first so many tokens of each clip, zero where one is padding."""
        with torch.autocast(sound.wave.device.type, enabled=False):
            rows: Tensor = self.rows(sound, tokens)
            if self.kind == "mfcc":
                slope = deltas(rows, valid)
                rows = torch.cat([rows, slope, deltas(slope, valid)], dim=2)
            if self.normalise:
                rows = rows - mean_there(rows, valid)[:, None]
                rows = rows * (mean_there(rows.square(), valid)[:, None] + EPS).rsqrt()
            return rows if valid is None else rows.masked_fill(~valid[..., None], 0.0)


def plain_frames(
    sound: Sound, hop: int, middle: int, tokens: int
) -> Float[Tensor, "batch tokens features"]:
    """40 log-mel values of each token with their first and second differences, 120 numbers.

    What any pretraining must beat frame by frame; of pitch they know more than 20 MFCCs do, which
    are a part of their cosine transform. Windows are as long as the hop, at least 25 ms.

    Args:
        sound: recordings.
        hop: samples from token to token.
        middle: of the first, in samples.
        tokens: of each recording, padding included.
    """
    level = _plain(sound.rate, hop, middle).to(sound.wave.device)(sound, tokens)
    valid = None
    if sound.lengths is not None:
        frames = (sound.lengths - middle).clamp(min=0).div(hop, rounding_mode="floor") + 1
        valid = within(frames, tokens)
    slope = deltas(level, valid)
    return torch.cat([level, slope, deltas(slope, valid)], dim=2)


@lru_cache(maxsize=8)
def _plain(rate: int, hop: int, middle: int) -> Aligned:
    window = max(hop / rate, 0.025)
    config = LogMelConfig(rate=rate, mels=BANDS, window=window, hop=hop / rate, normalise="none")
    return Aligned(LogMel(config), hop, middle)
