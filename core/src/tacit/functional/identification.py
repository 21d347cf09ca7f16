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
    drawn: Int[Tensor, "batch tokens distractors"] | None = None,
    alike: Int[Tensor, "*tokens"] | None = None,
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
        drawn: dense tokens only: the places in its row of each token's distractors, in place of
            all hidden ones; see `draw_within`. One drawn twice counts twice.
        alike: tokens with the same number are no distractors of each other, as their targets are
            one and the same.

    Raises:
        ValueError: a temperature of 0 or less, packed tokens without owners, or with some drawn.

    Source: Trinh et al. 2019 (arXiv 1906.02940) section 3.1, "a cross entropy loss over the
        distractors sampled from the same input": inner products, no temperature. Baevski et al.
        2020 (arXiv 2006.11477) eq. 3: cosines over a temperature of 0.1, 100 distractors drawn,
        equal ones left out, as transformers' `Wav2Vec2ForPreTraining` has it.
    """
    if temperature <= 0:
        raise ValueError(f"temperature: wanted more than 0; got {temperature}")
    if prediction.ndim == 2 and owner is None:
        raise ValueError("packed tokens: wanted the owner of each; without, nobody knows whose")
    if drawn is not None and owner is not None:
        raise ValueError("packed tokens: distractors are not drawn; all hidden ones are taken")
    with no_autocast(prediction):
        asked, found = full(prediction), full(target)
        if normalise:
            asked, found = unit(asked), unit(found)
        scores = asked @ found.transpose(-1, -2) / temperature
        rivals = _rivals(hidden, owner, alike)
        if drawn is None:
            own = torch.eye(scores.shape[-1], dtype=torch.bool, device=scores.device)
            # A token that does not count still has itself, so that no row is without a rival.
            others = scores.masked_fill(~(rivals | own), -torch.inf)
        else:
            others = _taken(scores, rivals, drawn)
        right = scores.diagonal(dim1=-2, dim2=-1)
        error = others.logsumexp(-1) - right
        return global_mean((error * hidden).sum(), hidden.sum())


def draw_within(
    hidden: Bool[Tensor, "batch tokens"], number: int, generator: torch.Generator
) -> Int[Tensor, "batch tokens distractors"]:
    """For every token, places of other hidden tokens of its row, drawn evenly and with repetition.

    A row's only hidden token draws itself, which `contrast_within` leaves out.

    Args:
        hidden: which are drawn from.
        number: of distractors, at least 1.
        generator: the source of randomness.

    Raises:
        ValueError: no distractor is wanted.

    Source: Baevski et al. 2020 (arXiv 2006.11477) section 3.2; fairseq `sample_negatives`.
    """
    if number < 1:
        raise ValueError(f"distractors: wanted at least 1; got {number}")
    count = hidden.sum(1)[:, None, None]
    draw = torch.rand(*hidden.shape, number, generator=generator, device=hidden.device)
    # Of a hidden token's own row there is one fewer to draw: what lies behind it moves up.
    inside = hidden[..., None].long()
    rank = (draw * (count - inside)).long().minimum((count - inside - 1).clamp(min=0))
    own = (hidden.cumsum(1) - 1)[..., None]
    rank = rank + inside * (rank >= own)
    order = torch.argsort(hidden.to(torch.uint8), dim=1, descending=True, stable=True)
    rank = rank.clamp(max=hidden.shape[1] - 1).minimum((count - 1).clamp(min=0))
    return order.gather(1, rank.flatten(1)).view(rank.shape)


def _rivals(
    hidden: Bool[Tensor, "*tokens"],
    owner: Int[Tensor, " tokens"] | None,
    alike: Int[Tensor, "*tokens"] | None,
) -> Bool[Tensor, "*pairs"]:
    """Which tokens may be distractors of which."""
    rivals = hidden[..., None, :]
    if owner is not None:
        rivals = rivals & (owner[:, None] == owner[None, :])
    if alike is not None:
        rivals = rivals & (alike[..., :, None] != alike[..., None, :])
    return rivals


def _taken(
    scores: Float[Tensor, "batch tokens tokens"],
    rivals: Bool[Tensor, "batch some tokens"],
    drawn: Int[Tensor, "batch tokens distractors"],
) -> Float[Tensor, "batch tokens candidates"]:
    """The score of each token's own target, then those of what was drawn for it."""
    itself = torch.arange(scores.shape[1], device=scores.device)[:, None]
    fit = rivals.expand_as(scores).gather(2, drawn) & (drawn != itself)
    taken = scores.gather(2, drawn).masked_fill(~fit, -torch.inf)
    return torch.cat([scores.diagonal(dim1=1, dim2=2)[..., None], taken], dim=2)
