"""Self-distillation over prototypes, with defaults that train at small scale."""

from __future__ import annotations

from tacit.methods.method import Method, Stage
from tacit.nn import Ema, RandomInit
from tacit.objectives import (
    Dino,
    DinoConfig,
    Ibot,
    IbotConfig,
    RandomTeacher,
    RandomTeacherConfig,
)

_COSINE = {"lr_factor": {"kind": "cosine", "start": 1.0, "warmup": 0.1}}


def _training(lr: float, **schedules: object) -> dict[str, object]:
    """AdamW with a warm-up and half a cosine; gradients clipped, as DINO's are."""
    return {
        "epochs": 100,
        "batch": 256,
        "clip": 3.0,
        "optimizer": {"kind": "adamw", "lr": lr, "weight_decay": 0.01},
        "schedules": {**_COSINE, **schedules},
    }


_MOMENTUM = {"kind": "cosine", "start": 0.99, "end": 1.0}
_SHARPNESS = {"kind": "linear", "start": 0.04, "end": 0.07, "over": 0.3}


def dino() -> Method:
    """DINO. The paper trains with AdamW at batch 1024, 65536 prototypes and momentum 0.996 to 1."""
    stage = Stage(
        views="multi-crop",
        objective=Dino,
        config=DinoConfig(),
        teachers={"teacher": Ema(momentum=0.99)},
        training=_training(
            1e-3, **{"teacher.momentum": _MOMENTUM, "teacher_temperature": _SHARPNESS}
        ),
    )
    return Method(
        name="dino",
        summary="Views and their parts assigned to prototypes as an averaged teacher does",
        source="Caron et al. 2021, arXiv:2104.14294",
        stages=(stage,),
    )


def ibot() -> Method:
    """IBOT. The paper trains with AdamW at batch 1024, 8192 prototypes and small crops beside."""
    schedules = {
        "teacher.momentum": _MOMENTUM,
        "teacher_temperature": _SHARPNESS,
        "token_teacher_temperature": _SHARPNESS,
    }
    stage = Stage(
        views="two-views",
        objective=Ibot,
        config=IbotConfig(),
        teachers={"teacher": Ema(momentum=0.99)},
        training=_training(1e-3, **schedules),
    )
    return Method(
        name="ibot",
        summary="DINO on masked views, and a teacher's assignment of every hidden token",
        source="Zhou et al. 2022, arXiv:2111.07832",
        stages=(stage,),
    )


def random_teacher() -> Method:
    """Distillation of a random teacher. The paper trains with AdamW and 65536 prototypes."""
    stage = Stage(
        views="masked",
        objective=RandomTeacher,
        config=RandomTeacherConfig(),
        teachers={"teacher": RandomInit()},
        training=_training(1e-3),
    )
    return Method(
        name="random-teacher",
        summary="A student distilled into a teacher that was never trained",
        source="Sarnthein et al. 2023, arXiv:2302.12091",
        stages=(stage,),
    )
