"""The core's methods that build on Barlow Twins and VICReg: settings for small scale."""

from __future__ import annotations

from dataclasses import replace

from tacit.methods.catalogue.defaults import training
from tacit.methods.catalogue.joint_embedding import vicreg
from tacit.methods.method import Method, Stage
from tacit.objectives import (
    EntropicVicReg,
    EntropicVicRegConfig,
    MixedBarlowTwins,
    MixedBarlowTwinsConfig,
)


def mixed_barlow_twins() -> Method:
    """Mixed Barlow Twins. The authors train for 1000 to 2000 epochs, where overfitting shows."""
    stage = Stage(
        views="two-views",
        objective=MixedBarlowTwins,
        config=MixedBarlowTwinsConfig(),
        training=training(),
    )
    return Method(
        name="mixed-barlow-twins",
        summary="Barlow Twins, and mixed instances embedded where the mixture of two lies",
        source="Bandara et al. 2023, arXiv:2312.02151",
        stages=(stage,),
    )


def e2mc() -> Method:
    """E2MC: VICReg, and a tenth as long again with effective entropy added.

    The paper goes on for 10 epochs from models of 100 to 1000. To go on from another method, give
    its stage and one with `tacit.objectives.Entropic` before its objective, `keep=("projector",)`.
    """
    (first,) = vicreg().stages
    settings = {**training(3e-4), "epochs": 10}
    second = Stage(
        name="entropy",
        views="two-views",
        objective=EntropicVicReg,
        config=EntropicVicRegConfig(),
        keep=("projector",),
        training=settings,
    )
    return Method(
        name="e2mc",
        summary="VICReg, continued for a few epochs with the embedding's effective entropy raised",
        source="Chakraborty et al. 2024, arXiv:2411.15931",
        stages=(replace(first, name="pretrain"), second),
    )
