"""Contrast within the batch: decoupled, by group, and by sorting."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from jaxtyping import Float
from torch import Tensor

from tacit.contract import Context, Losses, Requirements, Views
from tacit.functional import dcl, group_ordering, supervised_contrast
from tacit.nn import MlpConfig
from tacit.objectives.instances import paired
from tacit.objectives.joint_embedding import JointEmbedding, agreement

if TYPE_CHECKING:
    from collections.abc import Callable


@dataclass(frozen=True, kw_only=True)
class DclConfig:
    """Settings of DCL and DCLW.

    Args:
        temperature: of the similarities; the paper's 0.1.
        sigma: of the weights of positive pairs, the paper's best 0.5: DCLW. None: DCL.
        projector: SimCLR's.

    Raises:
        ValueError: a temperature or sigma that is not above 0.
    """

    temperature: float = 0.2
    sigma: float | None = None
    projector: MlpConfig = MlpConfig(widths=(512, 128))

    def __post_init__(self) -> None:
        _positive("temperature", self.temperature)
        if self.sigma is not None:
            _positive("sigma", self.sigma)


class Dcl(JointEmbedding):
    """SimCLR without the positive pair in the denominator, which lets small batches learn.

    A schedule `temperature` moves the temperature.

    Source: Yeh et al. 2022 (arXiv 2110.06848) eq. 6 and 7; see `tacit.functional.dcl`.
    Differs: with more than two views, the mean over all pairs of views.
    """

    Config = DclConfig

    def __init__(self, config: DclConfig | None = None) -> None:
        self.config = config or DclConfig()
        super().__init__(self.config.projector, joint=True)
        self._temperature = self.config.temperature

    def forward(self, views: Views, ctx: Context) -> Losses:
        """See `JointEmbedding.forward`."""
        self._temperature = ctx.value("temperature", self.config.temperature)
        return super().forward(views, ctx)

    def pair(
        self, a: Float[Tensor, "batch width"], b: Float[Tensor, "batch width"]
    ) -> dict[str, Tensor]:
        """The loss of one pair."""
        return {"dcl": dcl(a, b, self._temperature, sigma=self.config.sigma).loss}


class AllViews(JointEmbedding):
    """One loss of all views of a modality together."""

    def whole(
        self, views: Views, ctx: Context, name: str, loss: Callable[[list[Tensor]], Tensor]
    ) -> Losses:
        """The named loss of each modality's embeddings, with the usual metrics."""
        terms: dict[str, Tensor] = {}
        metrics: dict[str, Tensor] = {}
        for modality in views.modalities:
            own = views.of(modality)
            pooled = paired(own, ctx.encode_each(own, joint=self.joint))
            embeddings = self._project(modality, pooled)
            suffix = f"/{modality}" if len(views.modalities) > 1 else ""
            terms[f"{name}{suffix}"] = loss(embeddings)
            measured = agreement(embeddings[0], embeddings[1])
            metrics |= {f"{key}{suffix}": value for key, value in measured.items()}
        return Losses(terms=terms, metrics=metrics)

    def pair(
        self, a: Float[Tensor, "batch width"], b: Float[Tensor, "batch width"]
    ) -> dict[str, Tensor]:
        """Not used: the loss is of all views at once."""
        raise AssertionError("the loss is of all views at once")


@dataclass(frozen=True, kw_only=True)
class SupConConfig:
    """Settings of supervised contrast.

    Args:
        temperature: of the similarities; the paper's 0.1.
        projector: the paper's has one hidden layer and 128 features.

    Raises:
        ValueError: a temperature that is not above 0.
    """

    temperature: float = 0.1
    projector: MlpConfig = MlpConfig(widths=(512, 128))

    def __post_init__(self) -> None:
        _positive("temperature", self.temperature)


class SupCon(AllViews):
    """Everything of one group attracts: instances of one class, owner, recording or place.

    Source: Khosla et al. 2020 (arXiv 2004.11362) eq. 2; see `tacit.functional.supervised_contrast`.
    """

    Config = SupConConfig

    def __init__(self, config: SupConConfig | None = None) -> None:
        self.config = config or SupConConfig()
        super().__init__(self.config.projector, joint=True)
        self.requires = Requirements(views=2, batch=2, groups=True)

    def forward(self, views: Views, ctx: Context) -> Losses:
        """The loss over all views of each modality."""
        groups, rows = ctx.groups(), views[0].rows
        own = groups if rows is None else groups[rows]
        temperature = ctx.value("temperature", self.config.temperature)
        return self.whole(
            views, ctx, "supcon", lambda each: supervised_contrast(each, own, temperature).loss
        )


@dataclass(frozen=True, kw_only=True)
class GroCoConfig:
    """Settings of GroCo.

    Args:
        negatives: how many of the nearest other instances are sorted; the paper's 10.
        steepness: of the comparisons between cosines.
        projector: the paper's has two hidden layers.

    Raises:
        ValueError: no negatives, or a steepness that is not above 0.
    """

    negatives: int = 10
    steepness: float = 10.0
    projector: MlpConfig = MlpConfig(widths=(512, 128))

    def __post_init__(self) -> None:
        _positive("steepness", self.steepness)
        if self.negatives < 1:
            raise ValueError(f"negatives: wanted at least 1; got {self.negatives}")


class GroCo(AllViews):
    """Other views are sorted before the nearest other instances, by a differentiable network.

    Source: Shvetsova et al. 2023 (arXiv 2301.02009) section 3; see
    `tacit.functional.group_ordering`.
    """

    Config = GroCoConfig

    def __init__(self, config: GroCoConfig | None = None) -> None:
        self.config = config or GroCoConfig()
        super().__init__(self.config.projector, joint=True)

    def forward(self, views: Views, ctx: Context) -> Losses:
        """The loss over all views of each modality."""
        config = self.config

        def loss(each: list[Tensor]) -> Tensor:
            return group_ordering(each, negatives=config.negatives, steepness=config.steepness)

        return self.whole(views, ctx, "ordering", loss)


def _positive(name: str, value: float) -> None:
    if value <= 0:
        raise ValueError(f"{name}: wanted above 0; got {value}")
