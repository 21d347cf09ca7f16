"""CCA-SSG: two views of a node agree, and features are decorrelated."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from tacit.contract import Context, DataInfo, EncoderSpec, Losses, Objective, Requirements, Views
from tacit.functional import all_reduce_sum
from tacit.objectives.instances import paired


@dataclass(frozen=True, kw_only=True)
class CcaSsgConfig:
    """Settings of CCA-SSG.

    Args:
        decorrelation: weight of the distance of each view's correlations to the identity, the
            paper's lambda.

    Raises:
        ValueError: a negative weight.
    """

    decorrelation: float = 1e-3

    def __post_init__(self) -> None:
        if self.decorrelation < 0:
            raise ValueError(f"decorrelation: wanted at least 0; got {self.decorrelation}")


class CcaSsg(Objective):
    """Soft canonical correlation analysis between the embeddings of two views; no projector.

    Statistics are those of the instances of all processes.

    Source: Zhang et al. 2021 (arXiv 2106.12484) eq. 4 and 5; hengruizhang98/CCA-SSG. The invariance
    term is minus the trace of the cross-correlation, as in their code: half the squared distance of
    eq. 4, up to a constant.
    """

    Config = CcaSsgConfig
    requires = Requirements(views=2, most_views=2, batch=2)

    def __init__(self, config: CcaSsgConfig | None = None) -> None:
        super().__init__()
        self.config = config or CcaSsgConfig()

    def build(self, specs: Mapping[str, EncoderSpec], data: DataInfo) -> None:
        """Nothing: the loss is on the embeddings themselves."""

    def forward(self, views: Views, ctx: Context) -> Losses:
        """The two terms, for each modality."""
        terms: dict[str, Tensor] = {}
        for name in views.modalities:
            own = views.of(name)
            a, b = paired(own, ctx.encode_each(own))
            suffix = f"/{name}" if len(views.modalities) > 1 else ""
            invariance, decorrelation = cca_ssg(a, b)
            terms[f"invariance{suffix}"] = invariance
            terms[f"decorrelation{suffix}"] = self.config.decorrelation * decorrelation
        return Losses(terms=terms)


def cca_ssg(
    a: Float[Tensor, "rows width"], b: Float[Tensor, "rows width"]
) -> tuple[Float[Tensor, ""], Float[Tensor, ""]]:
    """Minus the trace of the cross-correlation, and the squared distances of both to the identity.

    Args:
        a: embeddings of the first views.
        b: embeddings of the second views, row by row the same instances.
    """
    count = all_reduce_sum(a.new_tensor(float(len(a))))
    a, b = _standardised(a.float(), count), _standardised(b.float(), count)
    invariance = -all_reduce_sum((a * b).sum()) / count
    eye = torch.eye(a.shape[1], device=a.device)
    apart = [(all_reduce_sum(z.T @ z) / count - eye).square().sum() for z in (a, b)]
    return invariance, apart[0] + apart[1]


def _standardised(
    z: Float[Tensor, "rows width"], count: Float[Tensor, ""]
) -> Float[Tensor, "rows width"]:
    """Each feature with mean 0 and variance 1; a constant one becomes 0."""
    centred = z - all_reduce_sum(z.sum(0)) / count
    variance = all_reduce_sum(centred.square().sum(0)) / (count - 1).clamp(min=1)
    return centred * (variance + 1e-12).rsqrt()
