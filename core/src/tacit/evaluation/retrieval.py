"""Retrieval across modalities, and how two of them lie to each other in the space they share."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.nn import functional

_CHUNK = 1024


@dataclass(frozen=True, kw_only=True)
class Retrieval:
    """How well each query finds its own among candidates.

    Attributes:
        recall: by k, the share of queries whose own is among the k nearest, in [0, 1].
        median_rank: of a query's own; 1 is the best.
        candidates: how many there were.
    """

    recall: dict[int, float]
    median_rank: float
    candidates: int


def retrieve(
    queries: Float[Tensor, "instances width"],
    candidates: Float[Tensor, "instances width"],
    *,
    ks: Sequence[int] = (1, 5, 10),
) -> Retrieval:
    """Find each query's own candidate, the one in its row, by cosine similarity.

    A candidate that is as similar as the query's own counts as nearer, so that embeddings which
    are all alike find nothing.

    Args:
        queries: embeddings of one modality.
        candidates: of the other, row by row the same instances.
        ks: numbers of nearest candidates; those above their number are left out.

    Raises:
        ValueError: no instance, or unlike numbers of rows.
    """
    if queries.shape != candidates.shape or not len(queries):
        raise ValueError(
            "retrieval: wanted rows of the same instances and one width; got "
            f"{tuple(queries.shape)} and {tuple(candidates.shape)}"
        )
    ranks = own_ranks(queries, candidates)
    return Retrieval(
        recall={k: float((ranks <= k).float().mean()) for k in ks if k <= len(queries)},
        median_rank=float(ranks.float().median()),
        candidates=len(queries),
    )


def chance(candidates: int, *, ks: Sequence[int] = (1, 5, 10)) -> Retrieval:
    """What a random order of the candidates finds."""
    return Retrieval(
        recall={k: k / candidates for k in ks if k <= candidates},
        median_rank=(candidates + 1) / 2,
        candidates=candidates,
    )


def own_ranks(
    queries: Float[Tensor, "instances width"], candidates: Float[Tensor, "instances width"]
) -> Int[Tensor, " instances"]:
    """The rank of each query's own candidate, from 1, in memory linear in their number."""
    a, b = functional.normalize(queries.double()), functional.normalize(candidates.double())
    ranks = []
    for start in range(0, len(a), _CHUNK):
        scores = a[start : start + _CHUNK] @ b.T
        own = torch.arange(start, start + len(scores), device=scores.device)
        ranks.append((scores >= scores.gather(1, own[:, None])).sum(1))
    return torch.cat(ranks)


def modality_gap(a: Float[Tensor, "instances width"], b: Float[Tensor, "instances width"]) -> float:
    """The distance between the centres of two modalities' embeddings on the sphere, in [0, 2].

    Source: Liang et al. 2022 (arXiv 2203.02053) section 2: what a contrast leaves between
        modalities although it pulls their members together.
    """
    centres = [functional.normalize(each.double()).mean(0) for each in (a, b)]
    return float((centres[0] - centres[1]).norm())


def classify(
    embeddings: Float[Tensor, "instances width"],
    prompts: Float[Tensor, "prompts width"],
    classes: Int[Tensor, " prompts"],
) -> Int[Tensor, " instances"]:
    """The class of each instance: the one whose prompts' mean direction is nearest.

    The prompts are embeddings of another modality that stand for classes: sentences about them, or
    members of labelled pairs (prototypes). With several a class their directions are averaged.

    Args:
        embeddings: of the instances.
        prompts: one or more a class.
        classes: the class of each prompt, from 0; one without any is never answered.

    Source: Radford et al. 2021 (arXiv 2103.00020) section 3.1.4 (prompts averaged in the space of
        embeddings).
    """
    classes = classes.to(prompts.device)
    known = classes.bincount() > 0
    directions = functional.normalize(prompts.double())
    centres = directions.new_zeros(len(known), prompts.shape[1]).index_add_(0, classes, directions)
    scores = functional.normalize(embeddings.double()) @ functional.normalize(centres).T
    return scores.masked_fill(~known, -torch.inf).argmax(1)
