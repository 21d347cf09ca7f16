"""Centre and scale features by the statistics of the part a probe is fitted on."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor


@dataclass(frozen=True, kw_only=True)
class Standardiser:
    """Per-feature mean and standard deviation; a constant feature has scale 1 and becomes 0."""

    mean: Float[Tensor, " width"]
    scale: Float[Tensor, " width"]

    def __call__(
        self, features: Float[Tensor, "instances width"]
    ) -> Float[Tensor, "instances width"]:
        """Return a centred and scaled copy, in the precision of the statistics."""
        return self.apply_(features.to(self.mean.dtype, copy=True))

    def apply_(
        self, features: Float[Tensor, "instances width"]
    ) -> Float[Tensor, "instances width"]:
        """Centre and scale in place, to spare a copy of a large matrix."""
        return features.sub_(self.mean).div_(self.scale)


def standardiser(features: Float[Tensor, "instances width"]) -> Standardiser:
    """Measure the statistics (population standard deviation) of the features to be fitted."""
    mean = features.mean(0)
    scale = features.std(0, correction=0)
    # Rounding leaves a constant column a spread of a few times its size times the precision.
    noise = mean.abs() * (8 * torch.finfo(features.dtype).eps)
    return Standardiser(mean=mean, scale=scale.masked_fill(scale <= noise, 1.0))
