"""Methods for graphs, with the settings their authors have for Cora, or for MUTAG's kind.

GraphMAE, GRACE, BGRL, GraphCL and completion are the core's objectives with other settings; the
others bring their own. Encoder and views that belong to a method stand in the recipes.
"""

from __future__ import annotations

from tacit.methods import Method, Stage
from tacit.nn import (
    Ema,
    Fill,
    InputTarget,
    MlpConfig,
    OwnDecoder,
    RandomMask,
    ScaledCosine,
)
from tacit.objectives import (
    Byol,
    ByolConfig,
    MaskedPrediction,
    MaskedPredictionConfig,
    SimClr,
    SimClrConfig,
)
from tacit_graph.objectives import (
    CcaSsg,
    CcaSsgConfig,
    Clustering,
    ClusteringConfig,
    CompletionConfig,
    Dgi,
    DgiConfig,
    Discrepancy,
    DiscrepancyConfig,
    InfoGraph,
    InfoGraphConfig,
    Links,
    LinksConfig,
    ParetoGnn,
    ParetoGnnConfig,
    Partition,
    PartitionConfig,
    SsGcn,
    SsGcnConfig,
)

_COSINE = {"kind": "cosine", "start": 1.0}
_WARM = {"kind": "cosine", "start": 1.0, "warmup": 0.1}


def _training(
    epochs: int, lr: float, weight_decay: float = 0.0, kind: str = "adam", **schedules: object
) -> dict[str, object]:
    return {
        "epochs": epochs,
        "optimizer": {"kind": kind, "lr": lr, "weight_decay": weight_decay},
        "schedules": schedules,
    }


def graphmae() -> Method:
    """GraphMAE with the settings for Cora; the schedule must not be shortened with the run."""
    config = MaskedPredictionConfig(
        mask=RandomMask(ratio=0.5),
        mode="replace",
        fill=Fill(donor=0.05),
        target=InputTarget(),
        decoder=OwnDecoder(token="zeros"),
        loss=ScaledCosine(gamma=3.0),
    )
    optimizer = {"kind": "adam", "lr": 1e-3, "weight_decay": 2e-4, "decays": "all"}
    stage = Stage(
        views="masked",
        objective=MaskedPrediction,
        config=config,
        training={"epochs": 1500, "optimizer": optimizer, "schedules": {"lr_factor": _COSINE}},
    )
    return Method(
        name="graph/graphmae",
        summary="Features of hidden nodes are reconstructed by a graph decoder",
        source="Hou et al. 2022, arXiv:2205.10803",
        stages=(stage,),
    )


def grace() -> Method:
    """GRACE with the settings for Cora: SimCLR's loss between two views of every node."""
    projector = MlpConfig(widths=(128, 128), norm="none", activation="elu")
    config = SimClrConfig(temperature=0.4, projector=projector)
    stage = Stage(
        views="two-views", objective=SimClr, config=config, training=_training(200, 5e-4, 1e-5)
    )
    return Method(
        name="graph/grace",
        summary="Two views of a node attract, all other nodes of both views repel",
        source="Zhu et al. 2020, arXiv:2006.04131",
        stages=(stage,),
    )


def bgrl() -> Method:
    """BGRL: BYOL without a projector, the predictor as wide as the encoder."""
    predictor = MlpConfig(widths=(512, 256), norm="none", activation="prelu")
    config = ByolConfig(projector=None, predictor=predictor)
    momentum = {"kind": "cosine", "start": 0.99, "end": 1.0}
    stage = Stage(
        views="two-views",
        objective=Byol,
        config=config,
        teachers={"teacher": Ema(momentum=0.99)},
        training=_training(
            1000, 5e-4, 1e-5, "adamw", lr_factor=_WARM, **{"teacher.momentum": momentum}
        ),
    )
    return Method(
        name="graph/bgrl",
        summary="A node's view predicts a moving-average teacher's embedding of the other",
        source="Thakoor et al. 2022, arXiv:2102.06514",
        stages=(stage,),
    )


def cca_ssg() -> Method:
    """CCA-SSG with the settings for Cora."""
    stage = Stage(
        views="two-views", objective=CcaSsg, config=CcaSsgConfig(), training=_training(50, 1e-3)
    )
    return Method(
        name="graph/cca-ssg",
        summary="Two views of a node agree, and features are decorrelated",
        source="Zhang et al. 2021, arXiv:2106.12484",
        stages=(stage,),
    )


