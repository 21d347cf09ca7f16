"""Nearest neighbours by cosine similarity: retrieval, and the kNN probe."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.nn import functional


@dataclass(frozen=True, kw_only=True)
class KnnConfig:
    """Settings of the kNN probe.

    Attributes:
        neighbours: how many vote. 20 is what DINO found best; data sets of few classes are
            often quoted with 200.
        temperature: a neighbour votes with exp(similarity / temperature). 0.07 as in both papers;
            another temperature gives scores that do not compare.
        chunk: queries compared at a time. Changes memory (chunk x bank), not the result.
    """

    neighbours: int = 20
    temperature: float = 0.07
    chunk: int = 1024

    def __post_init__(self) -> None:
        if self.neighbours < 1 or self.chunk < 1 or self.temperature <= 0:
            raise ValueError(f"wanted positive settings, got {self}")


@dataclass(frozen=True, kw_only=True)
class Neighbours:
    """The nearest rows of a bank for every query, nearest first.

    Attributes:
        index: positions in the bank.
        similarity: cosine, in [-1, 1]; 0 with a zero vector, which has no direction.
    """

    index: Int[Tensor, "queries neighbours"]
    similarity: Float[Tensor, "queries neighbours"]


def nearest(
    bank: Float[Tensor, "bank width"],
    queries: Float[Tensor, "queries width"] | None = None,
    *,
    count: int,
    chunk: int = 1024,
) -> Neighbours:
    """Find the most similar rows of the bank, exactly.

    Args:
        bank: embeddings to search in.
        queries: embeddings to search for, or None for those of the bank themselves, each searched
            among all the others (leave one out).
        count: how many to find.
        chunk: queries compared at a time.

    Raises:
        ValueError: if the bank holds fewer than `count` candidates.
    """
    candidates = len(bank) - (queries is None)
    if not 1 <= count <= candidates:
        raise ValueError(f"wanted 1 to {candidates} neighbours from this bank, got {count}")
    directions = functional.normalize(bank, dim=1)
    sought = directions if queries is None else functional.normalize(queries.to(bank), dim=1)
    found = []
    for first in range(0, len(sought), chunk):
        similarity = sought[first : first + chunk] @ directions.T
        if queries is None:
            # Row i of this chunk is bank row first + i: the diagonal that starts at `first`.
            similarity.diagonal(first).fill_(-torch.inf)
        found.append(similarity.topk(count, dim=1))
    return Neighbours(
        index=torch.cat([top.indices for top in found]),
        similarity=torch.cat([top.values for top in found]),
    )


def knn_votes(
    found: Neighbours, labels: Int[Tensor, " bank"], *, classes: int, temperature: float
) -> Float[Tensor, "queries classes"]:
    """Add up the neighbours' votes for each class, exp(similarity / temperature) each.

    All votes of a query are scaled by its nearest neighbour's, so that they cannot overflow.

    Source: Wu et al. 2018, "Unsupervised Feature Learning via Non-Parametric Instance
        Discrimination", section 3.4; DINO (Caron et al. 2021), appendix F.1.
    """
    weight = _vote_weights(found, temperature)
    votes = weight.new_zeros(len(weight), classes)
    # scatter_add, because one-hot votes are (queries x neighbours, classes) large.
    return votes.scatter_add_(1, labels.to(weight.device)[found.index].long(), weight)


def knn_predict(
    bank: Float[Tensor, "bank width"],
    labels: Int[Tensor, " bank"],
    queries: Float[Tensor, "queries width"] | None = None,
    *,
    classes: int | None = None,
    config: KnnConfig | None = None,
) -> Int[Tensor, " predictions"]:
    """Name the class with the most votes among the nearest neighbours.

    Args:
        bank: embeddings of the training set.
        labels: their classes, in [0, classes).
        queries: embeddings to classify, or None to classify those of the bank, each by the
            others (leave one out).
        classes: how many classes there are; None counts them from the labels.
        config: settings.

    Raises:
        ValueError: if the bank holds fewer candidates than `neighbours`.
    """
    config = config or KnnConfig()
    found = nearest(bank, queries, count=config.neighbours, chunk=config.chunk)
    classes = int(labels.max()) + 1 if classes is None else classes
    votes = knn_votes(found, labels, classes=classes, temperature=config.temperature)
    return votes.argmax(1)


def knn_regress(
    bank: Float[Tensor, "bank width"],
    labels: Float[Tensor, "bank targets"],
    queries: Float[Tensor, "queries width"] | None = None,
    *,
    config: KnnConfig | None = None,
) -> Float[Tensor, "predictions targets"]:
    """Average the numbers of the nearest neighbours, weighted as `knn_predict` weights votes."""
    config = config or KnnConfig()
    found = nearest(bank, queries, count=config.neighbours, chunk=config.chunk)
    weight = _vote_weights(found, config.temperature)
    weight = weight / weight.sum(1, keepdim=True)
    return torch.einsum("qk,qkt->qt", weight, labels.to(weight)[found.index])


def _vote_weights(found: Neighbours, temperature: float) -> Float[Tensor, "queries neighbours"]:
    return ((found.similarity - found.similarity[:, :1]) / temperature).exp()
