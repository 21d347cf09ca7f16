"""Objectives that came with graphs; none of them looks at edges."""

from tacit_graph.objectives.cca_ssg import CcaSsg, CcaSsgConfig, cca_ssg
from tacit_graph.objectives.discrepancy import Discrepancy, DiscrepancyConfig
from tacit_graph.objectives.infomax import Dgi, DgiConfig, InfoGraph, InfoGraphConfig
from tacit_graph.objectives.links import Links, LinksConfig
from tacit_graph.objectives.pareto import ParetoGnn, ParetoGnnConfig

__all__ = [
    "CcaSsg",
    "CcaSsgConfig",
    "Dgi",
    "DgiConfig",
    "Discrepancy",
    "DiscrepancyConfig",
    "InfoGraph",
    "InfoGraphConfig",
    "Links",
    "LinksConfig",
    "ParetoGnn",
    "ParetoGnnConfig",
    "cca_ssg",
]
