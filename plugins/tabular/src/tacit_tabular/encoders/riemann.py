"""A number as a choice among bins: what a label may be, and how likely each value is."""

from __future__ import annotations

import math

import torch
from jaxtyping import Bool, Float
from torch import Tensor
from torch.nn import functional

from tacit.contract import TokenTarget
from tacit.functional import global_mean
from tacit_tabular.problems import Problems


class Riemann(TokenTarget):
    """A density over the numbers: flat within each bin, half of a normal in the first and last.

    One score a bin says how likely it is. The bins are equally likely under a normal distribution
    of mean 0; the tails begin where it leaves the outermost bins, and have the mean that it has
    there. The error of an answer is minus the log density of the label.

    Source: Müller et al. 2022 (arXiv:2112.10510), section 4, "Riemann distribution", and appendix E
    for the tails; automl/TransformersCanDoBayesianInference, bar_distribution.py. Where we differ:
    bins come from a normal distribution in closed form, where the authors' come from labels drawn;
    tails have its mean, where half of the authors' lies within the outermost bin.

    Args:
        bins: how many; at least 3.
        scale: deviation of the normal distribution, that of the labels before anything is known.
    """

    edges: Tensor

    def __init__(self, bins: int, scale: float = 1.0) -> None:
        super().__init__()
        self.width = bins
        shares = torch.arange(1, bins, dtype=torch.float64) / bins
        normal = math.sqrt(2) * torch.erfinv(2 * shares - 1)
        self.register_buffer("edges", (scale * normal).float(), persistent=False)
        last = float(normal[-1])
        height = math.exp(-0.5 * last**2) / math.sqrt(2 * math.pi)
        self.tail = scale * (bins * height - last)  # the mean of a tail, from where it begins

    def forward(self, value: Problems) -> Float[Tensor, "problems rows"]:
        """The labels; NaN where there is none."""
        return value.labels

    def error(
        self,
        prediction: Float[Tensor, "problems rows bins"],
        target: Float[Tensor, "problems rows"],
        hidden: Bool[Tensor, "problems rows"],
    ) -> Float[Tensor, ""]:
        """Minus the mean log density of the labels asked for; those that are not known are not."""
        counts = hidden & ~target.isnan()
        each = self.log_density(prediction, target.nan_to_num(0.0))
        return global_mean(-each.where(counts, 0.0).sum(), counts.sum())

    def log_density(
        self, scores: Float[Tensor, "*rows bins"], labels: Float[Tensor, "*rows"]
    ) -> Float[Tensor, "*rows"]:
        """The log density at each label."""
        labels = labels.float().contiguous()
        at = torch.searchsorted(self.edges, labels)
        chosen = scores.float().log_softmax(-1).gather(-1, at[..., None]).squeeze(-1)
        below, above = self.edges[0] - labels, labels - self.edges[-1]
        beyond = torch.maximum(below, above).clamp(min=0)  # how far out in a tail, else 0
        spread = self._spread
        tail = 0.5 * math.log(2 / math.pi) - math.log(spread) - 0.5 * (beyond / spread).square()
        inner = (at - 1).clamp(0, self.width - 3)
        flat = -self.edges.diff().log()[inner]
        outside = (at == 0) | (at == self.width - 1)
        return chosen + torch.where(outside, tail, flat)

    def mean(self, scores: Float[Tensor, "*rows bins"]) -> Float[Tensor, "*rows"]:
        """The mean of the density."""
        return scores.float().softmax(-1) @ self._centres()

    def deviation(self, scores: Float[Tensor, "*rows bins"]) -> Float[Tensor, "*rows"]:
        """The standard deviation of the density."""
        likely, centres = scores.float().softmax(-1), self._centres()
        own = functional.pad(self.edges.diff().square() / 12, (1, 1))
        own[0] = own[-1] = self._spread**2 - self.tail**2
        mean = likely @ centres
        return (likely @ (own + centres.square()) - mean.square()).clamp(min=0).sqrt()

    @property
    def _spread(self) -> float:
        """The scale of a half-normal of the tail's mean."""
        return self.tail * math.sqrt(math.pi / 2)

    def _centres(self) -> Float[Tensor, " bins"]:
        """The mean of each bin."""
        inner = (self.edges[:-1] + self.edges[1:]) / 2
        first, last = self.edges[:1] - self.tail, self.edges[-1:] + self.tail
        return torch.cat([first, inner, last])
