"""A view as it is, and the same view with noise."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Generator, Tensor

from tacit.contract import Augmentation, View
from tacit_vision.views.policies import MaskedConfig, make_view, meta_keys


@dataclass(frozen=True, kw_only=True)
class NoisyConfig(MaskedConfig):
    """Settings of :class:`Noisy`.

    Args:
        noise: standard deviation, of pixels in [0, 1].

    Raises:
        ValueError: no noise.
    """

    noise: float = 0.25

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.noise <= 0:
            raise ValueError(f"noise: wanted above 0; got {self.noise}: for none take Masked")


class Noisy(Augmentation):
    """A lightly augmented view, and a copy of it with Gaussian noise.

    Takes uint8 images (batch, 1 or 3, height, width), all of one size; makes two float32 views with
    roles ``clean`` and ``noisy``, whose ``meta`` holds ``crop`` and ``flip``. Noise is not cut off
    at black and white.

    Source: Alain and Bengio 2014 (arXiv 1211.4246) section 2.2.
    """

    Config = NoisyConfig
    roles = ("clean", "noisy")

    def __init__(self, config: NoisyConfig | None = None) -> None:
        self.config = config or NoisyConfig()
        self.meta = meta_keys((self.config.recipe(),))

    def __call__(self, value: Tensor, generator: Generator) -> tuple[View, ...]:
        """The two views of a batch; the generator lives on the batch's device."""
        clean = make_view(self.config.recipe(), value, generator, "clean")
        drawn = torch.randn(clean.value.shape, generator=generator, device=value.device)
        noisy = clean.value + self.config.noise * drawn
        return clean, View(value=noisy, meta=clean.meta, role="noisy")
