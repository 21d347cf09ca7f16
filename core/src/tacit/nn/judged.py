"""How good predictions of codes are, and how evenly the codes occur."""

from __future__ import annotations

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from tacit.functional import all_reduce_sum
from tacit.nn.features import Target


class JudgedCodes(Target):
    """A target that is codes, and says whether they are worth predicting and are predicted."""

    codes = True

    def __init__(self) -> None:
        super().__init__()
        self._metrics: dict[str, Tensor] = {}

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

    def metrics(self) -> dict[str, Float[Tensor, ""]]:
        """Codes of hidden tokens: how many were right, how many the commonest, how many in use.

        A prediction is worth something where `accuracy` is above `majority`; codes are where
        `code_perplexity` is well above 1.
        """
        return self._metrics


def perplexity(share: Float[Tensor, " codes"]) -> Float[Tensor, ""]:
    """How many codes in equal use would be as uncertain."""
    entropy = -torch.special.xlogy(share, share).sum()
    return torch.exp(entropy)
