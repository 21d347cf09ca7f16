"""The core's methods that predict what was hidden: settings of masked prediction, but for CAE.

Ratios and sizes are those that train on small data, not the papers' for large: each says where they
differ. What a method calls a piece of its input is here a token, of whatever the encoder cuts.
"""

from __future__ import annotations

from collections.abc import Mapping

from tacit.methods.catalogue.defaults import training
from tacit.methods.method import Method, Stage
from tacit.nn import (
    BlockMask,
    ContrastWithin,
    CrossDecoder,
    CrossEntropy,
    DisjointMask,
    Ema,
    Fill,
    InputTarget,
    LatentTarget,
    LinearDecoder,
    MeanAbsolute,
    MultiBlockMask,
    PositionTarget,
    RandomMask,
    RandomProjectionTarget,
    SmoothAbsolute,
    TokenisedTarget,
    TransformerDecoder,
)
from tacit.objectives import (
    ContextAutoencoder,
    ContextAutoencoderConfig,
    MaskedPrediction,
    MaskedPredictionConfig,
)


def _training(schedules: Mapping[str, object] | None = None) -> dict[str, object]:
    """As masked autoencoders have it: a second moment that forgets sooner, and a higher rate."""
    return training(2e-3, decay=0.05, betas=(0.9, 0.95), schedules=schedules)


def _masked(config: MaskedPredictionConfig, views: str = "masked") -> Stage:
    return Stage(views=views, objective=MaskedPrediction, config=config, training=_training())


def gmml() -> Method:
    """GMML. The paper hides up to 0.7, also behind noise; here behind the learned token.

    Targets are normalised token by token, as MAE's are and the paper's are not: in short runs plain
    ones gave embeddings of a much lower rank.
    """
    config = MaskedPredictionConfig(
        mask=BlockMask(ratio=0.6, sides=(0.1, 0.3)),
        mode="replace",
        fill=Fill(donor=0.5),
        target=InputTarget(normalise=True),
        decoder=LinearDecoder(),
        loss=MeanAbsolute(),
    )
    return Method(
        name="gmml",
        summary="Neighbouring tokens, replaced by those of another instance, are recovered",
        source="Atito et al. 2022, arXiv:2205.14986",
        stages=(_masked(config),),
    )


def dmjd() -> Method:
    """Disjoint masking of DMJD, on MAE; its second branch distils visible tokens and is left out.

    A step is two forwards: compare it with MAE at equal time, not at equal steps.
    """
    config = MaskedPredictionConfig(mask=DisjointMask(ratio=0.6, masks=2))
    return Method(
        name="dmjd",
        summary="Disjoint masks of one view, so that every token is predicted at least once",
        source="Ma et al. 2023, arXiv:2301.00230",
        stages=(_masked(config),),
    )


def crop_mae() -> Method:
    """CropMAE. The paper hides 0.985: 2 of 196 tokens stay; of 64, 0.9 leaves 6."""
    config = MaskedPredictionConfig(mask=RandomMask(ratio=0.9), decoder=CrossDecoder())
    return Method(
        name="crop-mae",
        summary="A part of an instance is reconstructed with the whole in sight",
        source="Eymael et al. 2024, arXiv:2403.17823",
        stages=(_masked(config, views="whole-and-part"),),
    )


def cae() -> Method:
    """CAE. The paper has a regressor and a decoder of 4 blocks and a tokeniser's codes.

    It weighs the distance of the latents by 2; in short runs that made them alike (effective rank
    5), and a random encoder did better.
    """
    stage = Stage(
        views="masked",
        objective=ContextAutoencoder,
        config=ContextAutoencoderConfig(alignment=0.2),
        training=_training(),
    )
    return Method(
        name="cae",
        summary="Latents of hidden tokens are predicted, and their content from those alone",
        source="Chen et al. 2022, arXiv:2202.03026",
        stages=(stage,),
    )


def selfie() -> Method:
    """Selfie. The paper embeds tokens by a small convolutional network; here the encoder's way."""
    config = MaskedPredictionConfig(
        mask=RandomMask(ratio=0.75),
        target=TokenisedTarget(),
        loss=ContrastWithin(temperature=0.1, normalise=True),
    )
    return Method(
        name="selfie",
        summary="Each hidden place picks its token among the hidden ones of the instance",
        source="Trinh et al. 2019, arXiv:1906.02940",
        stages=(_masked(config),),
    )


