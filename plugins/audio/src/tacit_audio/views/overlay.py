"""Snippets of other clips of the batch, laid over a clip at random places."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import torch
from jaxtyping import Bool, Float
from torch import Generator, Tensor

from tacit.contract import Augmentation, Scope, View
from tacit_audio.sound import Sound, within
from tacit_audio.views.config import CropConfig
from tacit_audio.views.draws import chance, uniform
from tacit_audio.views.time import crop


@dataclass(frozen=True, kw_only=True)
class CleanAndMixedConfig(CropConfig):
    """Settings of `CleanAndMixed`; the defaults are MERT's.

    Args:
        share: the whole clip, if not said otherwise.
        probability: of a clip that something is laid over it.
        most: snippets laid over it; from 1 to so many, all numbers alike.
        snippet: shortest and longest snippet, seconds; at most as long as either clip.
        gain: least and greatest level of a snippet, dB, over what it has in its own clip.

    Raises:
        ValueError: a setting is out of its range; says which.
    """

    share: tuple[float, float] = (1.0, 1.0)
    probability: float = 0.5
    most: int = 3
    snippet: tuple[float, float] = (0.5, 1.0)
    gain: tuple[float, float] = (0.0, 0.0)

    def __post_init__(self) -> None:
        super().__post_init__()
        if not 0 < self.probability <= 1:
            raise ValueError(
                f"probability: wanted more than 0 and at most 1; got {self.probability}: without "
                "mixing take audio/masked"
            )
        if self.most < 1:
            raise ValueError(f"most: wanted at least 1 snippet; got {self.most}")
        if not 0 < self.snippet[0] <= self.snippet[1]:
            raise ValueError(f"snippet: wanted 0 < shortest <= longest; got {self.snippet}")
        if self.gain[0] > self.gain[1]:
            raise ValueError(f"gain: wanted least <= greatest; got {self.gain}")


class CleanAndMixed(Augmentation):
    """An excerpt of each clip twice: as it is (role `target`), and with others over it (`context`).

    What is heard over it is to be told apart from the clip itself: targets are made of the first
    view, and predicted from the second.

    `meta` holds `crop`, the same of both, and `mixed`: whether anything was laid over the clip.

    Args:
        config: settings; None for the defaults.

    Source: MERT, Li et al. 2023 (arXiv:2306.00107), section 3.3, in-batch noise mixture;
    yizhilll/MERT (read). Where we differ: snippets come from another clip of the batch for certain,
    and are no longer than it.
    """

    Config: ClassVar[type[CleanAndMixedConfig]] = CleanAndMixedConfig
    scope: ClassVar[Scope] = "batch"
    roles = ("target", "context")
    meta = frozenset({"crop", "mixed"})

    def __init__(self, config: CleanAndMixedConfig | None = None) -> None:
        self.config = config or CleanAndMixedConfig()

    def __call__(self, value: Sound, generator: Generator) -> tuple[View, ...]:
        """The views, the clean one first."""
        clean, where = crop(value, self.config, generator)
        mixed, chosen = overlaid(clean, self.config, generator)
        return (
            View(
                value=clean,
                role="target",
                meta={"crop": where, "mixed": torch.zeros_like(chosen)},
            ),
            View(value=mixed, role="context", meta={"crop": where, "mixed": chosen}),
        )


def overlaid(
    sound: Sound, config: CleanAndMixedConfig, generator: Generator
) -> tuple[Sound, Bool[Tensor, " batch"]]:
    """Each clip with snippets of others over it, or as it is; and which of them have any.

    In a batch of one there are no others, and it stays as it is.
    """
    batch = len(sound)
    if batch == 1:
        return sound, torch.zeros(1, dtype=torch.bool, device=sound.wave.device)
    chosen = chance(generator, batch, config.probability)
    number = (uniform(generator, (batch,)) * config.most).long() + 1
    wave, own = sound.silenced(), sound.silenced()
    for snippet in range(config.most):
        heard = (chosen & (snippet < number)).to(wave.dtype)
        wave = wave + heard[:, None, None] * _snippet(sound, own, config, generator)
    return Sound(wave=wave, rate=sound.rate, lengths=sound.lengths), chosen


def _snippet(
    sound: Sound,
    wave: Float[Tensor, "batch channels samples"],
    config: CleanAndMixedConfig,
    generator: Generator,
) -> Float[Tensor, "batch channels samples"]:
    """A snippet of another clip for each, where it is heard, and silence around it."""
    batch, _, samples = wave.shape
    draws = uniform(generator, (5, batch))
    ahead = 1 + (draws[0] * (batch - 1)).long()
    donor = (torch.arange(batch, device=wave.device) + ahead) % batch
    counts = sound.counts
    shortest, longest = (seconds * sound.rate for seconds in config.snippet)
    length = (shortest + draws[1] * (longest - shortest)).long()
    length = length.minimum(counts).minimum(counts[donor])
    start = (draws[2] * (counts[donor] - length + 1)).long()
    place = (draws[3] * (counts - length + 1)).long()
    since = torch.arange(samples, device=wave.device) - place[:, None]
    there = (since >= 0) & within(place + length, samples)
    taken = (since + start[:, None]).clamp(0, samples - 1)[:, None]
    found = wave[donor].gather(2, taken.expand(-1, wave.shape[1], -1))
    gain = 10 ** ((config.gain[0] + draws[4] * (config.gain[1] - config.gain[0])) / 20)
    return found * (there * gain[:, None])[:, None]
