"""Self-distillation over prototypes, with defaults that train at small scale."""

from __future__ import annotations

from tacit.methods.catalogue.defaults import training
from tacit.methods.method import Method, Stage
from tacit.nn import Ema, MlpConfig, PrototypeHeadConfig, RandomInit
from tacit.objectives import (
    Byol,
    ByolConfig,
    Dino,
    DinoConfig,
    Ibot,
    IbotConfig,
    RandomTeacher,
    RandomTeacherConfig,
    SimSiam,
    SimSiamConfig,
)

_CLIP = 3.0  # as DINO's gradients are
_MOMENTUM = {"kind": "cosine", "start": 0.99, "end": 1.0}
_SHARPNESS = {"kind": "linear", "start": 0.04, "end": 0.07, "over": 0.3}
_TRUNK = MlpConfig(widths=(512, 512, 128), norm="batch", activation="gelu")


def dino() -> Method:
    """DINO. The paper trains with AdamW at batch 1024, 65536 prototypes and momentum 0.996 to 1.

    Its head has batch norm, as the paper's has for convolutional encoders: without it short runs
    learn next to nothing.
    """
    stage = Stage(
        views="multi-crop",
        objective=Dino,
        config=DinoConfig(projector=PrototypeHeadConfig(trunk=_TRUNK)),
        teachers={"teacher": Ema(momentum=0.99)},
        training=training(
            clip=_CLIP,
            schedules={"teacher.momentum": _MOMENTUM, "teacher_temperature": _SHARPNESS},
        ),
    )
    return Method(
        name="dino",
        summary="Views and their parts assigned to prototypes as an averaged teacher does",
        source="Caron et al. 2021, arXiv:2104.14294",
        stages=(stage,),
    )


def ibot() -> Method:
    """IBOT. The paper trains with AdamW at batch 1024, 8192 prototypes and small crops beside.

    The paper's one head for views and tokens has no norm. Here the views' has batch norm, as DINO's
    above, and the tokens, which cannot take it, have a head of their own: better in short runs.
    """
    schedules = {
        "teacher.momentum": _MOMENTUM,
        "teacher_temperature": _SHARPNESS,
        "token_teacher_temperature": _SHARPNESS,
    }
    stage = Stage(
        views="two-views",
        objective=Ibot,
        config=IbotConfig(projector=PrototypeHeadConfig(trunk=_TRUNK), shared_head=False),
        teachers={"teacher": Ema(momentum=0.99)},
        training=training(clip=_CLIP, schedules=schedules),
    )
    return Method(
        name="ibot",
        summary="DINO on masked views, and a teacher's assignment of every hidden token",
        source="Zhou et al. 2022, arXiv:2111.07832",
        stages=(stage,),
    )


def random_teacher() -> Method:
    """Distillation of a random teacher; the paper: 65536 prototypes, temperature 1, whole inputs.

    Sharper assignments, a student that begins near its teacher, and four times the rate of other
    methods learn more in short runs.
    """
    config = RandomTeacherConfig(
        projector=PrototypeHeadConfig(trunk=_TRUNK), temperature=0.1, distance=0.2
    )
    stage = Stage(
        views="masked",
        objective=RandomTeacher,
        config=config,
        teachers={"teacher": RandomInit(batch_norm=True)},
        training=training(4e-3, clip=_CLIP),
    )
    return Method(
        name="random-teacher",
        summary="A student distilled into a teacher that was never trained",
        source="Sarnthein et al. 2023, arXiv:2302.12091",
        stages=(stage,),
    )


def byol() -> Method:
    """BYOL. The paper trains with LARS at batch 4096, momentum 0.996 rising to 1.

    The rate is three times SimCLR's; with a normalised projector it taught most in short runs.
    """
    momentum = {"kind": "cosine", "start": 0.99, "end": 1.0}
    stage = Stage(
        views="two-views",
        objective=Byol,
        config=ByolConfig(),
        teachers={"teacher": Ema(momentum=0.99)},
        training=training(3e-3, schedules={"teacher.momentum": momentum}),
    )
    return Method(
        name="byol",
        summary="One view predicts a moving-average teacher's embedding of the other",
        source="Grill et al. 2020, arXiv:2006.07733",
        stages=(stage,),
    )


def simsiam() -> Method:
    """SimSiam. The paper trains with SGD at batch 512."""
    stage = Stage(views="two-views", objective=SimSiam, config=SimSiamConfig(), training=training())
    return Method(
        name="simsiam",
        summary="One view predicts the other, with a stop-gradient and no teacher",
        source="Chen and He 2021, arXiv:2011.10566",
        stages=(stage,),
    )
