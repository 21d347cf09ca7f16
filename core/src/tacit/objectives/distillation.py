"""Self-distillation: one view predicts what another set of weights makes of the other view."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import permutations

import torch
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
from tacit.functional import negative_cosine
from tacit.nn import Mlp, MlpConfig
from tacit.objectives.instances import paired
from tacit.objectives.joint_embedding import agreement


class Prediction(Objective):
    """Encoder, projector, predictor; each view predicts the target of every other view.

    Args:
        projector: of student and target; None predicts the embeddings themselves.
        predictor: of the student alone; None for none, which only shows why there is one.

    Raises:
        ValueError: a predictor whose answer has not the projector's width.
    """

    def __init__(self, projector: MlpConfig | None, predictor: MlpConfig | None) -> None:
        super().__init__()
        if projector is not None:
            _check_width(projector.widths[-1], "the projector's", predictor)
        self.projector_config, self.predictor_config = projector, predictor
        self.projector, self.predictor = nn.ModuleDict(), nn.ModuleDict()

    def build(self, specs: Mapping[str, EncoderSpec], data: DataInfo) -> None:
        """A projector and a predictor for each modality.

        Raises:
            ValueError: a predictor whose answer has not the width of what it predicts.
        """
        config = self.projector_config
        for name, spec in specs.items():
            width = spec.width if config is None else config.widths[-1]
            _check_width(width, f"the {name} encoder's", self.predictor_config)
            self.projector[name] = _head(spec.width, config)
            self.predictor[name] = _head(width, self.predictor_config)

    def forward(self, views: Views, ctx: Context) -> Losses:
        """The mean over ordered pairs of views, for each modality."""
        terms: dict[str, Tensor] = {}
        metrics: dict[str, Tensor] = {}
        for name in views.modalities:
            own = views.of(name)
            pooled = paired(own, ctx.encode_each(own))
            projected = [self.projector[name](each) for each in pooled]
            predicted = [self.predictor[name](each) for each in projected]
            targets = self.targets(name, own, projected, ctx)
            pairs = [
                negative_cosine(predicted[i], targets[j])
                for i, j in permutations(range(len(own)), 2)
            ]
            suffix = f"/{name}" if len(views.modalities) > 1 else ""
            terms[f"prediction{suffix}"] = self.scaled(torch.stack(pairs).mean())
            terms |= {f"{key}{suffix}": value for key, value in self.beside(projected).items()}
            measured = agreement(projected[0], projected[1])
            metrics |= {f"{key}{suffix}": value for key, value in measured.items()}
        return Losses(terms=terms, metrics=metrics)

    def beside(self, embeddings: Sequence[Tensor]) -> dict[str, Tensor]:
        """Named losses of the projections of all views of a modality, besides the prediction."""
        return {}

    def targets(
        self, modality: str, views: Views, projected: list[Tensor], ctx: Context
    ) -> list[Tensor]:
        """What the predictions are compared with, without gradient."""
        return [each.detach() for each in projected]

    def scaled(self, loss: Tensor) -> Tensor:
        """The loss in the paper's scale."""
        return loss


def _head(width: int, config: MlpConfig | None) -> nn.Module:
    return nn.Identity() if config is None else Mlp(width, config)


def _check_width(wanted: int, whose: str, predictor: MlpConfig | None) -> None:
    if predictor is not None and predictor.widths[-1] != wanted:
        raise ValueError(
            f"predictor: wanted a last width of {wanted}, {whose}, whose answer it predicts; got "
            f"{predictor.widths[-1]}"
        )


@dataclass(frozen=True, kw_only=True)
class ByolConfig:
    """Settings of BYOL.

    Args:
        projector: the paper's has one hidden layer of 4096 and 256 features, not normalised. The
            default is, which together with a higher rate taught more in few steps (linear 0.39
            to 0.45 on held-out CIFAR-10 images, one seed). None predicts the encoder's own
            embeddings, as BGRL does.
        predictor: likewise, never normalised at its end; its last width is that of what it
            predicts. `none` leaves it out: the method then collapses; only to see that.
    """

    projector: MlpConfig | None = MlpConfig(widths=(1024, 256), last_norm=True)
    predictor: MlpConfig | None = MlpConfig(widths=(1024, 256))


class Byol(Prediction):
    """Each view predicts the moving-average teacher's embedding of the other.

    Source: Grill et al. 2020 (arXiv 2006.07733) eq. 2; lucidrains/byol-pytorch.
    Differs: the loss is the mean of the two directions, where the paper adds them.
    """

    Config = ByolConfig
    teacher_parts = ("projector",)

    def __init__(self, config: ByolConfig | None = None) -> None:
        self.config = config or ByolConfig()
        super().__init__(self.config.projector, self.config.predictor)
        self.requires = Requirements(views=2, batch=2, teachers=frozenset({"teacher"}))

    def targets(
        self, modality: str, views: Views, projected: list[Tensor], ctx: Context
    ) -> list[Tensor]:
        """The teacher's embeddings of the views."""
        projector = ctx.part("projector", which="teacher")
        assert isinstance(projector, nn.ModuleDict)
        with torch.no_grad():
            return [
                projector[modality](pooled)
                for pooled in paired(views, ctx.encode_each(views, which="teacher"))
            ]

    def scaled(self, loss: Tensor) -> Tensor:
        """The squared distance of the normalised vectors: 2 - 2 cos."""
        return 2 + 2 * loss


@dataclass(frozen=True, kw_only=True)
class SimSiamConfig:
    """Settings of SimSiam.

    Args:
        projector: the paper's has three layers of 2048, the last normalised without scale.
        predictor: a bottleneck; the paper's is 2048 to 512 to 2048.
        stop_gradient: without it the method collapses; off only to see that.
    """

    projector: MlpConfig = MlpConfig(widths=(1024, 1024, 1024), last_norm=True, last_affine=False)
    predictor: MlpConfig = MlpConfig(widths=(256, 1024))
    stop_gradient: bool = True


class SimSiam(Prediction):
    """Each view predicts the other's embedding through a stop-gradient, with no teacher.

    Source: Chen & He 2021 (arXiv 2011.10566) eq. 2 and algorithm 1; facebookresearch/simsiam.
    Differs: the predictor's learning rate is scheduled like all others, where the authors keep it.
    """

    Config = SimSiamConfig

    def __init__(self, config: SimSiamConfig | None = None) -> None:
        self.config = config or SimSiamConfig()
        super().__init__(self.config.projector, self.config.predictor)
        self.requires = Requirements(views=2, batch=2)

    def targets(
        self, modality: str, views: Views, projected: list[Tensor], ctx: Context
    ) -> list[Tensor]:
        """The student's own embeddings, cut off."""
        if not self.config.stop_gradient:
            return projected
        return [each.detach() for each in projected]
