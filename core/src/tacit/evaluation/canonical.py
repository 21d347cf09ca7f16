"""Linear canonical correlation analysis: the baseline that a learned pairing must beat."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

_LARGE = 4  # times as many rows and columns as components: then not all of them are computed


@dataclass(frozen=True, kw_only=True)
class CcaConfig:
    """Settings of the baseline.

    Args:
        components: principal components each modality is reduced to first, at most.
        directions: canonical directions kept, at most.
        ridge: added to each variance, as a share of their mean.

    Raises:
        ValueError: a setting out of its range.
    """

    components: int = 256
    directions: int = 128
    ridge: float = 0.1

    def __post_init__(self) -> None:
        if min(self.components, self.directions) < 1 or self.ridge < 0:
            raise ValueError(
                "components, directions, ridge: wanted at least 1, 1 and 0; got "
                f"{self.components}, {self.directions}, {self.ridge}"
            )


@dataclass(frozen=True, kw_only=True, eq=False)
class Cca:
    """Two linear maps into one space; see `fit_cca`.

    Attributes:
        first: centre and map of the first modality.
        second: of the second.
        correlations: of the directions, falling.
    """

    first: tuple[Tensor, Tensor]
    second: tuple[Tensor, Tensor]
    correlations: Float[Tensor, " directions"]

    def embed(
        self, a: Float[Tensor, "instances first"], b: Float[Tensor, "instances second"]
    ) -> tuple[Tensor, Tensor]:
        """Both modalities in the shared space, each direction weighed by its correlation."""
        return self.embed_first(a), self.embed_second(b)

    def embed_first(self, a: Float[Tensor, "instances first"]) -> Tensor:
        """The first modality alone."""
        centre, weights = self.first
        return (a.double() - centre) @ weights

    def embed_second(self, b: Float[Tensor, "instances second"]) -> Tensor:
        """The second modality alone."""
        centre, weights = self.second
        return (b.double() - centre) @ weights


def fit_cca(
    a: Float[Tensor, "instances first"],
    b: Float[Tensor, "instances second"],
    config: CcaConfig | None = None,
) -> Cca:
    """The directions of two modalities that correlate most, in float64.

    Each is reduced to its principal components and whitened with a ridge; the directions are the
    singular vectors of what is left of their covariance.

    Args:
        a: features of one modality.
        b: of the other, row by row the same instances.
        config: settings.

    Source: Hotelling 1936; the ridge as in Vinod 1976. Directions are weighed by their correlation
        as retrieval by regression would.
    """
    config = config or CcaConfig()
    first, second = _whiten(a.double(), config), _whiten(b.double(), config)
    cross = first[2].T @ second[2] / (len(a) - 1)
    u, correlations, vt = torch.linalg.svd(cross, full_matrices=False)
    kept = correlations[: config.directions]
    root = kept.clamp(max=1).sqrt()
    return Cca(
        first=(first[0], first[1] @ u[:, : len(kept)] * root),
        second=(second[0], second[1] @ vt.T[:, : len(kept)] * root),
        correlations=kept,
    )


def _whiten(x: Tensor, config: CcaConfig) -> tuple[Tensor, Tensor, Tensor]:
    """Centre, whitening map, and whitened rows."""
    centre = x.mean(0)
    rows = x - centre
    variance, directions = _components(rows, min(config.components, *rows.shape))
    kept = variance > 1e-10 * variance[0]
    variance, directions = variance[kept], directions[:, kept]
    weights = directions / (variance + config.ridge * variance.mean()).sqrt()
    return centre, weights, rows @ weights


def _components(rows: Tensor, count: int) -> tuple[Tensor, Tensor]:
    """The largest variances and their directions; of large matrices by subspace iteration."""
    if min(rows.shape) > _LARGE * count:
        generator = torch.Generator().manual_seed(0)
        start = torch.randn(rows.shape[1], count + 32, generator=generator, dtype=rows.dtype)
        basis = torch.linalg.qr(start.to(rows.device))[0]
        for _ in range(4):
            basis = torch.linalg.qr(rows.T @ torch.linalg.qr(rows @ basis)[0])[0]
        _, values, inside = torch.linalg.svd(rows @ basis, full_matrices=False)
        vt = inside @ basis.T  # so that rows along them are uncorrelated, however near they are
    else:
        _, values, vt = torch.linalg.svd(rows, full_matrices=False)
    return values[:count].square() / (len(rows) - 1), vt[:count].T
