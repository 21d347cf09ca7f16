"""Methods for tables and bags. All but VIME and PFN are the core's objectives with settings."""

from __future__ import annotations

from collections.abc import Mapping

from tacit.methods import Method, Stage
from tacit.nn import (
    Ema,
    LatentTarget,
    LinearDecoder,
    MeanSquared,
    MlpConfig,
    OwnTarget,
    RandomMask,
    SubsetMask,
    TransformerDecoder,
)
from tacit.objectives import MaskedPrediction, MaskedPredictionConfig, SimClr, SimClrConfig
from tacit_tabular.objectives import Pfn, PfnConfig, Vime, VimeConfig

_WARM = {"kind": "cosine", "start": 1.0, "warmup": 0.1}


def _training(lr: float = 1e-3, schedules: Mapping[str, object] | None = None) -> dict[str, object]:
    return {
        "epochs": 100,
        "batch": 256,
        "optimizer": {"kind": "adamw", "lr": lr, "weight_decay": 1e-5},
        "schedules": {"lr_factor": _WARM, **(schedules or {})},
    }


def scarf() -> Method:
    """SCARF. The paper: 4 layers of 256, Adam at 1e-3, batch 128, temperature 1, a rate of 0.6.

    Here the temperature is 0.1 and half as many cells are changed (`tabular/two-views`), chosen on
    a validation part of California housing, the only table it was tried on: with the paper's,
    whose encoders are fine-tuned, frozen features of short runs had less than half the rank of a
    random encoder's and predicted worse than it.
    """
    projector = MlpConfig(widths=(256, 256), norm="none")
    stage = Stage(
        views="two-views",
        objective=SimClr,
        config=SimClrConfig(temperature=0.1, projector=projector),
        training=_training(),
    )
    return Method(
        name="tabular/scarf",
        summary="A row and its copy with cells of other rows attract, all other rows repel",
        source="Bahri et al. 2022, arXiv:2106.15147",
        stages=(stage,),
    )


def vime() -> Method:
    """VIME's self-supervised part. The authors' encoder is one layer as wide as the row."""
    stage = Stage(views="corrupted", objective=Vime, config=VimeConfig(), training=_training())
    return Method(
        name="tabular/vime",
        summary="Changed cells of a row are found, and mended",
        source="Yoon et al. 2020, NeurIPS 33",
        stages=(stage,),
    )


def _hidden_values(name: str, summary: str, *, ratio: float) -> Method:
    config = MaskedPredictionConfig(
        mask=RandomMask(ratio=ratio),
        mode="replace",
        target=OwnTarget(),
        decoder=LinearDecoder(),
        loss=None,
    )
    stage = Stage(views="masked", objective=MaskedPrediction, config=config, training=_training())
    return Method(
        name=f"tabular/{name}",
        summary=summary,
        source="Bellamy et al. 2023, arXiv:2312.11502",
        stages=(stage,),
    )


def mvm() -> Method:
    """Masked value modelling: BERT's task on columns, numbers predicted as numbers (Labrador)."""
    summary = "Values of hidden columns are predicted, numbers as numbers"
    return _hidden_values("mvm", summary, ratio=0.3)


def labrador() -> Method:
    """Labrador: the code and the value of a hidden item, predicted from the rest of its bag.

    One item is hidden of a bag of up to a hundred, as by the authors, who have bags of up to 90;
    they choose it among those with a value, here any may be, and one without is asked for its code
    alone. They train 10 layers at a rate of 1e-5 on 100 million tests; the rate here is for small
    networks and short runs.
    """
    summary = "Code and value of a hidden item of a bag are predicted from the others"
    return _hidden_values("labrador", summary, ratio=0.01)


def t_jepa() -> Method:
    """T-JEPA. Needs the encoder's registers, the paper's regularisation tokens.

    The authors train 300 epochs at batch 512 with a predictor of up to 16 layers, a momentum from
    0.996 and shares drawn for each batch; here the shares are fixed, see `tacit.nn.SubsetMask`, and
    the teacher follows faster, as shorter runs need.
    """
    config = MaskedPredictionConfig(
        mask=SubsetMask(kept=0.3, asked=0.4),
        target=LatentTarget(normalise="none"),
        decoder=TransformerDecoder(width=64, depth=2, heads=4),
        loss=MeanSquared(),
    )
    momentum = {"kind": "cosine", "start": 0.99, "end": 1.0}
    stage = Stage(
        views="masked",
        objective=MaskedPrediction,
        config=config,
        teachers={"teacher": Ema(momentum=0.99)},
        training=_training(schedules={"teacher.momentum": momentum}),
    )
    return Method(
        name="tabular/t-jepa",
        summary="A moving-average teacher's latents of some columns are predicted from others",
        source="Thimonier et al. 2024, arXiv:2410.05016",
        stages=(stage,),
    )


def pfn() -> Method:
    """A prior-data fitted network. The authors train 6 layers of 512 on millions of problems."""
    training: dict[str, object] = {
        "steps": 20_000,
        "batch": 64,
        "optimizer": {"kind": "adamw", "lr": 1e-3, "weight_decay": 0.0},
        "schedules": {"lr_factor": _WARM},
        "clip": 1.0,
    }
    stage = Stage(views="asked", objective=Pfn, config=PfnConfig(), training=training)
    return Method(
        name="tabular/pfn",
        summary="Labels asked for are answered as the prior of the problems would",
        source="Müller et al. 2022, arXiv:2112.10510",
        stages=(stage,),
    )
