"""What targets say of themselves and of predictions: whether codes are used, features spread."""

from __future__ import annotations

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from tacit.functional import all_reduce_sum
from tacit.functional.precision import full
from tacit.nn.target import Target


class Judged(Target):
    """A target that notes in each step what is to be said of it and of predictions."""

    def __init__(self) -> None:
        super().__init__()
        self._metrics: dict[str, Tensor] = {}

    def metrics(self) -> dict[str, Float[Tensor, ""]]:
        """What `judge` noted."""
        return self._metrics


class JudgedFeatures(Judged):
    """A target that is features of a network, and says whether they have become all alike.

    Deviations are over hidden tokens, of all features together: near 0 where they collapsed.
    """

    @torch.no_grad()
    def judge(
        self,
        predicted: Float[Tensor, "*tokens width"],
        content: Float[Tensor, "*tokens width"],
        hidden: Bool[Tensor, "*tokens"],
    ) -> None:
        """Note how far targets and predictions spread, over all processes."""
        self._metrics = {
            "target_deviation": deviation(content, hidden),
            "predicted_deviation": deviation(predicted, hidden),
        }


def deviation(
    features: Float[Tensor, "*tokens width"], counts: Bool[Tensor, "*tokens"]
) -> Float[Tensor, ""]:
    """Root of the mean variance of the features over the tokens that count."""
    weight = counts.flatten()[:, None].float()
    rows = full(features).flatten(0, -2).float()
    parts = [(weight * rows).sum(0), (weight * rows.square()).sum(0), weight.sum(0)]
    sums: Tensor = all_reduce_sum(torch.cat(parts))
    mean, square = (sums[:-1] / sums[-1].clamp(min=1)).chunk(2)
    variance: Tensor = (square - mean.square()).clamp(min=0)
    return variance.mean().sqrt()


class JudgedCodes(Judged):
    """A target that is codes, and says whether they are worth predicting and are predicted.

    Of hidden tokens: how many codes were right, how many are the commonest, how many are in use. A
    prediction is worth something where `accuracy` is above `majority`; codes are where
    `code_perplexity` is well above 1.
    """

    codes = True

    @torch.no_grad()
    def judge(
        self,
        predicted: Float[Tensor, "*tokens codes"],
        content: Int[Tensor, "*tokens"],
        hidden: Bool[Tensor, "*tokens"],
    ) -> None:
        """Note how many codes were right, and how evenly they occur, on all processes."""
        weight = hidden.flatten().float()
        right = (predicted.argmax(-1) == content).flatten() * weight
        counts = weight.new_zeros(self.width).index_add_(0, content.flatten(), weight)
        sums = all_reduce_sum(torch.cat([counts, right.sum()[None]]))
        share = sums / sums[:-1].sum().clamp(min=1)
        self._metrics = {
            "accuracy": share[-1],
            "majority": share[:-1].max(),
            "code_perplexity": perplexity(share[:-1]),
        }


def perplexity(share: Float[Tensor, " codes"]) -> Float[Tensor, ""]:
    """How many codes in equal use would be as uncertain."""
    entropy = -torch.special.xlogy(share, share).sum()
    return torch.exp(entropy)
