"""Contrast with all of the data, by running averages kept for each instance."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import cast

import torch
from torch import Tensor, nn

from tacit.contract import Context, DataInfo, EncoderSpec, Losses, Requirements, View, Views
from tacit.functional import GlobalContrast, global_contrast, global_mean
from tacit.nn import MlpConfig, SampleState
from tacit.objectives.contrast import AllViews

AVERAGE, TEMPERATURE, MOMENTUM, SEEN = range(4)
"""An instance's state: log of its average, its temperature, that's momentum, 1 once it was seen."""


@dataclass(frozen=True, kw_only=True)
class SogClrConfig:
    """Settings of SogCLR.

    Args:
        temperature: of the similarities; the paper's 0.1 on ImageNet, 0.5 on CIFAR.
        share: of the new value in an instance's running average; the paper's gamma, 0.9.
        projector: SimCLR's.

    Raises:
        ValueError: a temperature that is not above 0, or a share outside (0, 1].
    """

    temperature: float = 0.2
    share: float = 0.9
    projector: MlpConfig = MlpConfig(widths=(512, 128))

    def __post_init__(self) -> None:
        if self.temperature <= 0:
            raise ValueError(f"temperature: wanted above 0; got {self.temperature}")
        if not 0 < self.share <= 1:
            raise ValueError(f"share: wanted above 0 and at most 1; got {self.share}")


class SogClr(AllViews):
    """Contrast with all instances of the data in small batches, by a running average for each.

    The state is indexed by data set index, the same on all processes, and checkpointed.

    Source: Yuan et al. 2022 (arXiv 2202.12387) algorithm 1; see `tacit.functional.global_contrast`.
    """

    Config: type = SogClrConfig

    def __init__(self, config: SogClrConfig | None = None) -> None:
        self.config = config or SogClrConfig()
        super().__init__(self.config.projector, joint=True)
        self.state = nn.ModuleDict()
        self.requires = Requirements(views=2, most_views=2, batch=2, instances=True)

    def build(self, specs: Mapping[str, EncoderSpec], data: DataInfo) -> None:
        """A projector and a state for each modality.

        Of data of unknown size, which `requires.instances` refuses to train on, one state.
        """
        super().build(specs, data)
        for name in specs:
            state = SampleState(data.instances or 1, (4,))
            state.values[:, TEMPERATURE] = self.config.temperature
            self.state[name] = state

    def forward(self, views: Views, ctx: Context) -> Losses:
        """The loss of each modality's two views."""
        numbers = {name: instances(views.of(name)[0]) for name in views.modalities}
        names = iter(views.modalities)  # the losses are asked for in this order
        metrics: dict[str, Tensor] = {}

        def loss(each: list[Tensor]) -> Tensor:
            name = next(names)
            suffix = f"/{name}" if len(views.modalities) > 1 else ""
            state = cast("SampleState", self.state[name])
            before = state.read(numbers[name])
            temperature = self.temperatures(before, ctx)
            average = torch.where(before[:, SEEN] > 0, before[:, AVERAGE], -torch.inf)
            first, second = each
            found = global_contrast(first, second, temperature, average, share=self.config.share)
            if self.training:
                state.see(numbers[name], self.after(before, found))
            metrics[f"temperature{suffix}"] = global_mean(temperature.sum(), len(temperature))
            return found.loss

        losses = self.whole(views, ctx, "global", loss)
        return Losses(terms=losses.terms, metrics={**losses.metrics, **metrics})

    def temperatures(self, before: Tensor, ctx: Context) -> Tensor:
        """The temperature of each instance; a schedule `temperature` moves it."""
        value = ctx.value("temperature", self.config.temperature)
        return torch.full_like(before[:, TEMPERATURE], value)

    def after(self, before: Tensor, found: GlobalContrast) -> Tensor:
        """The state of the instances after this step."""
        average = found.log_average.to(before)
        seen = torch.ones_like(average)
        return torch.stack([average, before[:, TEMPERATURE], before[:, MOMENTUM], seen], 1)

    def after_step(self, ctx: Context) -> None:
        """Write what this step has found of its instances."""
        for state in self.state.values():
            cast("SampleState", state).update()


@dataclass(frozen=True, kw_only=True)
class ISogClrConfig(SogClrConfig):
    """Settings of iSogCLR.

    Args:
        temperature: of all instances at first.
        divergence: the paper's rho: how far, in nats, the shares of an instance's negatives may
            be from equal; an instance whose negatives are alike in similarity gets cooler until
            they are so far.
        lowest: temperature of an instance at least; the paper's 0.05 to 0.1.
        highest: and at most.
        rate: step of the temperatures, once each time an instance is seen; the paper's 0.01 for
            ten times as many epochs.
        inertia: share of the old momentum in the temperatures' steps.

    Raises:
        ValueError: temperatures out of order, or values outside their range.
    """

    divergence: float = 0.3
    lowest: float = 0.05
    highest: float = 1.0
    rate: float = 0.05
    inertia: float = 0.1

    def __post_init__(self) -> None:
        super().__post_init__()
        if not 0 < self.lowest <= self.temperature <= self.highest:
            raise ValueError(
                "lowest, temperature, highest: wanted above 0 and in this order; got "
                f"{self.lowest}, {self.temperature}, {self.highest}"
            )
        if self.divergence < 0 or self.rate <= 0 or not 0 <= self.inertia < 1:
            raise ValueError(
                "divergence, rate, inertia: wanted at least 0, above 0, and in [0, 1); got "
                f"{self.divergence}, {self.rate}, {self.inertia}"
            )


class ISogClr(SogClr):
    """SogCLR with a temperature for each instance, learnt: warm where many are alike.

    Source: Qiu et al. 2023 (arXiv 2305.11965) eq. 5 and algorithm 1;
    zhqiu/contrastive-learning-iSogCLR. Differs: no schedule moves the temperatures.
    """

    Config: type = ISogClrConfig

    def __init__(self, config: ISogClrConfig | None = None) -> None:
        self.own = config or ISogClrConfig()
        super().__init__(self.own)

    def temperatures(self, before: Tensor, ctx: Context) -> Tensor:
        """Each instance's own."""
        return before[:, TEMPERATURE]

    def after(self, before: Tensor, found: GlobalContrast) -> Tensor:
        """A step of each temperature against its slope, with momentum, within bounds."""
        own = self.own
        slope = found.slope.to(before) + own.divergence
        momentum = torch.lerp(slope, before[:, MOMENTUM], own.inertia)
        temperature = before[:, TEMPERATURE] - own.rate * momentum
        bounded = temperature.clamp(own.lowest, own.highest)
        average = found.log_average.to(before)
        return torch.stack([average, bounded, momentum, torch.ones_like(average)], 1)


def instances(view: View) -> Tensor:
    """The data set index of each instance the loss is taken on."""
    if view.index is None:
        raise ValueError("keeps state per instance, but the views do not say of which: View.index")
    return view.index if view.rows is None else view.index[view.rows]
