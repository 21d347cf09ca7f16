"""ParetoGNN: five tasks on one graph that share an encoder without giving way to each other."""

from __future__ import annotations

from dataclasses import dataclass

from tacit.nn import (
    BalanceConfig,
    InputTarget,
    MinNorm,
    MlpConfig,
    OwnDecoder,
    RandomMask,
    ScaledCosine,
)
from tacit.objectives import (
    MaskedPrediction,
    MaskedPredictionConfig,
    Several,
    SimClr,
    SimClrConfig,
)
from tacit_graph.objectives.cca_ssg import CcaSsg, CcaSsgConfig
from tacit_graph.objectives.infomax import Dgi
from tacit_graph.objectives.links import Links, LinksConfig

ROLES = {
    "reconstruction": ("masked",),
    "information": ("whole", "shuffled"),
    "contrast": ("view",),
    "correlation": ("view",),
    "links": ("linked",),
}
"""Of each task, the roles of the views it sees."""


@dataclass(frozen=True, kw_only=True)
class ParetoGnnConfig:
    """Settings of ParetoGNN's tasks; the defaults are the authors'.

    Args:
        reconstruction: of hidden nodes' features, GraphMAE's.
        contrast: of a node's two views with all others', GRACE's.
        correlation: of two views' features, CCA-SSG's.
        links: of which nodes are joined.
        balance: how the tasks are weighed.
    """

    reconstruction: MaskedPredictionConfig = MaskedPredictionConfig(
        mask=RandomMask(ratio=0.5),
        mode="replace",
        target=InputTarget(),
        decoder=OwnDecoder(),
        loss=ScaledCosine(gamma=3.0),
    )
    contrast: SimClrConfig = SimClrConfig(
        temperature=0.1, projector=MlpConfig(widths=(512, 256), norm="none")
    )
    correlation: CcaSsgConfig = CcaSsgConfig()
    links: LinksConfig = LinksConfig()
    balance: BalanceConfig = MinNorm()


class ParetoGnn(Several):
    """Features of hidden nodes, DGI, GRACE, CCA-SSG and links, by min-norm weights.

    Source: Ju et al. 2023 (arXiv 2210.02016) sections 3.1 and 3.2; jumxglhf/ParetoGNN. Differs:
        weights are those of the raw gradients that step along the shortest combination of their
        directions (see `tacit.functional.min_norm`); the correlation is CCA-SSG's own, where the
        authors' code leaves its norms unsquared; tasks see the whole batch, where theirs draws
        subgraphs for some.
    """

    Config = ParetoGnnConfig

    def __init__(self, config: ParetoGnnConfig | None = None) -> None:
        config = config or ParetoGnnConfig()
        tasks = {
            "reconstruction": MaskedPrediction(config.reconstruction),
            "information": Dgi(),
            "contrast": SimClr(config.contrast),
            "correlation": CcaSsg(config.correlation),
            "links": Links(config.links),
        }
        super().__init__(tasks, config.balance, roles=ROLES)
        self.config = config
