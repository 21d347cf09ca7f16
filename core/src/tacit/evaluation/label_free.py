"""What embeddings tell without labels: RankMe, LiDAR, and whether they have collapsed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import torch
from jaxtyping import Float
from torch import Tensor

from tacit.evaluation.geometry import anisotropy
from tacit.functional.spectrum import effective_rank, normalised_deviation


def rankme(embeddings: Float[Tensor, "instances width"]) -> float:
    """Count smoothly how many dimensions the embeddings use; see `functional.effective_rank`.

    Bounded by the number of instances as well as by the width: compare only numbers taken on as
    many instances, several times the width.
    """
    return float(effective_rank(embeddings))


@torch.no_grad()
def lidar(
    views: Float[Tensor, "instances views width"], *, delta: float = 1e-4, eps: float = 1e-8
) -> float:
    """Effective rank of what separates instances, beside what varies among their own views.

    Unlike RankMe it does not count directions in which only the augmentation moves the embedding.

    Args:
        views: at least two views of at least two instances; the paper takes 1000 instances (more
            than the width does not help) and 50 views.
        delta: added to the within-instance covariance, the paper's 1e-4, to invert it.
        eps: added to each share of the eigenvalues, the paper's 1e-8.

    Raises:
        ValueError: for fewer than two instances or views.

    Source: Thilak et al. 2024 (arXiv 2312.04000), section 4. We differ: both covariances are the
        unbiased ones, so that few views do not understate what varies within an instance.
    """
    instances, count, width = views.shape
    if instances < 2 or count < 2:
        raise ValueError(
            f"wanted at least two views of two instances, got {count} views of {instances}"
        )
    x = views.double()
    centre = x.mean(1)
    between = centre - centre.mean(0)
    within = (x - centre[:, None]).reshape(-1, width)
    within_covariance = within.T @ within / (instances * (count - 1))
    within_covariance.diagonal().add_(delta)
    factor = torch.linalg.cholesky(within_covariance)
    # The eigenvalues of W^-1/2 B W^-1/2 are those of L^-1 B L^-T, where W = L L^T.
    separated = torch.linalg.solve_triangular(factor, between.T, upper=False)
    values = torch.linalg.eigvalsh(separated @ separated.T / (instances - 1)).clamp_min(0)
    total = values.sum()
    shares = values / torch.where(total > 0, total, 1.0) + eps
    return float((-(shares * shares.log()).sum()).exp())


@dataclass(frozen=True, kw_only=True)
class CollapseConfig:
    """When embeddings count as collapsed.

    Attributes:
        deviation: complete collapse below this normalised deviation (1 is healthy, 0 all alike).
            Working encoders lie between about 0.04 (pooled tokens share a large mean) and 1.
        rank: dimensional collapse below this effective rank of the centred embeddings. It asks
            for more than a line, whatever the width; a low rank alone is no fault where the data
            has few factors.
        share: dimensional collapse also below this share of the largest rank there could be.
    """

    deviation: float = 0.02
    rank: float = 2.0
    share: float = 0.01


@dataclass(frozen=True, kw_only=True)
class Collapse:
    """The verdict of `collapsed`, with the numbers behind it.

    Attributes:
        kind: `complete` (all embeddings point the same way), `dimensional` (they fill only a few
            of their dimensions), `none`, or `not finite`.
        deviation: normalised deviation, 1 healthy, 0 all alike.
        rank: effective rank of the centred embeddings.
        largest_rank: the most it could be, min(instances - 1, width).
        anisotropy: mean cosine similarity of two instances.
    """

    kind: Literal["none", "complete", "dimensional", "not finite"]
    deviation: float
    rank: float
    largest_rank: int
    anisotropy: float

    def __bool__(self) -> bool:
        return self.kind != "none"

    def __str__(self) -> str:
        verdict = "no collapse" if self.kind == "none" else f"collapse: {self.kind}"
        return (
            f"{verdict} (deviation {self.deviation:.3f} of 1, rank {self.rank:.1f} of "
            f"{self.largest_rank}, mean cosine {self.anisotropy:.3f})"
        )


def collapsed(
    embeddings: Float[Tensor, "instances width"], *, config: CollapseConfig | None = None
) -> Collapse:
    """Judge whether embeddings have collapsed; the verdict is true if they have.

    Args:
        embeddings: at least two, of different instances.
        config: the thresholds.

    Raises:
        ValueError: for fewer than two embeddings.
    """
    config = config or CollapseConfig()
    largest = min(len(embeddings) - 1, embeddings.shape[1])
    if not bool(embeddings.isfinite().all()):
        nan = float("nan")
        return Collapse(
            kind="not finite", deviation=nan, rank=nan, largest_rank=largest, anisotropy=nan
        )
    deviation = float(normalised_deviation(embeddings))
    rank = float(effective_rank(embeddings.double() - embeddings.double().mean(0)))
    kind: Literal["none", "complete", "dimensional"] = "none"
    if deviation < config.deviation:
        kind = "complete"
    elif rank < min(max(config.rank, config.share * largest), largest):
        kind = "dimensional"
    return Collapse(
        kind=kind,
        deviation=deviation,
        rank=rank,
        largest_rank=largest,
        anisotropy=anisotropy(embeddings),
    )
