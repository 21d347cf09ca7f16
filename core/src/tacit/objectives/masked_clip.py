"""CLIP, and masked prediction across the same modalities, as one sum."""

from __future__ import annotations

from dataclasses import dataclass, field

from tacit.nn import BalanceConfig, Fixed
from tacit.objectives.cross_modal import Clip, ClipConfig
from tacit.objectives.masked_across import MaskedAcross, MaskedAcrossConfig
from tacit.objectives.several import Several


@dataclass(frozen=True, kw_only=True)
class MaskedClipConfig:
    """Settings of the two tasks.

    Args:
        contrast: CLIP's.
        across: those of masked prediction; a schedule `mask.ratio` moves its ratios.
        balance: how the losses are weighed; fixed weights are the run's `weights.contrast` and
            `weights.across`.
    """

    contrast: ClipConfig = field(default_factory=ClipConfig)
    across: MaskedAcrossConfig = field(default_factory=MaskedAcrossConfig)
    balance: BalanceConfig = Fixed()


class MaskedClip(Several):
    """Members of a pair find each other, and what is hidden of one is told from the other.

    What the contrast compares is what the decoders look at, so that an encoder runs once whole and
    once under a mask.

    Source: Kwon et al. 2022 (arXiv 2208.02131), MaskVLM, section 3.2, without its third loss, a
        classifier of matching pairs. Differs: as `MaskedAcross` and `Clip` do.
    """

    Config = MaskedClipConfig

    def __init__(self, config: MaskedClipConfig | None = None) -> None:
        self.config = config or MaskedClipConfig()
        tasks = {"contrast": Clip(self.config.contrast), "across": MaskedAcross(self.config.across)}
        super().__init__(tasks, self.config.balance)
