"""Modalities contrasted with all of the data, with a temperature for each instance and way."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import cast

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn

from tacit.contract import Context, DataInfo, EncoderSpec, Losses, Requirements, Views
from tacit.functional import GlobalContrast, global_contrast_across, global_mean
from tacit.nn import MlpConfig, SampleState
from tacit.objectives.cross_modal import LINEAR, CrossModal, CrossModalConfig
from tacit.objectives.global_contrast import (
    AVERAGE,
    MOMENTUM,
    SEEN,
    TEMPERATURE,
    ISogClrConfig,
    instances,
)
from tacit.objectives.joint_embedding import agreement


@dataclass(frozen=True, kw_only=True)
class PairedISogClrConfig(ISogClrConfig):
    """Settings of iSogCLR on pairs.

    Args:
        temperature: of all instances at first; the paper's 0.01 starts lower, on larger data.
        lowest: temperature of an instance at least.
        projector: as in `CrossModalConfig`.
        pairs: as in `CrossModalConfig`.
    """

    temperature: float = 0.07
    lowest: float = 0.01
    projector: MlpConfig = LINEAR
    pairs: tuple[str, ...] = ()


class PairedISogClr(CrossModal):
    """CLIP with a temperature for each instance and way, and averages that remember the data.

    The state of a way (`first-second`) is indexed by data set index, the same on all processes, and
    checkpointed.

    Source: Qiu et al. 2023 (arXiv 2305.11965) eq. 6 and algorithm 2; see
        `tacit.functional.global_contrast_across`. Differs: any modalities, members that may be
        missing, one view of each modality.
    """

    Config = PairedISogClrConfig

    def __init__(self, config: PairedISogClrConfig | None = None) -> None:
        self.config = config or PairedISogClrConfig()
        shared = CrossModalConfig(projector=self.config.projector, pairs=self.config.pairs)
        super().__init__(shared)
        self.requires = Requirements(modalities=2, most_views=1, batch=2, instances=True)
        self.state = nn.ModuleDict()
        self._numbers = torch.empty(0, dtype=torch.int64)

    def build(self, specs: Mapping[str, EncoderSpec], data: DataInfo) -> None:
        """Projectors, and a state for each way of each pair.

        Of data of unknown size, which `requires.instances` refuses to train on, one state.
        """
        super().build(specs, data)
        for a, b in self.pairs:
            for way in (f"{a}-{b}", f"{b}-{a}"):
                state = SampleState(data.instances or 1, (4,))
                state.values[:, TEMPERATURE] = self.config.temperature
                self.state[way] = state

    def forward(self, views: Views, ctx: Context) -> Losses:
        """See `CrossModal.forward`."""
        self._numbers = instances(views[0])
        return super().forward(views, ctx)

    def pair(
        self,
        a: Float[Tensor, "batch width"],
        b: Float[Tensor, "batch width"],
        both: Bool[Tensor, " batch"] | None,
        names: tuple[str, str],
    ) -> Losses:
        """Both ways, each with its own state."""
        first, second = names
        forth, warm = self._way(f"{first}-{second}", a, b, both)
        back, cool = self._way(f"{second}-{first}", b, a, both)
        metrics = {"temperature": (warm + cool) / 2, **agreement(a.detach(), b.detach())}
        return Losses(terms={"global": (forth + back) / 2}, metrics=metrics)

    def after_step(self, ctx: Context) -> None:
        """Write what this step has found of its instances."""
        for state in self.state.values():
            cast("SampleState", state).update()

    def _way(self, way: str, a: Tensor, b: Tensor, both: Tensor | None) -> tuple[Tensor, Tensor]:
        """The loss of one way, and its mean temperature."""
        state = cast("SampleState", self.state[way])
        before = state.read(self._numbers)
        average = torch.where(before[:, SEEN] > 0, before[:, AVERAGE], -torch.inf)
        temperature = before[:, TEMPERATURE]
        found = global_contrast_across(
            a, b, temperature, average, both=both, share=self.config.share
        )
        if self.training:
            after = self._after(before, found)
            state.see(
                self._numbers, after if both is None else torch.where(both[:, None], after, before)
            )
        return found.loss, global_mean(temperature.sum(), len(temperature))

    def _after(self, before: Tensor, found: GlobalContrast) -> Tensor:
        """A step of each temperature against its slope, with momentum, within bounds."""
        own = self.config
        slope = found.slope.to(before) + own.divergence
        momentum = torch.lerp(slope, before[:, MOMENTUM], own.inertia)
        temperature = (before[:, TEMPERATURE] - own.rate * momentum).clamp(own.lowest, own.highest)
        average = found.log_average.to(before)
        return torch.stack([average, temperature, momentum, torch.ones_like(average)], 1)
