"""Effective entropy beside another loss: a few more epochs for a model that is trained already."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from tacit.functional import effective_entropy
from tacit.objectives.distillation import SimSiam, SimSiamConfig
from tacit.objectives.joint_embedding import VicReg, VicRegConfig


@dataclass(frozen=True, kw_only=True)
class EffectiveEntropyConfig:
    """Settings of the criterion.

    Args:
        entropy: weight of the marginal entropies; the authors' is 10 beside VICReg, 1 beside
            SimSiam.
        covariance: weight of the covariances, the views added; theirs are 1 and 25.

    Raises:
        ValueError: a negative weight.
    """

    entropy: float = 10.0
    covariance: float = 1.0

    def __post_init__(self) -> None:
        for name in ("entropy", "covariance"):
            if (value := getattr(self, name)) < 0:
                raise ValueError(f"{name}: wanted at least 0; got {value}")


class Entropic:
    """Put before an objective's class, adds E2MC to its loss: `class Mine(Entropic, SimClr)`.

    For objectives with `beside`: `JointEmbedding` and its kin, and those that predict a view. What
    is raised is the entropy of the embeddings their losses compare, so a stage that goes on from
    another keeps its projector: `Stage(keep=("projector",))`.

    Attributes:
        effective: the weights.

    Source: Chakraborty et al. 2024 (arXiv 2411.15931) section 4; deepc94/e2mc,
    main_vicreg_ent_ft.py and main_simsiam_ent_ft.py: entropies are the mean over views,
    covariances their sum. Differs: with more than two views, twice the mean.
    """

    effective: EffectiveEntropyConfig

    def beside(self, embeddings: Sequence[Tensor]) -> dict[str, Tensor]:
        """The two parts, weighted; that of the entropy is negative where it is large."""
        found = [effective_entropy(each) for each in embeddings]
        entropy = torch.stack([each.entropy for each in found]).mean()
        covariance = 2 * torch.stack([each.covariance for each in found]).mean()
        return {
            "entropy": -self.effective.entropy * entropy,
            "cube_covariance": self.effective.covariance * covariance,
        }


@dataclass(frozen=True, kw_only=True)
class EntropicVicRegConfig(VicRegConfig):
    """Settings of VICReg with effective entropy.

    Args:
        effective: the weights of E2MC.
    """

    effective: EffectiveEntropyConfig = EffectiveEntropyConfig()


class EntropicVicReg(Entropic, VicReg):
    """VICReg with effective entropy added.

    Source: Chakraborty et al. 2024 (arXiv 2411.15931); deepc94/e2mc, main_vicreg_ent_ft.py.
    """

    Config = EntropicVicRegConfig

    def __init__(self, config: EntropicVicRegConfig | None = None) -> None:
        config = config or EntropicVicRegConfig()
        super().__init__(config)
        self.effective = config.effective


@dataclass(frozen=True, kw_only=True)
class EntropicSimSiamConfig(SimSiamConfig):
    """Settings of SimSiam with effective entropy.

    Args:
        effective: the weights of E2MC.
    """

    effective: EffectiveEntropyConfig = EffectiveEntropyConfig(entropy=1.0, covariance=25.0)


class EntropicSimSiam(Entropic, SimSiam):
    """SimSiam with effective entropy added.

    Source: Chakraborty et al. 2024 (arXiv 2411.15931); deepc94/e2mc, main_simsiam_ent_ft.py.
    """

    Config = EntropicSimSiamConfig

    def __init__(self, config: EntropicSimSiamConfig | None = None) -> None:
        config = config or EntropicSimSiamConfig()
        super().__init__(config)
        self.effective = config.effective