def dgi() -> Method:
    """DGI with the authors' settings."""
    stage = Stage(
        views="shuffled", objective=Dgi, config=DgiConfig(), training=_training(300, 1e-3)
    )
    return Method(
        name="graph/dgi",
        summary="Nodes are told from those of a shuffled graph by a summary of the graph",
        source="Velickovic et al. 2019, arXiv:1809.10341",
        stages=(stage,),
    )


def links() -> Method:
    """Link prediction with the settings ParetoGNN has for it."""
    stage = Stage(
        views="linked",
        objective=Links,
        config=LinksConfig(),
        training=_training(300, 5e-4, 1e-5, "adamw"),
    )
    return Method(
        name="graph/links",
        summary="Nodes that are joined are told from random pairs",
        source="Ju et al. 2023, arXiv:2210.02016",
        stages=(stage,),
    )


def pareto_gnn() -> Method:
    """ParetoGNN. The authors take 10,000 steps, in batches of subgraphs where a graph is large."""
    stage = Stage(
        views="many-tasks",
        objective=ParetoGnn,
        config=ParetoGnnConfig(),
        training=_training(300, 5e-4, 1e-5, "adamw"),
    )
    return Method(
        name="graph/pareto-gnn",
        summary="Five tasks at once, none of which a step makes worse: min-norm weights",
        source="Ju et al. 2023, arXiv:2210.02016",
        stages=(stage,),
    )


def graphcl() -> Method:
    """GraphCL: SimCLR's loss between two edited copies of every graph."""
    config = SimClrConfig(temperature=0.2, projector=MlpConfig(widths=(96, 96), norm="none"))
    training = {**_training(20, 1e-2), "batch": 128}
    stage = Stage(views="one-of-edits", objective=SimClr, config=config, training=training)
    return Method(
        name="graph/graphcl",
        summary="Two edited copies of a graph attract, those of other graphs repel",
        source="You et al. 2020, arXiv:2010.13902",
        stages=(stage,),
    )


def infograph() -> Method:
    """InfoGraph with the authors' settings."""
    training = {**_training(20, 1e-2), "batch": 128}
    stage = Stage(views="masked", objective=InfoGraph, config=InfoGraphConfig(), training=training)
    return Method(
        name="graph/infograph",
        summary="Nodes tell their own graph from the others of the batch",
        source="Sun et al. 2020, arXiv:1908.01000",
        stages=(stage,),
    )


def d_sla() -> Method:
    """D-SLA with the authors' settings for molecules."""
    training = {**_training(100, 1e-3), "batch": 256}
    stage = Stage(
        views="perturbed", objective=Discrepancy, config=DiscrepancyConfig(), training=training
    )
    return Method(
        name="graph/d-sla",
        summary="A graph is told from edited copies, which lie as far from it as they were edited",
        source="Kim et al. 2022, arXiv:2202.02989",
        stages=(stage,),
    )


_SS_GCN = "You et al. 2020, arXiv:2006.09136"


def clustering() -> Method:
    """Node clustering of SS-GCNs, alone."""
    stage = Stage(
        views="masked",
        objective=Clustering,
        config=ClusteringConfig(),
        training=_training(200, 8e-3, 8e-5),
    )
    return Method(
        name="graph/clustering",
        summary="The cluster of a node's raw features is told from its embedding",
        source=_SS_GCN,
        stages=(stage,),
    )


def partition() -> Method:
    """Graph partitioning of SS-GCNs, alone."""
    stage = Stage(
        views="masked",
        objective=Partition,
        config=PartitionConfig(),
        training=_training(200, 8e-3, 8e-5),
    )
    return Method(
        name="graph/partition",
        summary="In which of several parts of the graph a node lies is told from its embedding",
        source=_SS_GCN,
        stages=(stage,),
    )


def completion() -> Method:
    """Graph completion of SS-GCNs, alone: a masked prediction."""
    stage = Stage(
        views="masked",
        objective=MaskedPrediction,
        config=CompletionConfig().masked(),
        training=_training(200, 8e-3, 8e-5),
    )
    return Method(
        name="graph/completion",
        summary="Features of hidden nodes are told from those around by a linear map",
        source=_SS_GCN,
        stages=(stage,),
    )


def ss_gcn() -> Method:
    """SS-GCNs with the settings for Cora: its classes, and parts of it as the task."""
    training = {**_training(200, 8e-3, 8e-5), "weights": {"labels": 0.7, "task": 0.3}}
    stage = Stage(views="masked", objective=SsGcn, config=SsGcnConfig(), training=training)
    return Method(
        name="graph/ss-gcn",
        summary="Labels of the training nodes, and a self-supervised task on all, learnt together",
        source=_SS_GCN,
        stages=(stage,),
    )
