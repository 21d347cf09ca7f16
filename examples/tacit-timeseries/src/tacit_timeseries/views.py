"""Views of series: a crop stretched to full length, other gains, noise, silent channels.

Source: Um et al., Data Augmentation of Wearable Sensor Data for Parkinson's Disease Monitoring
using Convolutional Neural Networks (ICMI 2017, arXiv 1706.00527), section 3: jittering, scaling and
cropping. Differs: gains act about a channel's mean, so that an offset (gravity, a reference
voltage) stays; noise is relative to a channel's own deviation, so that one setting fits volts and
microvolts. Silent channels stand for electrodes that have come off.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Bool, Float
from torch import Generator, Tensor

from tacit.contract import Augmentation, View


@dataclass(frozen=True, kw_only=True)
class ChangesConfig:
    """Settings of the views.

    Args:
        crop: the shortest crop, as a share of a series; 1 keeps all of it.
        scale: deviation of a channel's gain about 1.
        noise: deviation of the noise, in deviations of the channel.
        silent: probability that a channel is held at its mean.

    Raises:
        ValueError: a crop outside (0, 1], a `silent` outside [0, 1), or negative deviations.
    """

    crop: float = 0.5
    scale: float = 0.2
    noise: float = 0.1
    silent: float = 0.1

    def __post_init__(self) -> None:
        if not 0 < self.crop <= 1:
            raise ValueError(f"crop: wanted a share in (0, 1]; got {self.crop}")
        if not 0 <= self.silent < 1:
            raise ValueError(f"silent: wanted a probability in [0, 1); got {self.silent}")
        for name in ("scale", "noise"):
            if (deviation := getattr(self, name)) < 0:
                raise ValueError(f"{name}: wanted 0 or more; got {deviation}")


@dataclass(frozen=True, kw_only=True)
class MaskedConfig(ChangesConfig):
    """Settings of the view to be masked: long crops, and no other change.

    What is hidden is predicted as it is seen, so noise would be part of the target.
    """

    crop: float = 0.8
    scale: float = 0.0
    noise: float = 0.0
    silent: float = 0.0


class TwoViews(Augmentation):
    """Two copies, each changed on its own.

    `meta` has of each instance its `crop` (begin and end, shares of the series), `scale` (the gain
    of each channel) and `silent` (the channels that are).
    """

    Config = ChangesConfig
    roles: tuple[str, ...] = ("view", "view")
    meta = frozenset({"crop", "scale", "silent"})

    def __init__(self, config: ChangesConfig) -> None:
        self.config = config

    def __call__(
        self, value: Float[Tensor, "batch channels time"], generator: Generator
    ) -> tuple[View, ...]:
        """The views of a batch."""
        return tuple(self.view(value, generator) for _ in self.roles)

    def view(self, value: Float[Tensor, "batch channels time"], generator: Generator) -> View:
        """One of them."""
        at: dict[str, Any] = {
            "generator": generator,
            "device": value.device,
            "dtype": value.dtype,
        }
        width = self.config.crop + (1 - self.config.crop) * torch.rand(len(value), **at)
        begin = (1 - width) * torch.rand(len(value), **at)
        crop = torch.stack([begin, begin + width], dim=1)
        gain = 1 + self.config.scale * torch.randn(value.shape[:2], **at)
        silent = torch.rand(value.shape[:2], **at) < self.config.silent
        noise = self.config.noise * torch.randn(value.shape, **at)
        changed = _changed(stretch(value, crop), gain, noise, silent)
        return View(value=changed, meta={"crop": crop, "scale": gain, "silent": silent})


class Masked(TwoViews):
    """One copy, for objectives that hide parts of it."""

    Config = MaskedConfig
    roles = ("view",)


def stretch(
    value: Float[Tensor, "batch channels time"], crop: Float[Tensor, "batch 2"]
) -> Float[Tensor, "batch channels time"]:
    """Each instance's crop at full length again, linear between moments.

    Args:
        value: series.
        crop: begin and end of each, shares of the series in [0, 1].
    """
    last = value.shape[2] - 1
    steps = torch.linspace(0, 1, last + 1, device=value.device, dtype=value.dtype)
    begin, end = crop[:, :1], crop[:, 1:]
    place = (last * (begin + (end - begin) * steps)).clamp(0, last)
    low = place.floor().long()
    high = (low + 1).clamp_max(last)
    before, after = (at[:, None].expand_as(value) for at in (low, high))
    return torch.lerp(value.gather(2, before), value.gather(2, after), (place - low)[:, None])


def _changed(
    value: Float[Tensor, "batch channels time"],
    gain: Float[Tensor, "batch channels"],
    noise: Float[Tensor, "batch channels time"],
    silent: Bool[Tensor, "batch channels"],
) -> Float[Tensor, "batch channels time"]:
    mean = value.mean(2, keepdim=True)
    about = value - mean
    deviation = about.square().mean(2, keepdim=True).sqrt()
    heard = mean + gain[..., None] * about + deviation * noise
    return torch.where(silent[..., None], mean, heard)
