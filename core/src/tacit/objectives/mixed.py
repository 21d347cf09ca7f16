"""Mixing: an instance between two others is to be embedded between their embeddings."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from tacit.contract import (
    Context,
    DataInfo,
    EncoderSpec,
    Losses,
    Objective,
    Requirements,
    View,
    Views,
)
from tacit.functional import mixed_barlow_twins
from tacit.nn import Mlp
from tacit.objectives.instances import paired
from tacit.objectives.joint_embedding import BarlowTwinsConfig, agreement


@dataclass(frozen=True, kw_only=True)
class MixedBarlowTwinsConfig(BarlowTwinsConfig):
    """Settings of Mixed Barlow Twins, besides those of Barlow Twins.

    Args:
        mixing: weight of the mixed part, beside `off_diagonal`; the authors' is 4 for a ResNet-18
            on CIFAR-10. A schedule `weights.mixing` moves it, as theirs does on ImageNet.

    Raises:
        ValueError: a negative weight.
    """

    mixing: float = 4.0

    def __post_init__(self) -> None:
        if self.mixing < 0:
            raise ValueError(f"mixing: wanted at least 0; got {self.mixing}")


class MixedBarlowTwins(Objective):
    """Barlow Twins, and a third forward of instances mixed with others of the batch.

    Each process mixes its own instances, by a share of its own, drawn evenly from [0, 1] at every
    step. The modality does the mixing; one whose values do not mix is refused before training.

    Source: Bandara et al. 2023 (arXiv 2312.02151); wgcban/mix-bt `main.py`. See
    `tacit.functional.mixed_barlow_twins`.
    """

    Config = MixedBarlowTwinsConfig

    def __init__(self, config: MixedBarlowTwinsConfig | None = None) -> None:
        super().__init__()
        self.config = config or MixedBarlowTwinsConfig()
        self.projector = nn.ModuleDict()
        self.requires = Requirements(views=2, most_views=2, batch=2, mix=True)

    def build(self, specs: Mapping[str, EncoderSpec], data: DataInfo) -> None:
        """One projector for each modality."""
        for name, spec in specs.items():
            self.projector[name] = Mlp(spec.width, self.config.projector)

    def forward(self, views: Views, ctx: Context) -> Losses:
        """Invariance, redundancy and mixing, for each modality."""
        terms: dict[str, Tensor] = {}
        metrics: dict[str, Tensor] = {}
        for name in views.modalities:
            suffix = f"/{name}" if len(views.modalities) > 1 else ""
            own = views.of(name)
            encodings = [ctx.encode(view) for view in own]
            a, b = (self.projector[name](pooled) for pooled in paired(own, encodings))
            share = torch.rand((), generator=ctx.generator, device=a.device)
            order = torch.randperm(len(a), generator=ctx.generator, device=a.device)
            between = ctx.mix(
                own[0], own[1], order=among(own[0], order, len(encodings[0].pooled)), share=share
            )
            (pooled,) = paired([between], [ctx.encode(between)])
            found = self.parts(a, b, self.projector[name](pooled), order, share)
            terms |= {f"{part}{suffix}": value for part, value in found.items()}
            metrics |= {f"{k}{suffix}": v for k, v in agreement(a, b).items()}
        return Losses(terms=terms, metrics=metrics)

    def parts(
        self,
        a: Float[Tensor, "batch width"],
        b: Float[Tensor, "batch width"],
        mixed: Float[Tensor, "batch width"],
        order: Int[Tensor, " batch"],
        share: Float[Tensor, ""],
    ) -> dict[str, Tensor]:
        """The three terms, weighted."""
        found = mixed_barlow_twins(a, b, mixed, order=order, share=share)
        scale, redundancy = self.config.scale, self.config.scale * self.config.off_diagonal
        return {
            "invariance": scale * found.on_diagonal,
            "redundancy": redundancy * found.off_diagonal,
            "mixing": redundancy * self.config.mixing * found.mixing,
        }


def among(view: View, order: Int[Tensor, " rows"], instances: int) -> Int[Tensor, " instances"]:
    """An order of the rows the loss is taken on, as one of all instances; others keep their place.

    So that an instance the loss is taken on is mixed with such a one, whose embedding is at hand.
    """
    if view.rows is None:
        return order
    whole = torch.arange(instances, device=order.device)
    return whole.index_copy(0, view.rows, view.rows[order])
