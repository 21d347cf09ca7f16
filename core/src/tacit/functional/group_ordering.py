"""Contrast by sorting: every positive is to come before the hardest negatives."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor

from tacit.functional.collectives import gather_rows, global_mean, rank
from tacit.functional.contrastive import CHUNK
from tacit.functional.pairs import lowest
from tacit.functional.precision import full, no_autocast, unit
from tacit.functional.sorting import soft_ranks


def group_ordering(
    views: Sequence[Float[Tensor, "batch width"]],
    *,
    negatives: int = 10,
    steepness: float = 10.0,
    chunk: int = CHUNK,
) -> Float[Tensor, ""]:
    """GroCo's loss: how wrongly positives and the nearest negatives of an anchor are sorted.

    The cosines of an anchor to its other views and to the `negatives` nearest other instances of
    its own view are sorted in their groups, then together by a differentiable network; the loss is
    the binary cross-entropy of the share that each lands in its own group's ranks, in the mean.
    Gradients flow through the anchor alone.

    Args:
        views: embeddings of two or more views, row by row the same instances.
        negatives: how many of the nearest, at least 1; the paper's 10. Fewer where all ranks
            together hold fewer others.
        steepness: of the comparisons, see `soft_ranks`.
        chunk: anchors at a time while neighbours are sought.

    Raises:
        ValueError: fewer than 2 views or than 2 instances over all ranks, or no negatives.

    Source: Shvetsova et al. 2023 (arXiv 2301.02009) eq. 6 to 9; ninatu/learning_by_sorting,
        losses/groco.py. Differs: the cross-entropy is of the two groups' shares themselves, where
        the code clips one minus a share; comparisons are not rescaled by how unlike two values
        are (diffsort's `art_lambda`).
    """
    if len(views) < 2:
        raise ValueError(f"views: wanted at least 2; got {len(views)}")
    if negatives < 1:
        raise ValueError(f"negatives: wanted at least 1; got {negatives}")
    with no_autocast(views[0]):
        rows = [unit(full(view)) for view in views]
        losses = [_one_view(rows, own, negatives, steepness, chunk) for own in range(len(rows))]
        return torch.stack(losses).mean()


def _one_view(
    rows: Sequence[Tensor], own: int, negatives: int, steepness: float, chunk: int
) -> Tensor:
    anchors = rows[own]
    others = torch.stack([x.detach() for i, x in enumerate(rows) if i != own], 1)
    alike = (others @ anchors[..., None]).squeeze(-1).sort(1, descending=True).values
    near = _nearest(anchors.detach(), negatives, chunk)
    unlike = (near @ anchors[..., None]).squeeze(-1)  # near comes sorted
    ranks = soft_ranks(torch.cat([alike, unlike], 1), steepness=steepness)
    count = alike.shape[1]
    right = torch.cat([ranks[:, :count, :count].sum(1), ranks[:, count:, count:].sum(1)], 1)
    floor = torch.finfo(right.dtype).tiny
    losses = -right.clamp_min(floor).log().mean(1)
    return global_mean(losses.sum(), len(losses))


def _nearest(
    anchors: Float[Tensor, "batch width"], count: int, chunk: int
) -> Float[Tensor, "batch count_ width"]:
    """The most alike other instances of all ranks, nearest first."""
    keys = gather_rows(anchors)
    if len(keys) < 2:
        raise ValueError("batch: wanted at least 2 instances over all processes; got 1")
    itself = torch.arange(len(anchors), device=anchors.device) + rank() * len(anchors)
    found = []
    for part, mine in zip(anchors.split(chunk), itself.split(chunk), strict=True):
        scores = part @ keys.T
        scores.scatter_(1, mine[:, None], lowest(scores))
        found.append(scores.topk(min(count, len(keys) - 1), dim=1).indices)
    return keys[torch.cat(found)]
