"""The core's contrastive methods: papers' compositions with defaults for small scale."""

from __future__ import annotations

from tacit.methods.catalogue.defaults import training
from tacit.methods.method import Method, Stage
from tacit.nn import Ema, MlpConfig
from tacit.objectives import (
    Dcl,
    DclConfig,
    GroCo,
    GroCoConfig,
    ISogClr,
    ISogClrConfig,
    MoCo,
    MoCoConfig,
    Nnclr,
    NnclrConfig,
    SogClr,
    SogClrConfig,
    SupCon,
    SupConConfig,
)

_MOMENTUM = {"kind": "cosine", "start": 0.99, "end": 1.0}


def moco() -> Method:
    """MoCo v1 and v2. The papers: SGD at batch 256, momentum 0.999, 65536 keys."""
    stage = Stage(
        views="two-views",
        objective=MoCo,
        config=MoCoConfig(),
        teachers={"teacher": Ema(momentum=0.99)},
        training=training(schedules={"teacher.momentum": _MOMENTUM}),
    )
    return Method(
        name="moco",
        summary="A moving-average teacher's key of the other view is found among past keys",
        source="He et al. 2020, arXiv:1911.05722",
        stages=(stage,),
    )


def moco_v3() -> Method:
    """MoCo v3. The paper trains with AdamW or LARS at batch 4096 and momentum 0.99 to 1."""
    stage = Stage(
        views="two-views",
        objective=MoCo,
        config=MoCoConfig(negatives="batch", predictor=MlpConfig(widths=(512, 128))),
        teachers={"teacher": Ema(momentum=0.99)},
        training=training(schedules={"teacher.momentum": _MOMENTUM}),
    )
    return Method(
        name="moco-v3",
        summary="A moving-average teacher's key of the other view is found among the batch's",
        source="Chen et al. 2021, arXiv:2104.02057",
        stages=(stage,),
    )


def nnclr() -> Method:
    """NNCLR. The paper trains with LARS at batch 4096 and 98304 past embeddings."""
    stage = Stage(
        views="two-views",
        objective=Nnclr,
        config=NnclrConfig(),
        training=training(),
    )
    return Method(
        name="nnclr",
        summary="The nearest past neighbour of one view is a positive of the other view",
        source="Dwibedi et al. 2021, arXiv:2104.14548",
        stages=(stage,),
    )


def dcl() -> Method:
    """DCL. The paper trains with SGD at batch 256."""
    stage = Stage(
        views="two-views",
        objective=Dcl,
        config=DclConfig(),
        training=training(),
    )
    return Method(
        name="dcl",
        summary="SimCLR whose positive pair is left out of the denominator",
        source="Yeh et al. 2022, arXiv:2110.06848",
        stages=(stage,),
    )


def dclw() -> Method:
    """DCLW. The paper trains with SGD at batch 256."""
    stage = Stage(
        views="two-views",
        objective=Dcl,
        config=DclConfig(sigma=0.5),
        training=training(),
    )
    return Method(
        name="dclw",
        summary="DCL in which unlike positive pairs pull more",
        source="Yeh et al. 2022, arXiv:2110.06848",
        stages=(stage,),
    )


def sogclr() -> Method:
    """SogCLR. The paper trains with LARS at batch 256."""
    stage = Stage(
        views="two-views",
        objective=SogClr,
        config=SogClrConfig(),
        training=training(),
    )
    return Method(
        name="sogclr",
        summary="Contrast with all of the data in small batches, by a running average per instance",
        source="Yuan et al. 2022, arXiv:2202.12387",
        stages=(stage,),
    )


def isogclr() -> Method:
    """ISogCLR. The paper trains with LARS at batch 256 for 400 epochs."""
    stage = Stage(
        views="two-views",
        objective=ISogClr,
        config=ISogClrConfig(),
        training=training(),
    )
    return Method(
        name="isogclr",
        summary="SogCLR with a learnt temperature for each instance",
        source="Qiu et al. 2023, arXiv:2305.11965",
        stages=(stage,),
    )


def groco() -> Method:
    """GroCo. The paper trains with LARS at batch 1024."""
    stage = Stage(
        views="two-views",
        objective=GroCo,
        config=GroCoConfig(),
        training=training(),
    )
    return Method(
        name="groco",
        summary="Views are sorted before the nearest other instances, by a differentiable network",
        source="Shvetsova et al. 2023, arXiv:2301.02009",
        stages=(stage,),
    )


def supcon() -> Method:
    """Supervised contrast. The paper trains with LARS at batch 6144, classes as groups."""
    stage = Stage(
        views="two-views",
        objective=SupCon,
        config=SupConConfig(),
        training=training(),
    )
    return Method(
        name="supcon",
        summary="Instances of one group attract, all others repel",
        source="Khosla et al. 2020, arXiv:2004.11362",
        stages=(stage,),
    )
