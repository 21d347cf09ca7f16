"""What sentence embeddings are measured by: similarity judged by people, retrieval, isotropy."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.nn import functional

from tacit.contract import Encoder
from tacit.evaluation.embed import device_of, evaluation_mode
from tacit_text.texts import Texts


@torch.no_grad()
def embed_texts(
    encoder: Encoder, texts: tuple[str, ...] | list[str], *, batch: int = 256
) -> Float[Tensor, "texts width"]:
    """Pooled vectors, in evaluation mode, on the encoder's device."""
    if not texts:
        raise ValueError("text: wanted at least one text to embed; got none")
    with evaluation_mode(encoder):
        parts = [
            encoder(Texts(tuple(texts[at : at + batch]))).pooled.float()
            for at in range(0, len(texts), batch)
        ]
    return torch.cat(parts).to(device_of(encoder))


@dataclass(frozen=True, kw_only=True)
class Similarity:
    """How near embeddings are to judgements of similarity.

    Attributes:
        spearman: rank correlation of cosine and judgement, in [-1, 1].
        anisotropy: mean cosine of texts that have nothing to do with each other; 0 where vectors
            point in all directions alike, near 1 where all point the same way.
        clipped: the rank correlation after the features that stand out are set to 0.
        outliers: how many those are.
    """

    spearman: float
    anisotropy: float
    clipped: float
    outliers: int


def similarity(
    first: Float[Tensor, "pairs width"],
    second: Float[Tensor, "pairs width"],
    scores: Float[Tensor, " pairs"],
    *,
    deviations: float = 3.0,
) -> Similarity:
    """Compare the cosines of pairs with scores, as STS does.

    Args:
        first: embeddings of the first texts.
        second: of the second ones.
        scores: judgements, on any scale.
        deviations: a feature stands out where its mean lies this many deviations from the mean of
            all features' means.

    Raises:
        ValueError: fewer than 2 pairs.

    Source: Cer et al. 2017 (arXiv 1708.00055); Luo et al. 2021 (arXiv 2011.04393) sections 3 and 5
        for features that stand out and for clipping. Differs: of pooled vectors, not of words.
    """
    if len(scores) < 2:
        raise ValueError(f"similarity: wanted at least 2 pairs; got {len(scores)}")
    everything = torch.cat([first, second])
    standing_out = outlier_features(everything, deviations=deviations)
    kept = (~standing_out).to(first.dtype)
    return Similarity(
        spearman=spearman(functional.cosine_similarity(first, second), scores),
        anisotropy=anisotropy(everything),
        clipped=spearman(functional.cosine_similarity(first * kept, second * kept), scores),
        outliers=int(standing_out.sum()),
    )


def outlier_features(
    embeddings: Float[Tensor, "texts width"], *, deviations: float = 3.0
) -> Tensor:
    """Which features have a mean far from those of the others."""
    means = embeddings.mean(0)
    standing_out: Tensor = (means - means.mean()).abs() > deviations * means.std()
    return standing_out


def anisotropy(embeddings: Float[Tensor, "texts width"]) -> float:
    """The mean cosine over all pairs of different texts, exactly and without their matrix."""
    unit = functional.normalize(embeddings, dim=1)
    count = len(unit)
    total = unit.sum(0).square().sum() - unit.square().sum()
    return float(total / (count * (count - 1)))


def spearman(a: Float[Tensor, " pairs"], b: Float[Tensor, " pairs"]) -> float:
    """The correlation of ranks; equal values share their mean rank."""
    both = torch.stack([_ranks(a), _ranks(b)])
    return float(torch.corrcoef(both)[0, 1])


def retrieval(
    queries: Float[Tensor, "queries width"],
    documents: Float[Tensor, "documents width"],
    relevant: Int[Tensor, " queries"],
) -> dict[str, float]:
    """Find one document for each query by cosine: recall at 1 and 10, mean reciprocal rank."""
    near = functional.normalize(queries, dim=1) @ functional.normalize(documents, dim=1).T
    wanted = near.gather(1, relevant[:, None])
    rank = (near > wanted).sum(1) + 1
    return {
        "recall@1": float((rank <= 1).double().mean()),
        "recall@10": float((rank <= 10).double().mean()),
        "mrr": float((1 / rank.double()).mean()),
    }


def _ranks(values: Tensor) -> Tensor:
    _, place, count = torch.unique(values, return_inverse=True, return_counts=True)
    ranks: Tensor = count.cumsum(0) - (count - 1) / 2
    return ranks[place].double()
