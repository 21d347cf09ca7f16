"""The core's methods that cluster: settings for small scale."""

from __future__ import annotations

from dataclasses import replace

from tacit.methods.catalogue.defaults import training
from tacit.methods.catalogue.joint_embedding import simclr
from tacit.methods.method import Method, Stage
from tacit.nn import PreviousStage
from tacit.objectives import (
    DeepCluster,
    DeepClusterConfig,
    GuidedSimClr,
    GuidedSimClrConfig,
    Swav,
    SwavConfig,
)
from tacit.objectives.guided import BEFORE


def swav() -> Method:
    """SwAV. The paper trains with LARS at batch 4096, with 3000 prototypes and 2 + 6 views."""
    stage = Stage(views="multi-crop", objective=Swav, config=SwavConfig(), training=training())
    return Method(
        name="swav",
        summary="Views predict each other's prototypes, assigned in equal shares of the batch",
        source="Caron et al. 2020, arXiv:2006.09882",
        stages=(stage,),
    )


def deep_cluster() -> Method:
    """DeepCluster-V2. The paper has three clusterings of 3000 and 2 + 6 views."""
    stage = Stage(
        views="two-views",
        objective=DeepCluster,
        config=DeepClusterConfig(),
        training=training(),
    )
    return Method(
        name="deep-cluster",
        summary="Views predict their instance's cluster, found anew each epoch by k-means",
        source="Caron et al. 2020, arXiv:2006.09882 (DeepCluster-v2)",
        stages=(stage,),
    )


def g_simclr(first: Stage | None = None) -> Method:
    """G-SimCLR. The paper's first stage is a denoising autoencoder; `first` may be any.

    Args:
        first: whose encoder gives the pseudo labels; None: a SimCLR, which runs on every encoder.
    """
    (usual,) = simclr().stages
    second = Stage(
        name="guided",
        views="two-views",
        objective=GuidedSimClr,
        config=GuidedSimClrConfig(),
        teachers={BEFORE: PreviousStage()},
        start="initial",
        training=training(),
    )
    return Method(
        name="g-simclr",
        summary="SimCLR whose batches hold one instance of a cluster, by an encoder trained before",
        source="Chakraborty et al. 2020, arXiv:2009.12007",
        stages=(replace(first or usual, name="first"), second),
    )
