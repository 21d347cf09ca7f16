"""Canonical correlation: views, of one modality or of several, in the directions they share."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from torch import nn

from tacit.contract import Context, DataInfo, EncoderSpec, Losses, Objective, Requirements, Views
from tacit.functional import eckart_young
from tacit.nn import Mlp, MlpConfig
from tacit.objectives.instances import paired
from tacit.objectives.joint_embedding import agreement


@dataclass(frozen=True, kw_only=True)
class CanonicalCorrelationConfig:
    """Settings of deep CCA by the loss of Eckart and Young.

    Args:
        halves: estimate from two halves of the batch, without bias and with more noise; see
            `tacit.functional.eckart_young`.
        projector: the paper's has three layers of 2048 for two views of an image.
    """

    halves: bool = False
    projector: MlpConfig = MlpConfig(widths=(1024, 1024))


class CanonicalCorrelation(Objective):
    """Embeddings of all views of an instance, made to vary together and no two dimensions alike.

    Views of several modalities enter one loss, each through a projector of its own, so pairs of
    modalities need nothing but a source of pairs.

    Source: Chapman et al. 2024 (arXiv 2310.01012) eq. 6 and section 4 (SSL-EY). Differs: more than
    two views are those of multiset CCA, all pairs of views added.
    """

    Config = CanonicalCorrelationConfig

    def __init__(self, config: CanonicalCorrelationConfig | None = None) -> None:
        super().__init__()
        self.config = config or CanonicalCorrelationConfig()
        self.projector = nn.ModuleDict()
        self.requires = Requirements(views=2, batch=4 if self.config.halves else 2)

    def build(self, specs: Mapping[str, EncoderSpec], data: DataInfo) -> None:
        """One projector for each modality."""
        for name, spec in specs.items():
            self.projector[name] = Mlp(spec.width, self.config.projector)

    def forward(self, views: Views, ctx: Context) -> Losses:
        """One term over all views of all modalities."""
        pooled = paired(views, [ctx.encode(view) for view in views])
        embeddings = [
            self.projector[view.modality](each) for view, each in zip(views, pooled, strict=True)
        ]
        found = eckart_young(embeddings, halves=self.config.halves)
        metrics = agreement(embeddings[0], embeddings[1])
        return Losses(terms={"eckart_young": found.loss}, metrics=metrics)
