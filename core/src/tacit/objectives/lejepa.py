"""LeJEPA: views meet at their centre, and the embedding is kept an isotropic Gaussian."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from tacit.contract import Context, DataInfo, EncoderSpec, Losses, Objective, Requirements, Views
from tacit.functional import global_mean, sigreg
from tacit.nn import Mlp, MlpConfig
from tacit.objectives.instances import paired
from tacit.objectives.joint_embedding import agreement
from tacit.objectives.self_distillation import by_role, encode


@dataclass(frozen=True, kw_only=True)
class LeJepaConfig:
    """Settings of LeJEPA.

    Args:
        gaussianity: weight of that term against the agreement of views, the paper's lambda, in
            (0, 1); its only one that wants choosing.
        slices: directions the embedding is looked at from, drawn anew each step.
        knots: points at which characteristic functions are compared.
        reach: the largest of them.
        projector: the authors' small one has three layers of 2048, 2048 and 128.

    Raises:
        ValueError: a weight outside (0, 1).
    """

    gaussianity: float = 0.05
    slices: int = 256
    knots: int = 17
    reach: float = 3.0
    projector: MlpConfig = MlpConfig(widths=(512, 512, 64))

    def __post_init__(self) -> None:
        if not 0 < self.gaussianity < 1:
            raise ValueError(f"gaussianity: wanted between 0 and 1; got {self.gaussianity}")


class LeJepa(Objective):
    """All views are drawn to the mean of the global ones; no teacher, no stop-gradient.

    Every view, global ones included, is tested for being Gaussian. The loss is
    `(1 - gaussianity) * agreement + gaussianity * statistic`.

    Source: Balestriero and LeCun 2025 (arXiv 2511.08544) eq. 9; galilai-group/lejepa, MINIMAL.md.
    """

    Config = LeJepaConfig

    def __init__(self, config: LeJepaConfig | None = None) -> None:
        super().__init__()
        self.config = config or LeJepaConfig()
        self.projector = nn.ModuleDict()
        self.requires = Requirements(views=2, batch=2)

    def build(self, specs: Mapping[str, EncoderSpec], data: DataInfo) -> None:
        """One projector for each modality."""
        for name, spec in specs.items():
            self.projector[name] = Mlp(spec.width, self.config.projector)

    def forward(self, views: Views, ctx: Context) -> Losses:
        """Agreement and Gaussianity, averaged over the views of each modality."""
        terms: dict[str, Tensor] = {}
        metrics: dict[str, Tensor] = {}
        for name in views.modalities:
            suffix = f"/{name}" if len(views.modalities) > 1 else ""
            seen, others = by_role(views.of(name))
            first, rest = (
                [self.projector[name](p) for p in paired(group, encode(group, ctx))]
                if group
                else []
                for group in (seen, others)
            )
            agreeing, statistic = self.parts([*first, *rest], torch.stack(first).mean(0), ctx)
            weight = self.config.gaussianity
            terms[f"agreement{suffix}"] = (1 - weight) * agreeing
            terms[f"gaussianity{suffix}"] = weight * statistic
            every = [*first, *rest]
            metrics |= {f"{k}{suffix}": v for k, v in agreement(every[0], every[1]).items()}
        return Losses(terms=terms, metrics=metrics)

    def parts(self, views: list[Tensor], centre: Tensor, ctx: Context) -> tuple[Tensor, Tensor]:
        """The mean squared distance to the centre, and the statistic averaged over views."""
        config = self.config
        apart = torch.stack([(view - centre).square().sum() for view in views]).sum()
        statistics = [
            sigreg(
                view,
                slices=config.slices,
                knots=config.knots,
                reach=config.reach,
                generator=ctx.generator,
            )
            for view in views
        ]
        return (
            global_mean(apart, centre.numel() * len(views)),
            torch.stack(statistics).mean(),
        )
