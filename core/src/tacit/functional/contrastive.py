"""InfoNCE, once, for every contrastive method: memory grows with the batch, not with its square."""

from __future__ import annotations

from typing import NamedTuple

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from tacit.functional.chunks import Plan, sum_over_anchors
from tacit.functional.collectives import gather_rows, global_mean, rank
from tacit.functional.pairs import Columns, MaskRows, Pairs
from tacit.functional.precision import full, no_autocast, unit

CHUNK = 512
"""Anchors at a time: at 8192 keys a block takes 16 MB, and larger ones are not faster."""


class Contrast(NamedTuple):
    """What a contrastive loss found; `anchors` and `accuracy` carry no gradient.

    Attributes:
        loss: the weighted mean over the anchors of all ranks, the same on every rank.
        anchors: the loss of each anchor of this rank, 0 for those left out.
        accuracy: share of the anchors of all ranks whose most similar key is one of its positives,
            in [0, 1]: chance is about 1 / keys, and 1 says that the task has become too easy.
    """

    loss: Float[Tensor, ""]
    anchors: Float[Tensor, " batch"]
    accuracy: Float[Tensor, ""]


def info_nce(
    queries: Float[Tensor, "batch width"],
    keys: Float[Tensor, "rows width"],
    *,
    temperature: float | Float[Tensor, ""] | Float[Tensor, " batch"],
    positives: Pairs | None = None,
    exclude: Pairs | None = None,
    weights: Float[Tensor, " batch"] | None = None,
    negatives: Float[Tensor, "extra width"] | None = None,
    decoupled: bool = False,
    normalise: bool = True,
    gather: bool = True,
    chunk: int | None = CHUNK,
) -> Contrast:
    """Tell each query's own keys from all others: cross-entropy over similarities.

    For an anchor with positives P and candidates A (all keys and extra negatives but the excluded),
    `loss = log sum_{a in A} exp(s_a) - mean_{p in P} s_p`, `s = query . key / temperature`.
    An anchor without a positive, or without any candidate, is left out of the mean.

    Args:
        queries: the anchors, of any floating dtype; the loss is computed in float32 at least.
        keys: what they are compared with; positives and negatives of every other rank included.
        temperature: above 0, in units of the similarity; one for all, or one for each anchor.
            A tensor gets its gradient.
        positives: the pairs to find (see `tacit.functional.pairs`), as `Columns`, `Groups`, a mask
            over the keys of all ranks, or a function giving rows of one. Positive numbers instead
            of booleans weigh an anchor's positives against each other. None: key i belongs to
            query i.
        exclude: pairs that are neither positive nor negative, in the same forms: an anchor itself,
            or suspected false negatives. Exclusion wins over `positives`.
        weights: how much each anchor counts, at least 0, without gradient. None: 1 each.
        negatives: further keys, never positive and never excluded, such as a queue; they are used
            as this rank holds them and not gathered.
        decoupled: leave the positives out of the candidates (DCL).
        normalise: scale queries, keys and negatives to length 1 first.
        gather: compare with the keys of every rank. False compares with this rank's keys alone,
            which is another objective, with fewer negatives.
        chunk: anchors at a time. None keeps the whole matrix of scores and lets autograd
            differentiate it: quadratic memory, needed only to differentiate twice.

    Returns:
        the loss with its per-anchor values and top-1 accuracy.

    Raises:
        ValueError: no or negative temperature; `positives` left out with unequal numbers of queries
            and keys, or of another shape; weights, of anchors or pairs, that want a gradient;
            `chunk` below 1; ranks with different numbers of keys.

    Source: van den Oord et al. 2018 (arXiv 1807.03748) eq. 4; several positives as the "outer" mean
        of Khosla et al. 2020 (arXiv 2004.11362) eq. 2; `decoupled` as Yeh et al. 2022
        (arXiv 2110.06848) eq. 6. Differs: several positives stay in each other's denominator, as
        in Khosla, whereas `decoupled` takes out all of an anchor's positives at once.
    """
    _check(queries, keys, temperature, positives, weights, chunk)
    with no_autocast(queries):
        prepare = _unit if normalise else full
        own = prepare(queries)
        every = own if keys is queries else prepare(keys)
        candidates = gather_rows(every) if gather else every
        anchors = _divide(own, temperature) if isinstance(temperature, Tensor) else own
        extra = None if negatives is None else prepare(negatives)
        plan = Plan(
            positives=_first_keys(queries) if positives is None else positives,
            exclude=exclude,
            decoupled=decoupled,
            chunk=chunk,
            gather=gather,
            offset=rank() * len(keys) if gather else 0,
            columns=len(candidates),
            scale=1.0 if isinstance(temperature, Tensor) else 1 / temperature,
        ).resolved()
        weight = anchors.new_ones(len(anchors)) if weights is None else full(weights)
        found = sum_over_anchors(anchors, candidates, extra, weight, plan)
        return Contrast(
            loss=global_mean(found.total, (weight * found.present).sum()),
            anchors=found.losses,
            accuracy=global_mean(found.hits.to(weight.dtype).sum(), found.present.sum()),
        )


