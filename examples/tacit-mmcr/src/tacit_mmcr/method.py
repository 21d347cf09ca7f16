"""The method: the objective, the views it wants, and defaults."""

from __future__ import annotations

from tacit.methods import Method, Stage
from tacit_mmcr.objective import Mmcr, MmcrConfig


def method() -> Method:
    """Maximum manifold capacity of two views."""
    stage = Stage(
        views="two-views",
        objective=Mmcr,
        config=MmcrConfig(),
        training={"epochs": 100, "batch": 256, "optimizer": {"kind": "adamw", "lr": 1e-3}},
    )
    return Method(
        name="mmcr/mmcr",
        summary="Centroids of views spread over as many axes as they can",
        source="Yerxa et al. 2023, arXiv:2303.03307",
        stages=(stage,),
    )