def mp3() -> Method:
    """MP3. Needs an encoder without positions."""
    config = MaskedPredictionConfig(
        mask=RandomMask(ratio=0.75),
        mode="query",
        target=PositionTarget(),
        decoder=LinearDecoder(),
        loss=CrossEntropy(),
        ask_all=True,
    )
    return Method(
        name="mp3",
        summary="Where tokens lie is predicted from what they hold, with few to look at",
        source="Zhai et al. 2022, arXiv:2207.07611",
        stages=(_masked(config),),
    )


def best_rq() -> Method:
    """BEST-RQ. The paper's encoder takes speech; here the codes of any encoder's tokens."""
    config = MaskedPredictionConfig(
        mask=BlockMask(ratio=0.6),
        mode="replace",
        target=RandomProjectionTarget(),
        decoder=LinearDecoder(),
        loss=CrossEntropy(),
    )
    return Method(
        name="best-rq",
        summary="Hidden tokens are predicted as codes of a projection that is never trained",
        source="Chiu et al. 2022, arXiv:2202.01855",
        stages=(_masked(config),),
    )


def _latent(config: MaskedPredictionConfig) -> Stage:
    """With a teacher that follows fast, as runs of few steps need: one near 1 stays random."""
    momentum = 0.95
    rising = {"kind": "cosine", "start": momentum, "end": 0.999}
    return Stage(
        views="masked",
        objective=MaskedPrediction,
        config=config,
        teachers={"teacher": Ema(momentum=momentum)},
        training=_training({"teacher.momentum": rising}),
    )


def i_jepa() -> Method:
    """I-JEPA. The paper's predictor has 12 blocks of 384 features, its momentum begins at 0.996.

    On tokens in a line blocks are spans; of tokens in no order neighbours are those given one after
    another: set `objective.mask.kind=subset` to draw them one by one. It needs long runs: of 10,000
    small photographs its embeddings were no better than a random encoder's after 400 steps, and
    better by every probe after 1,200.
    """
    config = MaskedPredictionConfig(
        mask=MultiBlockMask(),
        target=LatentTarget(),
        decoder=TransformerDecoder(),
        loss=SmoothAbsolute(),
    )
    return Method(
        name="i-jepa",
        summary="A moving-average teacher's latents of blocks are predicted from the rest",
        source="Assran et al. 2023, arXiv:2301.08243",
        stages=(_latent(config),),
    )


def data2vec() -> Method:
    """data2vec. The paper averages the last 6 to 10 layers; its momentum begins at 0.999."""
    config = MaskedPredictionConfig(
        mask=BlockMask(ratio=0.6),
        mode="replace",
        target=LatentTarget(layers=2, normalise="instance"),
        decoder=LinearDecoder(),
        loss=SmoothAbsolute(beta=2.0),
    )
    return Method(
        name="data2vec",
        summary="A moving-average teacher's averaged layers are predicted at replaced tokens",
        source="Baevski et al. 2022, arXiv:2202.03555",
        stages=(_latent(config),),
    )


def mae() -> Method:
    """MAE. The paper trains with AdamW (0.9, 0.95) at batch 4096 and a decoder of 8 blocks."""
    stage = Stage(
        views="masked",
        objective=MaskedPrediction,
        config=MaskedPredictionConfig(),
        training=_training(),
    )
    return Method(
        name="mae",
        summary="Tokens dropped before the encoder are reconstructed from the rest",
        source="He et al. 2022, arXiv:2111.06377",
        stages=(stage,),
    )


def simmim() -> Method:
    """SimMIM. The paper hides 0.6 in cells of 2 x 2 tokens of its ViT: objective.mask.block=2.

    Targets are normalised token by token, as MAE's are and the paper's are not: in short runs plain
    ones gave embeddings of a lower rank (7 against 15 after 400 steps).
    """
    config = MaskedPredictionConfig(
        mask=RandomMask(ratio=0.6),
        mode="replace",
        decoder=LinearDecoder(),
        target=InputTarget(normalise=True),
        loss=MeanAbsolute(),
    )
    stage = Stage(views="masked", objective=MaskedPrediction, config=config, training=training())
    return Method(
        name="simmim",
        summary="Tokens replaced by a learned one are reconstructed by a linear head",
        source="Xie et al. 2022, arXiv:2111.09886",
        stages=(stage,),
    )
