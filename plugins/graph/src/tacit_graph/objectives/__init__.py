"""Objectives that came with graphs; but for `Partition`, none of them looks at edges."""

from tacit_graph.objectives.cca_ssg import CcaSsg, CcaSsgConfig, cca_ssg
from tacit_graph.objectives.discrepancy import Discrepancy, DiscrepancyConfig
from tacit_graph.objectives.infomax import Dgi, DgiConfig, InfoGraph, InfoGraphConfig
from tacit_graph.objectives.links import Links, LinksConfig
from tacit_graph.objectives.made_labels import (
    Clustering,
    ClusteringConfig,
    MadeLabels,
    Partition,
    PartitionConfig,
)
from tacit_graph.objectives.pareto import ParetoGnn, ParetoGnnConfig
from tacit_graph.objectives.ss_gcn import CompletionConfig, SsGcn, SsGcnConfig

__all__ = [
    "CcaSsg",
    "CcaSsgConfig",
    "Clustering",
    "ClusteringConfig",
    "CompletionConfig",
    "Dgi",
    "DgiConfig",
    "Discrepancy",
    "DiscrepancyConfig",
    "InfoGraph",
    "InfoGraphConfig",
    "Links",
    "LinksConfig",
    "MadeLabels",
    "ParetoGnn",
    "ParetoGnnConfig",
    "Partition",
    "PartitionConfig",
    "SsGcn",
    "SsGcnConfig",
    "cca_ssg",
]
