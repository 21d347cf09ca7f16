"""The core's methods: papers' compositions with defaults that train at small scale."""

from __future__ import annotations

from tacit.methods.method import Method, Stage
from tacit.nn import Ema, InputTarget, LinearDecoder, MeanAbsolute, RandomMask
from tacit.objectives import (
    BarlowTwins,
    BarlowTwinsConfig,
    Byol,
    ByolConfig,
    MaskedPrediction,
    MaskedPredictionConfig,
    SimClr,
    SimClrConfig,
    SimSiam,
    SimSiamConfig,
    VicReg,
    VicRegConfig,
)

_COSINE = {"lr_factor": {"kind": "cosine", "start": 1.0, "warmup": 0.1}}


def _training(lr: float, **schedules: object) -> dict[str, object]:
    """AdamW with a warm-up and half a cosine: what small batches and small models like."""
    return {
        "epochs": 100,
        "batch": 256,
        "optimizer": {"kind": "adamw", "lr": lr, "weight_decay": 0.01},
        "schedules": {**_COSINE, **schedules},
    }


def simclr() -> Method:
    """SimCLR. The paper trains with LARS at batch 4096 for 1000 epochs."""
    stage = Stage(
        views="two-views", objective=SimClr, config=SimClrConfig(), training=_training(1e-3)
    )
    return Method(
        name="simclr",
        summary="Two views of an instance attract, those of other instances repel",
        source="Chen et al. 2020, arXiv:2002.05709",
        stages=(stage,),
    )


def barlow_twins() -> Method:
    """Barlow Twins. The paper trains with LARS at batch 2048 and a projector of 8192."""
    stage = Stage(
        views="two-views",
        objective=BarlowTwins,
        config=BarlowTwinsConfig(),
        training=_training(1e-3),
    )
    return Method(
        name="barlow-twins",
        summary="Cross-correlation of two views' embeddings made the identity",
        source="Zbontar et al. 2021, arXiv:2103.03230",
        stages=(stage,),
    )


def vicreg() -> Method:
    """VICReg. The paper trains with LARS at batch 2048 and a projector of 8192."""
    stage = Stage(
        views="two-views", objective=VicReg, config=VicRegConfig(), training=_training(1e-3)
    )
    return Method(
        name="vicreg",
        summary="Invariance between two views, variance kept up, covariance kept down",
        source="Bardes et al. 2022, arXiv:2105.04906",
        stages=(stage,),
    )


def byol() -> Method:
    """BYOL. The paper trains with LARS at batch 4096, momentum 0.996 rising to 1."""
    momentum = {"kind": "cosine", "start": 0.99, "end": 1.0}
    stage = Stage(
        views="two-views",
        objective=Byol,
        config=ByolConfig(),
        teachers={"teacher": Ema(momentum=0.99)},
        training=_training(1e-3, **{"teacher.momentum": momentum}),
    )
    return Method(
        name="byol",
        summary="One view predicts a moving-average teacher's embedding of the other",
        source="Grill et al. 2020, arXiv:2006.07733",
        stages=(stage,),
    )


def simsiam() -> Method:
    """SimSiam. The paper trains with SGD at batch 512."""
    stage = Stage(
        views="two-views", objective=SimSiam, config=SimSiamConfig(), training=_training(1e-3)
    )
    return Method(
        name="simsiam",
        summary="One view predicts the other, with a stop-gradient and no teacher",
        source="Chen and He 2021, arXiv:2011.10566",
        stages=(stage,),
    )


def mae() -> Method:
    """MAE. The paper trains with AdamW (0.9, 0.95) at batch 4096 and a decoder of 8 blocks."""
    training = _training(1e-3)
    training["optimizer"] = {
        "kind": "adamw",
        "lr": 1e-3,
        "weight_decay": 0.05,
        "betas": (0.9, 0.95),
    }
    stage = Stage(
        views="masked",
        objective=MaskedPrediction,
        config=MaskedPredictionConfig(),
        training=training,
    )
    return Method(
        name="mae",
        summary="Tokens dropped before the encoder are reconstructed from the rest",
        source="He et al. 2022, arXiv:2111.06377",
        stages=(stage,),
    )


def simmim() -> Method:
    """SimMIM. The paper hides 0.6 in cells of 2 x 2 tokens of its ViT: objective.mask.block=2."""
    config = MaskedPredictionConfig(
        mask=RandomMask(ratio=0.6),
        mode="replace",
        decoder=LinearDecoder(),
        target=InputTarget(),
        loss=MeanAbsolute(),
    )
    stage = Stage(
        views="masked", objective=MaskedPrediction, config=config, training=_training(1e-3)
    )
    return Method(
        name="simmim",
        summary="Tokens replaced by a learned one are reconstructed by a linear head",
        source="Xie et al. 2022, arXiv:2111.09886",
        stages=(stage,),
    )
