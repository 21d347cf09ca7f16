"""Modalities that agree without negatives: VICReg and deep CCA between them."""

from __future__ import annotations

from dataclasses import dataclass, field

from jaxtyping import Bool, Float
from torch import Tensor

from tacit.contract import Losses, Requirements
from tacit.functional import eckart_young, vicreg
from tacit.nn import MlpConfig
from tacit.objectives.cross_modal import CrossModal, CrossModalConfig
from tacit.objectives.joint_embedding import agreement

_MLP = MlpConfig(widths=(512, 128))
_EXPANDER = MlpConfig(widths=(512, 512, 512))


@dataclass(frozen=True, kw_only=True)
class PairedVicRegConfig(CrossModalConfig):
    """Settings of VICReg between modalities.

    Args:
        projector: the expander of each modality.
        invariance: weight of the distance within pairs.
        variance: weight of the hinge on each feature's deviation.
        covariance: weight of the redundancy between features.
    """

    projector: MlpConfig = _EXPANDER
    invariance: float = 25.0
    variance: float = 25.0
    covariance: float = 1.0


class PairedVicReg(CrossModal):
    """VICReg whose two branches are the encoders of two modalities; it needs no negatives.

    Source: Bardes et al. 2022 (arXiv 2105.04906) section 4 and 5.3 (images with text, audio with
        its spectrogram); see `tacit.functional.vicreg`. Differs: as `Clip` does. Variances and
        covariances are of the members of complete pairs.
    """

    Config = PairedVicRegConfig

    def __init__(self, config: PairedVicRegConfig | None = None) -> None:
        self.config = config or PairedVicRegConfig()
        super().__init__(self.config)

    def pair(
        self,
        a: Float[Tensor, "batch width"],
        b: Float[Tensor, "batch width"],
        both: Bool[Tensor, " batch"] | None,
        names: tuple[str, str],
    ) -> Losses:
        """The three terms, weighted."""
        config = self.config
        found = vicreg(a, b, invariance=1.0, variance=1.0, covariance=1.0, both=both)
        terms = {
            "invariance": config.invariance * found.invariance,
            "variance": config.variance * found.variance,
            "covariance": config.covariance * found.covariance,
        }
        return Losses(terms=terms, metrics=agreement(a.detach(), b.detach()))


@dataclass(frozen=True, kw_only=True)
class DeepCcaConfig(CrossModalConfig):
    """Settings of deep CCA.

    Args:
        projector: of each modality; its last width is the number of directions.
        halves: an unbiased estimate from two halves of the batch; see
            `tacit.functional.eckart_young`; no member may be missing then.
    """

    projector: MlpConfig = field(default=_MLP)
    halves: bool = False


class DeepCca(CrossModal):
    """The directions in which modalities vary together: deep CCA, by plain gradient descent.

    Source: Chapman et al. 2024 (arXiv 2310.01012) eq. 6 to 8; see `tacit.functional.eckart_young`.
        Differs: of more than two modalities, the mean over the pairs.
    """

    Config = DeepCcaConfig

    def __init__(self, config: DeepCcaConfig | None = None) -> None:
        self.config = config or DeepCcaConfig()
        super().__init__(self.config)
        self.requires = Requirements(modalities=2, batch=4 if self.config.halves else 2)

    def pair(
        self,
        a: Float[Tensor, "batch width"],
        b: Float[Tensor, "batch width"],
        both: Bool[Tensor, " batch"] | None,
        names: tuple[str, str],
    ) -> Losses:
        """The loss of Eckart and Young."""
        found = eckart_young([a, b], halves=self.config.halves, both=both)
        return Losses(terms={"eckart_young": found.loss}, metrics=agreement(a.detach(), b.detach()))
