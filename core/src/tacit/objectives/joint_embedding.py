"""Joint embedding: views of one instance agree, and something keeps them from all being alike."""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

import torch
from jaxtyping import Float
from torch import Tensor, nn

from tacit.contract import (
    Context,
    DataInfo,
    EncoderSpec,
    Losses,
    Objective,
    Requirements,
    Views,
)
from tacit.functional import all_reduce_sum, barlow_twins, nt_xent, vicreg
from tacit.nn import Mlp, MlpConfig
from tacit.objectives.instances import paired


class JointEmbedding(Objective):
    """Encoder, projector, loss on every pair of views; a subclass gives the loss.

    Of several modalities each has a projector of its own, and its terms bear its name.

    Args:
        projector: the head the loss works on; None: it works on the encoder's own vectors.
        joint: encode all views of a modality as one batch: one forward, and batch norms see all
            views together.
    """

    def __init__(self, projector: MlpConfig | None, *, joint: bool) -> None:
        super().__init__()
        self.joint = joint
        self.projector_config = projector
        self.projector = nn.ModuleDict()
        self.requires = Requirements(views=2, batch=2)

    def build(self, specs: Mapping[str, EncoderSpec], data: DataInfo) -> None:
        """One projector for each modality."""
        for name, spec in specs.items():
            head = self.projector_config
            self.projector[name] = nn.Identity() if head is None else Mlp(spec.width, head)

    def forward(self, views: Views, ctx: Context) -> Losses:
        """The pair losses, averaged over the pairs of views of each modality."""
        terms: dict[str, Tensor] = {}
        metrics: dict[str, Tensor] = {}
        several = len(views.modalities) > 1
        for name in views.modalities:
            own = views.of(name)
            encodings = ctx.encode_each(own, joint=self.joint)
            embeddings = self._project(name, paired(own, encodings))
            pairs = list(combinations(embeddings, 2))
            suffix = f"/{name}" if several else ""
            for part, values in _columns([self.pair(a, b) for a, b in pairs]).items():
                terms[f"{part}{suffix}"] = torch.stack(values).mean()
            terms |= {f"{k}{suffix}": v for k, v in self.beside(embeddings).items()}
            metrics |= {f"{k}{suffix}": v for k, v in agreement(*pairs[0]).items()}
        return Losses(terms=terms, metrics=metrics)

    @abstractmethod
    def pair(
        self, a: Float[Tensor, "batch width"], b: Float[Tensor, "batch width"]
    ) -> dict[str, Tensor]:
        """The named losses of one pair of views."""

    def beside(self, embeddings: Sequence[Tensor]) -> dict[str, Tensor]:
        """Named losses of the embeddings of all views of a modality, besides those of pairs."""
        return {}

    def _project(self, name: str, pooled: Sequence[Tensor]) -> list[Tensor]:
        if not self.joint:
            return [self.projector[name](each) for each in pooled]
        sizes = [each.shape[0] for each in pooled]
        return list(self.projector[name](torch.cat(list(pooled))).split(sizes))


@dataclass(frozen=True, kw_only=True)
class SimClrConfig:
    """Settings of SimCLR.

    Args:
        temperature: of the similarities; the paper's best are 0.1 on large data, 0.5 on small.
        projector: the paper's has one hidden layer of the encoder's width and 128 features. None:
            no head, the encoder's own vectors are compared, for encoders trained already.

    Raises:
        ValueError: a temperature that is not above 0.
    """

    temperature: float = 0.2
    projector: MlpConfig | None = MlpConfig(widths=(512, 128))

    def __post_init__(self) -> None:
        if self.temperature <= 0:
            raise ValueError(f"temperature: wanted above 0; got {self.temperature}")


class SimClr(JointEmbedding):
    """InfoNCE between two views against all other instances of the batch, over all processes.

    Memory is linear in the batch. A schedule `temperature` moves the temperature.

    Source: Chen et al. 2020 (arXiv 2002.05709) eq. 1; google-research/simclr `objective.py`.
    Differs: with more than two views, the mean over all pairs of views.
    """

    Config = SimClrConfig

    def __init__(self, config: SimClrConfig | None = None) -> None:
        self.config = config or SimClrConfig()
        super().__init__(self.config.projector, joint=True)
        self._temperature = self.config.temperature

    def forward(self, views: Views, ctx: Context) -> Losses:
        """See `JointEmbedding.forward`."""
        self._temperature = ctx.value("temperature", self.config.temperature)
        return super().forward(views, ctx)

    def pair(
        self, a: Float[Tensor, "batch width"], b: Float[Tensor, "batch width"]
    ) -> dict[str, Tensor]:
        """NT-Xent of one pair."""
        return {"nt_xent": nt_xent(a, b, self._temperature).loss}


