"""Triplets: what is near and far by one set of features is to be near and far by another."""

from __future__ import annotations

from typing import NamedTuple

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from tacit.functional.collectives import gather_rows, global_mean, rank
from tacit.functional.precision import full, no_autocast, unit

_CHUNK = 256


class Mined(NamedTuple):
    """Positives and negatives of each row, as rows of all ranks.

    Attributes:
        positive: nearest first.
        negative: of the far part.
        counts: which of the positives are near indeed, and of rows that take part.
    """

    positive: Int[Tensor, "batch near"]
    negative: Int[Tensor, "batch negatives"]
    counts: Bool[Tensor, "batch near"]


class Triplets(NamedTuple):
    """What triplets cost.

    Attributes:
        loss: the mean over the triplets of all ranks, the same on every rank.
        active: share of triplets that are not yet apart by the margin, in [0, 1].
    """

    loss: Float[Tensor, ""]
    active: Float[Tensor, ""]


@torch.no_grad()
def mine_triplets(
    guide: Float[Tensor, "batch features"],
    drawn: Float[Tensor, "batch negatives"],
    *,
    near: int,
    far: float,
    there: Bool[Tensor, " batch"] | None = None,
) -> Mined:
    """For each row the nearest of all ranks' by a guide, and some of the farthest, drawn.

    Distances are Euclidean. No row is its own positive, and those of the far part are none.
    Memory is linear in the batch.

    Args:
        guide: features that say what is near; of the same instances as the embeddings.
        drawn: numbers in [0, 1) that say which of the far part are taken.
        near: positives of a row.
        far: share of the other rows, the farthest, that negatives are drawn from; above 0, at
            most 1.
        there: rows that take part, as anchors and as others; None: all.

    Raises:
        ValueError: not one other row, or settings out of range.
    """
    known = gather_rows(full(guide))
    others = len(known) - 1
    if not 1 <= near <= others or not 0 < far <= 1:
        raise ValueError(
            f"near, far: wanted 1 to {others} of a batch of {len(known)}, and above 0, at most 1; "
            f"got {near} and {far}"
        )
    present = torch.ones(len(guide), dtype=torch.bool, device=guide.device)
    own = present if there is None else there
    every = gather_rows(own)
    number = every.sum() - 1
    first = ((1 - far) * number).ceil()  # of the far part, counted from the nearest
    first = torch.minimum(first, number - 1).clamp(min=0)
    at = (first + drawn * (number - first)).floor().long().clamp(min=0, max=others)
    start, positive, negative = rank() * len(guide), [], []
    for rows in torch.arange(len(guide), device=guide.device).split(_CHUNK):
        order = _order(full(guide)[rows], known, every, rows + start)
        positive.append(order[:, :near])
        negative.append(order.gather(1, at[rows]))
    ranks = torch.arange(near, device=guide.device)
    counts = (ranks < first.clamp(min=1)) & (ranks < number) & own[:, None]
    return Mined(torch.cat(positive), torch.cat(negative), counts)


def triplet_margin(
    embeddings: Float[Tensor, "batch width"], mined: Mined, *, margin: float
) -> Triplets:
    """Each row is to be nearer to its positives than to its negatives, by a margin.

    `mean max(0, |a - p|^2 - |a - n|^2 + margin)` over all pairs of a row's positives and negatives,
    embeddings on the sphere, so that squared distances lie in [0, 4]. Memory is linear in the
    batch.

    Args:
        embeddings: of this rank's instances; those of all ranks are positives and negatives.
        mined: see `mine_triplets`.
        margin: above 0.

    Source: Schroff et al. 2015 (arXiv 1503.03832) eq. 1 to 3 (the loss); Zuern et al. 2019 (arXiv
        1912.03227) section III (triplets of one modality by features of another). Differs: means
        over several positives and negatives of a row.
    """
    with no_autocast(embeddings):
        own = unit(full(embeddings))
        every = gather_rows(own)
        # On the sphere a squared distance is 2 - 2 cos, and the twos of both cancel.
        close = torch.einsum("bw,bpw->bp", own, every[mined.positive])
        apart = torch.einsum("bw,bnw->bn", own, every[mined.negative])
        excess = (margin + 2 * apart[:, None] - 2 * close[:, :, None]).clamp(min=0)
        weight = mined.counts[:, :, None].to(excess).expand_as(excess)
        count = weight.sum()
        loss = global_mean((weight * excess).sum(), count)
        active = global_mean((weight * (excess > 0)).sum().detach(), count)
        return Triplets(loss, active)


def _order(
    guide: Float[Tensor, "rows features"],
    known: Float[Tensor, "all features"],
    there: Bool[Tensor, " all"],
    own: Int[Tensor, " rows"],
) -> Int[Tensor, "rows all"]:
    """All rows by distance, those that take no part and each row itself last."""
    away = torch.cdist(guide, known, compute_mode="donot_use_mm_for_euclid_dist")
    away = away.masked_fill(~there, torch.inf)
    return away.scatter(1, own[:, None], torch.inf).argsort(dim=1, stable=True)