def nt_xent(
    a: Float[Tensor, "batch width"],
    b: Float[Tensor, "batch width"],
    temperature: float | Float[Tensor, ""] | Float[Tensor, " batch"],
    *,
    decoupled: bool = False,
    normalise: bool = True,
    there: Bool[Tensor, " batch"] | None = None,
    chunk: int | None = CHUNK,
) -> Contrast:
    """SimCLR's loss: among the 2 N - 1 other embeddings of all ranks, find one's other view.

    Args:
        a: embeddings of the first views.
        b: embeddings of the second views, row by row the same instances.
        temperature: above 0; SimCLR's best are 0.1 for large data and 0.5 for CIFAR-10. One for
            each instance serves both its views.
        decoupled: DCL, as in `info_nce`.
        normalise: scale the embeddings to length 1 first.
        there: the instances that take part, as anchors and as keys; None: all.
        chunk: as in `info_nce`.

    Returns:
        the loss with, for the `2 * batch` anchors (first views, then second), values and accuracy.

    Raises:
        ValueError: as in `info_nce`.

    Source: Chen et al. 2020 (arXiv 2002.05709) eq. 1 and algorithm 1: the mean over 2 N anchors.
        The authors' code (google-research/simclr, objective.py) adds up the means of the two
        halves, twice this value; it hides the anchor itself by subtracting 1e9.
    """
    with no_autocast(a):
        rows = torch.cat([full(a), full(b)])
        rows = unit(rows) if normalise else rows
        itself = torch.arange(len(rows), device=rows.device)
        if isinstance(temperature, Tensor) and temperature.ndim:
            temperature = torch.cat([temperature, temperature])
        return info_nce(
            rows,
            rows,
            temperature=temperature,
            positives=Columns(itself.roll(len(a))),
            exclude=Columns(itself) if there is None else _itself_or_missing(there),
            weights=None if there is None else there.to(rows.dtype).repeat(2),
            decoupled=decoupled,
            normalise=False,
            chunk=chunk,
        )


def _itself_or_missing(there: Bool[Tensor, " batch"]) -> MaskRows:
    """Of the two views of all ranks, those of missing instances, and each anchor itself."""
    missing = gather_rows((~there).to(torch.uint8).repeat(2)) != 0
    offset = rank() * 2 * len(there)

    def rows(start: int, stop: int) -> Tensor:
        anchors = torch.arange(start, stop, device=missing.device)
        columns = torch.arange(len(missing), device=missing.device)
        return missing | (columns == (anchors + offset)[:, None])

    return rows


def _unit(x: Tensor) -> Tensor:
    return unit(full(x))


def _divide(anchors: Tensor, temperature: Tensor) -> Tensor:
    return anchors / full(temperature).reshape(-1, 1)  # one for each anchor, or one for all


def _first_keys(queries: Tensor) -> Columns:
    return Columns(torch.arange(len(queries), device=queries.device))


def _check(
    queries: Tensor,
    keys: Tensor,
    temperature: float | Tensor,
    positives: Pairs | None,
    weights: Tensor | None,
    chunk: int | None,
) -> None:
    if not isinstance(temperature, Tensor) and temperature <= 0:
        raise ValueError(f"temperature must be above 0, got {temperature}; common are 0.05 to 0.5")
    if positives is None and len(queries) != len(keys):
        raise ValueError(
            f"got {len(queries)} queries and {len(keys)} keys: without `positives` key i belongs "
            "to query i, so pass as many keys, or `positives=Columns(...)` or `Groups(...)`"
        )
    if any(isinstance(x, Tensor) and x.requires_grad for x in (weights, positives)):
        raise ValueError(
            "the weights of anchors and of pairs get no gradient, but want one: pass `.detach()` "
            "of them"
        )
    if chunk is not None and chunk < 1:
        raise ValueError(f"chunk must be at least 1 anchor, or None for all at once, got {chunk}")