@dataclass(frozen=True, kw_only=True)
class BarlowTwinsConfig:
    """Settings of Barlow Twins.

    Args:
        off_diagonal: weight of the redundancy term, the paper's lambda.
        scale: of the whole loss, which sums over features; it brings it to the size of the others,
            for clipping and half precision. Equation 1 has none, and AdamW does not care.
        projector: the paper's has three layers of 8192; wide ones are what the method likes.
    """

    off_diagonal: float = 0.005
    scale: float = 0.025
    projector: MlpConfig = MlpConfig(widths=(1024, 1024, 1024))


class BarlowTwins(JointEmbedding):
    """The cross-correlation of two views' embeddings, made the identity.

    Statistics are those of the global batch. See `tacit.functional.barlow_twins`.

    Source: Zbontar et al. 2021 (arXiv 2103.03230) eq. 1; facebookresearch/barlowtwins `main.py`.
    Differs: global statistics also in the gradient, where the reference loses 1/processes.
    """

    Config = BarlowTwinsConfig

    def __init__(self, config: BarlowTwinsConfig | None = None) -> None:
        self.config = config or BarlowTwinsConfig()
        super().__init__(self.config.projector, joint=False)

    def pair(
        self, a: Float[Tensor, "batch width"], b: Float[Tensor, "batch width"]
    ) -> dict[str, Tensor]:
        """Invariance and redundancy of one pair, weighted."""
        parts = barlow_twins(a, b, off_diagonal=self.config.off_diagonal)
        scale = self.config.scale
        return {
            "invariance": scale * parts.on_diagonal,
            "redundancy": scale * self.config.off_diagonal * parts.off_diagonal,
        }


@dataclass(frozen=True, kw_only=True)
class VicRegConfig:
    """Settings of VICReg.

    Args:
        invariance: weight of the distance between views.
        variance: weight of the hinge that keeps every feature's deviation above 1.
        covariance: weight of the covariances between features.
        projector: the paper's has three layers of 8192.
    """

    invariance: float = 25.0
    variance: float = 25.0
    covariance: float = 1.0
    projector: MlpConfig = MlpConfig(widths=(1024, 1024, 1024))


class VicReg(JointEmbedding):
    """Invariance between views, variance kept up and covariance kept down in each.

    Statistics are those of the global batch. See `tacit.functional.vicreg`.

    Source: Bardes et al. 2022 (arXiv 2105.04906) eq. 1 to 6; facebookresearch/vicreg
    `main_vicreg.py`.
    """

    Config = VicRegConfig

    def __init__(self, config: VicRegConfig | None = None) -> None:
        self.config = config or VicRegConfig()
        super().__init__(self.config.projector, joint=False)

    def pair(
        self, a: Float[Tensor, "batch width"], b: Float[Tensor, "batch width"]
    ) -> dict[str, Tensor]:
        """The three terms of one pair, weighted."""
        config = self.config
        parts = vicreg(a, b, invariance=1.0, variance=1.0, covariance=1.0)
        return {
            "invariance": config.invariance * parts.invariance,
            "variance": config.variance * parts.variance,
            "covariance": config.covariance * parts.covariance,
        }


@torch.no_grad()
def agreement(
    a: Float[Tensor, "batch width"], b: Float[Tensor, "batch width"]
) -> dict[str, Tensor]:
    """How alike two views are (cosine) and how far instances are apart (1 healthy, 0 collapsed).

    Of the instances of all processes; see `tacit.functional.normalised_deviation`.
    """
    rows = nn.functional.normalize(a.float(), dim=1)
    cosine = (rows * nn.functional.normalize(b.float(), dim=1)).sum()
    sums = torch.cat([rows.sum(0), rows.square().sum(0), cosine[None], rows.new_ones(1) * len(a)])
    total = all_reduce_sum(sums)
    first, second, alike = (total[:-1] / total[-1]).split([a.shape[1], a.shape[1], 1])
    spread = (second - first.square()).clamp_min(0).sqrt()
    return {"agreement": alike[0], "deviation": spread.mean() * math.sqrt(a.shape[1])}


def _columns(rows: Sequence[Mapping[str, Tensor]]) -> dict[str, list[Tensor]]:
    return {name: [row[name] for row in rows] for name in rows[0]}
