"""Two views whose images all have one style: that of one image of the batch."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import torch
from jaxtyping import Bool, Float, Int
from torch import Generator, Tensor

from tacit.contract import Augmentation, Scope, View
from tacit_vision.views.config import check_probability
from tacit_vision.views.draws import uniform
from tacit_vision.views.policies import TwoViewsConfig, make_view, meta_keys


@dataclass(frozen=True, kw_only=True)
class OneStyleConfig(TwoViewsConfig):
    """Settings of :class:`OneStyle`.

    Args:
        window: least and greatest share of the frequencies along each axis, from the lowest, whose
            strength is the reference's.
        strength: how far it is: 0 is each image's own, 1 the reference's.

    Raises:
        ValueError: a setting is out of its range; says which.
    """

    window: tuple[float, float] = (0.02, 0.1)
    strength: float = 1.0

    def __post_init__(self) -> None:
        super().__post_init__()
        if not 0 <= self.window[0] <= self.window[1] <= 1:
            raise ValueError(f"window: wanted 0 <= least <= greatest <= 1; got {self.window}")
        check_probability("strength", self.strength)


class OneStyle(Augmentation):
    """Two views, in each of which all images take the style of one of them, drawn for the view.

    Style is the amplitude of the lowest frequencies; phases stay. Then what tells instances apart
    is not their style, and needs no domain labels to be unlearnt.

    Takes uint8 images (batch, 1 or 3, height, width), all of one size; makes two float32 views with
    role ``global`` in [0, 1], whose ``meta`` is that of :class:`TwoViews` and ``reference``: whose
    style.

    Source: Scalbert et al. 2023 (arXiv 2303.06088) section 3. Where we differ: amplitudes are taken
    of augmented views and not of the images before.
    """

    Config = OneStyleConfig
    scope: ClassVar[Scope] = "batch"
    roles = ("global", "global")

    def __init__(self, config: OneStyleConfig | None = None) -> None:
        self.config = config or OneStyleConfig()
        if self.config.mean is not None:
            raise ValueError("mean and std: styles are those of pixels in [0, 1]; set them to none")
        self.meta = meta_keys(self.config.recipes()) | {"reference"}

    def __call__(self, value: Tensor, generator: Generator) -> tuple[View, ...]:
        """The two views of a batch; the generator lives on the batch's device."""
        made = []
        for recipe in self.config.recipes():
            plain = make_view(recipe, value, generator, "global")
            shape = (1,)
            which = torch.randint(len(value), shape, generator=generator, device=value.device)
            window = uniform(generator, shape, *self.config.window)
            styled = one_style(plain.value, which, window, self.config.strength).clamp(0, 1)
            meta = {**plain.meta, "reference": which.expand(len(value))}
            made.append(View(value=styled, meta=meta, role="global"))
        return tuple(made)


def one_style(
    images: Float[Tensor, "batch channels height width"],
    reference: Int[Tensor, " one"],
    window: Float[Tensor, " one"],
    strength: float,
) -> Float[Tensor, "batch channels height width"]:
    """Images with the amplitude of their lowest frequencies taken from one of them.

    Args:
        images: of one size.
        reference: which of them.
        window: share of the frequencies along each axis.
        strength: 0 keeps each image's own, 1 takes the reference's.
    """
    with torch.autocast(images.device.type, enabled=False):
        spectrum = torch.fft.fft2(images.float())
        size = spectrum.abs()
        wanted = torch.lerp(size, size[reference].expand_as(size), strength)
        low = lowest(images.shape[2], images.shape[3], window)
        # A frequency of no strength has no phase either: it keeps what it has, which is nothing.
        scale = torch.where(low & (size > 0), wanted / size.clamp_min(1e-12), 1.0)
        back: Tensor = torch.fft.ifft2(spectrum * scale).real
        return back


def lowest(height: int, width: int, window: Float[Tensor, " one"]) -> Bool[Tensor, "height width"]:
    """The frequencies within a share of the greatest along each axis; always the mean's."""
    down = torch.fft.fftfreq(height, device=window.device).abs() * 2
    across = torch.fft.fftfreq(width, device=window.device).abs() * 2
    low: Tensor = (down[:, None] <= window) & (across[None, :] <= window)
    return low
