"""Prior-data fitted networks: answer problems drawn from a prior, and so do what Bayes would."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import cast

from torch import Tensor, nn

from tacit.contract import Context, DataInfo, EncoderSpec, Losses, Objective, Requirements, Views
from tacit_tabular.encoders.in_context import InContext
from tacit_tabular.encoders.riemann import Riemann


@dataclass(frozen=True, kw_only=True)
class PfnConfig:
    """It has no settings: prior, bins and rows asked for are the data's, encoder's and views'."""


class Pfn(Objective):
    """Minus the log density that the encoder gives the labels asked for.

    Over problems drawn from a prior, its least is reached by the prior's posterior, so training
    is fitting a network to an inference. It owns nothing: the head is the encoder's.

    Source: Müller et al. 2022 (arXiv:2112.10510), eq. 2 and algorithm 1;
    automl/TransformersCanDoBayesianInference, train.py. Where we differ: every label asked for
    weighs the same, where the authors' batches all ask for as many.
    """

    Config = PfnConfig
    requires = Requirements(
        views=1,
        most_views=1,
        meta=frozenset({"asked", "answers"}),
        capabilities=frozenset({"tokens", "targets:own"}),
    )

    def __init__(self, config: PfnConfig | None = None) -> None:
        super().__init__()
        self.config = config or PfnConfig()
        self.distribution = nn.ModuleDict()

    def build(self, specs: Mapping[str, EncoderSpec], data: DataInfo) -> None:
        """The distribution of the labels, as the encoder has it.

        Raises:
            ValueError: an encoder that does not say what labels may be.
        """
        for name, spec in specs.items():
            target = spec.own_target() if spec.own_target is not None else None
            if not isinstance(target, Riemann):
                raise ValueError(f"pfn: wanted an encoder of problems; got one of {name}")
            self.distribution[name] = target

    def forward(self, views: Views, ctx: Context) -> Losses:
        """The error of the answers."""
        terms: dict[str, Tensor] = {}
        for name in views.modalities:
            (view,) = views.of(name)
            encoder = cast("InContext", ctx.encoder(name))
            distribution = cast("Riemann", self.distribution[name])
            scores = encoder.scores(ctx.encode(view))
            suffix = f"/{name}" if len(views.modalities) > 1 else ""
            terms[f"surprise{suffix}"] = distribution.error(
                scores, view.meta["answers"], view.meta["asked"]
            )
        return Losses(terms=terms)
