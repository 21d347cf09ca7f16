"""Split representations: one half the same for all views, one half steered by what was done."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from jaxtyping import Float
from torch import Tensor, cat, nn

from tacit.contract import Context, DataInfo, EncoderSpec, Losses, Objective, Requirements, Views
from tacit.functional import global_mean, variance_hinge, vicreg
from tacit.functional.precision import full, no_autocast
from tacit.nn import Mlp, MlpConfig
from tacit.objectives.instances import paired
from tacit.objectives.joint_embedding import agreement
from tacit.objectives.pretext import answers, tasks_of

RELATION = "relation"
"""What views of the policy `related` hold in their meta: numbers that lead from the first view."""


@dataclass(frozen=True, kw_only=True)
class SplitEquivariantConfig:
    """Settings of split invariant-equivariant representations.

    Args:
        share: of the encoder's features that are equivariant, the last ones; the paper's is 0.5.
        invariance: weight of the distance between the invariant halves.
        equivariance: weight of the distance between the predicted and the other equivariant half;
            the authors' is 0.45 of the former.
        variance: weight of the hinges on the deviation of each feature, and of each predicted one.
        covariance: weight of the covariances between all features of both halves.
        projector: the head of each half; the paper's have three layers of 1024 each.

    Raises:
        ValueError: a share that leaves one half empty.
    """

    share: float = 0.5
    invariance: float = 10.0
    equivariance: float = 4.5
    variance: float = 10.0
    covariance: float = 1.0
    projector: MlpConfig = MlpConfig(widths=(512, 512, 256))

    def __post_init__(self) -> None:
        if not 0 < self.share < 1:
            raise ValueError(f"share: wanted more than 0 and less than 1; got {self.share}")

    def equivariant(self, width: int) -> int:
        """How many features of an encoder of this width are equivariant.

        Raises:
            ValueError: the encoder is too narrow to be split.
        """
        if width < 2:
            raise ValueError(f"wanted an encoder of 2 or more features to split; got {width}")
        return min(width - 1, max(1, round(self.share * width)))


class Steering(nn.Module):
    """A linear map whose matrix is linear in the relation: it cannot leave the relation out.

    Args:
        width: of the embeddings.
        relation: numbers that say how two views are related.

    Source: Garrido et al. 2023 (arXiv 2302.10283) section 4.2; facebookresearch/SIE,
    src/hypernetwork.py with its default, a linear network of a linear predictor, without biases.
    """

    def __init__(self, width: int, relation: int) -> None:
        super().__init__()
        self.relation = relation
        self.basis = nn.Linear(width, relation * width, bias=False)

    def forward(
        self, embedding: Float[Tensor, "rows width"], relation: Float[Tensor, "rows relation"]
    ) -> Float[Tensor, "rows width"]:
        """The embedding as it is to be on the other side of the relation."""
        answers: Tensor = self.basis(embedding).unflatten(1, (self.relation, -1))
        return (answers * relation.to(answers.dtype)[:, :, None]).sum(1)


class SplitEquivariant(Objective):
    """SIE: VICReg on one half; the other half of a view is predicted from the first view's.

    Views say how they are related to the first one (`related` views: their meta's `relation`).

    Source: Garrido et al. 2023 (arXiv 2302.10283) section 4 and eq. 5; facebookresearch/SIE,
    src/models.py (`SIE`). Differs: with more than two views, each is predicted from the first, and
    terms are averaged.
    """

    Config = SplitEquivariantConfig

    def __init__(self, config: SplitEquivariantConfig | None = None) -> None:
        super().__init__()
        self.config = config or SplitEquivariantConfig()
        self.invariant, self.equivariant = nn.ModuleDict(), nn.ModuleDict()
        self.steering = nn.ModuleDict()
        self.requires = Requirements(views=2, batch=2, meta=frozenset({RELATION}))

    def build(self, specs: Mapping[str, EncoderSpec], data: DataInfo) -> None:
        """Two projectors and a steered predictor for each modality."""
        config = self.config
        for name, spec in specs.items():
            task = tasks_of(data, name, (RELATION,))[RELATION]
            steered = config.equivariant(spec.width)
            self.invariant[name] = Mlp(spec.width - steered, config.projector)
            self.equivariant[name] = Mlp(steered, config.projector)
            self.steering[name] = Steering(config.projector.widths[-1], task.width)

    def forward(self, views: Views, ctx: Context) -> Losses:
        """The four terms, averaged over the views after the first, of each modality."""
        terms: dict[str, Tensor] = {}
        metrics: dict[str, Tensor] = {}
        for name in views.modalities:
            suffix = f"/{name}" if len(views.modalities) > 1 else ""
            own = views.of(name)
            pooled = paired(own, ctx.encode_each(own))
            halves = [self.embed(name, each) for each in pooled]
            count = len(own) - 1
            for other, view in zip(halves[1:], own[1:], strict=True):
                relation = answers([view], RELATION)
                for term, value in self.pair(name, halves[0], other, relation).items():
                    key = f"{term}{suffix}"
                    terms[key] = terms[key] + value / count if key in terms else value / count
            found = agreement(halves[0][0], halves[1][0])
            metrics |= {f"{key}{suffix}": value for key, value in found.items()}
        return Losses(terms=terms, metrics=metrics)

    def embed(self, name: str, pooled: Tensor) -> tuple[Tensor, Tensor]:
        """The embeddings of both halves."""
        steered = self.config.equivariant(pooled.shape[1])
        still, moving = pooled.split([pooled.shape[1] - steered, steered], dim=1)
        return self.invariant[name](still), self.equivariant[name](moving)

    def pair(
        self,
        name: str,
        first: tuple[Tensor, Tensor],
        other: tuple[Tensor, Tensor],
        relation: Float[Tensor, "rows relation"],
    ) -> dict[str, Tensor]:
        """The weighted terms of the first view and another."""
        config = self.config
        predicted = self.steering[name](first[1], relation)
        spread = vicreg(cat(first, 1), cat(other, 1))
        varied = spread.variance + variance_hinge(predicted)
        return {
            "invariance": config.invariance * _distance(first[0], other[0]),
            "equivariance": config.equivariance * _distance(predicted, other[1]),
            "variance": config.variance * varied,
            "covariance": config.covariance * spread.covariance,
        }


def _distance(a: Float[Tensor, "rows width"], b: Float[Tensor, "rows width"]) -> Tensor:
    with no_autocast(a):
        return global_mean((full(a) - full(b)).square().sum(), a.numel())
