"""The methods of the field, as configurations of objectives."""

from __future__ import annotations

from tacit.methods import Method, Stage
from tacit.nn import CrossEntropy, Fill, InputTarget, MlpConfig, OwnDecoder, RandomMask, SpanMask
from tacit.objectives import (
    MaskedPrediction,
    MaskedPredictionConfig,
    SimClr,
    SimClrConfig,
)
from tacit_text.objectives import (
    ClusterTokens,
    Courses,
    CoursesConfig,
    Denoising,
    DenoisingConfig,
    EncoderTasks,
    EncoderTasksConfig,
    GeneratedTokens,
    TokenSwap,
    TokenSwapConfig,
)

_DECAY = {"lr_factor": {"kind": "cosine", "start": 1.0, "warmup": 0.1}}


def _training(lr: float, **changes: object) -> dict[str, object]:
    return {
        "epochs": 10,
        "batch": 64,
        "optimizer": {"kind": "adamw", "lr": lr, "weight_decay": 0.01},
        "schedules": _DECAY,
        "clip": 1.0,
        **changes,
    }


def simcse() -> Method:
    """SimCSE without labels: SimCLR whose views differ by dropout alone.

    The paper trains BERT for one epoch of a million sentences at 3e-5. Differs: SimCLR's loss has
    both views as anchors and all 2 N - 2 others as negatives, the paper's the first view's anchors
    and the N - 1 others of the second; and the head in training is linear, without its tanh.
    """
    stage = Stage(
        views="two-views",
        objective=SimClr,
        config=SimClrConfig(temperature=0.05, projector=MlpConfig(widths=(128,), norm="none")),
        training=_training(3e-5, epochs=1),
    )
    return Method(
        name="text/simcse",
        summary="A text passed twice through dropout attracts itself, and repels the others",
        source="Gao et al. 2021, arXiv:2104.08821",
        stages=(stage,),
    )


def mirror_bert() -> Method:
    """Mirror-BERT. The paper trains on 10,000 sentences, one epoch at 2e-5, batches of 200."""
    stage = Stage(
        views="mirror",
        objective=SimClr,
        config=SimClrConfig(temperature=0.04, projector=None),
        training=_training(2e-5, epochs=1, batch=200),
    )
    return Method(
        name="text/mirror-bert",
        summary="A text and the same with characters masked attract, no head between",
        source="Liu et al. 2021, arXiv:2104.08027",
        stages=(stage,),
    )


def _masked_prediction(mask: RandomMask | SpanMask, *, units: bool) -> MaskedPredictionConfig:
    return MaskedPredictionConfig(
        mask=mask,
        mode="replace",
        fill=Fill(donor=0.1, keep=0.1),
        target=InputTarget(),
        decoder=OwnDecoder(remask=False),
        loss=CrossEntropy(),
        units=units,
    )


def mlm() -> Method:
    """BERT's masked language modelling; `objective.units=true` hides whole words.

    The paper hides 15 %; a schedule `mask.ratio` moves the share, as curricula do. Differs: of the
    tokens that are hidden, those not masked take another text's token, where BERT draws from the
    vocabulary.
    """
    stage = Stage(
        views="masked",
        objective=MaskedPrediction,
        config=_masked_prediction(RandomMask(ratio=0.15), units=False),
        training=_training(5e-4),
    )
    return Method(
        name="text/mlm",
        summary="Masked tokens are predicted by a head over the vocabulary",
        source="Devlin et al. 2019, arXiv:1810.04805",
        stages=(stage,),
    )


def mlm_spans() -> Method:
    """SpanBERT's masking: runs of words are hidden together."""
    stage = Stage(
        views="masked",
        objective=MaskedPrediction,
        config=_masked_prediction(SpanMask(ratio=0.15, length=3), units=True),
        training=_training(5e-4),
    )
    return Method(
        name="text/mlm-spans",
        summary="Runs of whole words are masked, and predicted by a head over the vocabulary",
        source="Joshi et al. 2020, arXiv:1907.10529",
        stages=(stage,),
    )


def _swap(name: str, summary: str, source: str, config: TokenSwapConfig) -> Method:
    stage = Stage(views="masked", objective=TokenSwap, config=config, training=_training(5e-4))
    return Method(name=f"text/{name}", summary=summary, source=source, stages=(stage,))


def rts() -> Method:
    """Random token substitution."""
    return _swap(
        "rts",
        "Tokens replaced at random are told from the others",
        "Di Liello et al. 2022, arXiv:2210.13536",
        TokenSwapConfig(),
    )


def c_rts() -> Method:
    """Random token substitution from clusters the encoder mixes up."""
    return _swap(
        "c-rts",
        "Tokens replaced from confusable clusters are told from the others",
        "Di Liello et al. 2022, arXiv:2210.13536",
        TokenSwapConfig(source=ClusterTokens()),
    )


def slm() -> Method:
    """Swapped language modelling."""
    return _swap(
        "slm",
        "Tokens replaced at random are predicted as they were",
        "Di Liello et al. 2022, arXiv:2210.13536",
        TokenSwapConfig(predict="original"),
    )


def electra() -> Method:
    """ELECTRA: a small generator's replacements are detected."""
    return _swap(
        "electra",
        "Tokens a small generator filled in are told from the others",
        "Clark et al. 2020, arXiv:2003.10555",
        TokenSwapConfig(source=GeneratedTokens(), weight=50.0),
    )


def mcl() -> Method:
    """MCL: ELECTRA's course, two more, and what was got wrong once more.

    A step is about five of ELECTRA's. The paper averages models of several courses at the end.
    """
    stage = Stage(
        views="masked", objective=Courses, config=CoursesConfig(), training=_training(5e-4)
    )
    return Method(
        name="text/mcl",
        summary="Replaced, swapped and inserted tokens are found, errors gone through again",
        source="Chen et al. 2023, arXiv:2305.03981",
        stages=(stage,),
    )


def tsdae() -> Method:
    """TSDAE. The paper pools by `cls`, and trains at 3e-5 in batches of 8."""
    stage = Stage(
        views="noisy",
        objective=Denoising,
        config=DenoisingConfig(),
        training=_training(3e-5, epochs=1, batch=8),
    )
    return Method(
        name="text/tsdae",
        summary="A text is written again from the vector of a copy with words deleted",
        source="Wang et al. 2021, arXiv:2104.06979",
        stages=(stage,),
    )


def e2s2() -> Method:
    """E2S2's tasks for the encoder, beside a decoder that is thrown away.

    The paper goes on from BART and T5 at 1.5e-6, and keeps their decoders.
    """
    stage = Stage(
        views="masked",
        objective=EncoderTasks,
        config=EncoderTasksConfig(),
        training=_training(5e-4),
    )
    return Method(
        name="text/e2s2",
        summary="A text is restored from damaged copies, whose encoder tells noise and like copies",
        source="Zhong et al. 2022, arXiv:2205.14912",
        stages=(stage,),
    )
