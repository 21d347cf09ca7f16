"""How evenly the codes of a product quantiser are used."""

from __future__ import annotations

from typing import NamedTuple

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from tacit.functional.collectives import all_reduce_sum
from tacit.functional.precision import full, no_autocast

_FLOOR = 1e-12


class CodeDiversity(NamedTuple):
    """The loss, and what it is made of.

    Attributes:
        loss: 0 where all codes of every group are equally likely on average, nearly 1 where one
            of each group is all there is.
        perplexity: codes in use, of all groups together: from the number of groups to that of all
            codes.
    """

    loss: Float[Tensor, ""]
    perplexity: Float[Tensor, ""]


def code_diversity(
    scores: Float[Tensor, "*tokens groups codes"], hidden: Bool[Tensor, "*tokens"]
) -> CodeDiversity:
    """The share of codes that tokens leave unused, by the entropy of their mean probabilities.

    Args:
        scores: of every code of every group, before the softmax, without noise.
        hidden: the tokens that count. Where none does, on any rank, codes count as evenly used.

    Source: Baevski et al. 2020 (arXiv 2006.11477) eq. 4 as fairseq's `wav2vec2.py` computes it:
        the number of codes less their perplexity, over that number. Differs: the mean is over the
        hidden tokens of all ranks.
    """
    with no_autocast(scores):
        groups, codes = scores.shape[-2:]
        weight = hidden[..., None, None].to(full(scores).dtype)
        total = (full(scores).softmax(-1) * weight).flatten(0, -3).sum(0)
        sums = all_reduce_sum(torch.cat([total.flatten(), weight.sum()[None]]))
        count = sums[-1].detach()
        mean = sums[:-1].view(groups, codes) / count.clamp(min=1)
        # A code without probability adds nothing, and has a slope all the same.
        entropy = -(mean * mean.clamp_min(_FLOOR).log()).sum(-1)
        perplexity = torch.where(count > 0, entropy.exp().sum(), float(groups * codes))
        return CodeDiversity(1 - perplexity / (groups * codes), perplexity.detach())
