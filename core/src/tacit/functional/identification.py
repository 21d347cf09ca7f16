"""Losses that ask which one: which code a hidden token had, or which of its kind it was.

Tokens are dense or packed, and the means those of `tacit.functional.regression`: over the hidden
tokens of all ranks.
"""

from __future__ import annotations

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from tacit.functional.collectives import global_mean
from tacit.functional.precision import full, no_autocast, unit


def masked_cross_entropy(
    logits: Float[Tensor, "*tokens codes"],
    codes: Int[Tensor, "*tokens"],
    hidden: Bool[Tensor, "*tokens"],
) -> Float[Tensor, ""]:
    """Mean over hidden tokens of the negative log probability of their codes.

    Args:
        logits: what the decoder answers, for every token.
        codes: which code each token had, 0 to `codes` - 1; anything where the token is not hidden.
        hidden: true where the token was hidden and counts. 0 is returned where none was.

    Source: Devlin et al. 2019 (arXiv 1810.04805) section 3.1; Bao et al. 2022 (arXiv 2106.08254)
        eq. 2.
    """
    with no_autocast(logits):
        # Codes that do not count may be anything, such as the -1 of padding.
        asked = torch.where(hidden, codes, 0).long()
        error = -full(logits).log_softmax(-1).gather(-1, asked[..., None]).squeeze(-1)
        return global_mean((error * hidden).sum(), hidden.sum())


def contrast_within(
    prediction: Float[Tensor, "*tokens width"],
    target: Float[Tensor, "*tokens width"],
    hidden: Bool[Tensor, "*tokens"],
    owner: Int[Tensor, " tokens"] | None = None,
    *,
    temperature: float = 1.0,
    normalise: bool = False,
) -> Float[Tensor, ""]:
    """Each prediction is to find its own token among the hidden tokens of the same instance.

    Args:
        prediction: what the decoder answers, for every token.
        target: an embedding of what was there; a gradient may flow into it.
        hidden: true where the token was hidden and counts. 0 is returned where none was.
        owner: packed tokens only: the instance each token belongs to. Memory then grows with the
            square of all tokens.
        temperature: inner products are divided by it; above 0.
        normalise: whether vectors are brought to length 1 first.

    Raises:
        ValueError: a temperature of 0 or less, or packed tokens without owners.

    Source: Trinh et al. 2019 (arXiv 1906.02940) section 3.1, "a cross entropy loss over the
        distractors sampled from the same input": inner products, no temperature. Baevski et al.
        2020 (arXiv 2006.11477) eq. 3 has cosines over a temperature of 0.1; its distractors are
        drawn, here they are all hidden tokens.
    """
    if temperature <= 0:
        raise ValueError(f"temperature: wanted more than 0; got {temperature}")
    if prediction.ndim == 2 and owner is None:
        raise ValueError("packed tokens: wanted the owner of each; without, nobody knows whose")
    with no_autocast(prediction):
        asked, found = full(prediction), full(target)
        if normalise:
            asked, found = unit(asked), unit(found)
        scores = asked @ found.transpose(-1, -2) / temperature
        rivals = hidden[..., None, :]
        if owner is not None:
            rivals = rivals & (owner[:, None] == owner[None, :])
        own = torch.eye(scores.shape[-1], dtype=torch.bool, device=scores.device)
        # A token that does not count still has itself, so that no row is without a rival.
        scores = scores.masked_fill(~(rivals | own), -torch.inf)
        error = -scores.log_softmax(-1).diagonal(dim1=-2, dim2=-1)
        return global_mean((error * hidden).sum(), hidden.sum())
