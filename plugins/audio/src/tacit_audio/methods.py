"""Methods of the literature on recordings: views and settings of objectives of the core.

They run on any encoder of the modality that offers what they need; the masked ones are meant for
tokens of whole frames (`encoder.bands` equal to `encoder.mels`), on which a span is time.
Rates and lengths are for small data.
"""

from __future__ import annotations

from dataclasses import replace

from tacit.methods import Method, Stage, catalogue
from tacit.nn import (
    ContrastWithin,
    CosineDecoder,
    CrossEntropy,
    Fill,
    InputTarget,
    KMeansTarget,
    LatentTarget,
    LinearDecoder,
    MeanAbsolute,
    PreviousStage,
    QuantisedTarget,
    RandomMask,
    RandomProjectionTarget,
    SmoothAbsolute,
    SpanMask,
    TaughtCodesTarget,
)
from tacit.objectives import (
    MaskedPrediction,
    MaskedPredictionConfig,
    SimClrConfig,
    TokenizerDistillation,
    TokenizerDistillationConfig,
)
from tacit_audio.objectives import Mert, MertConfig

_ENTRIES = 256
"""Codes of BEATs, of the random projection and of the tokenizer alike."""
_WAVES: dict[str, object] = {**catalogue.simmim().stages[0].training, "batch": 64}
"""Training of methods meant for waveforms, whose convolutions keep 100 times a clip's samples for
the backward pass: batches of 256 whole clips of 2 s at 8 kHz took 4 GB."""


def _varied(base: Method, name: str, summary: str, source: str, **changed: object) -> Method:
    """A method of the core with another name and some of its stage changed."""
    (stage,) = base.stages
    stages: tuple[Stage, ...] = (replace(stage, **changed),)  # type: ignore[arg-type]
    return Method(name=name, summary=summary, source=source, stages=stages)


def _cooling(base: Method) -> dict[str, object]:
    """The training of a method, with Gumbel noise that cools down as wav2vec 2.0's does."""
    (stage,) = base.stages
    schedules = stage.training["schedules"]
    assert isinstance(schedules, dict)
    cooling = {"kind": "linear", "start": 2.0, "end": 0.5}
    return {**stage.training, "schedules": {**schedules, "target.temperature": cooling}}


def byol_a() -> Method:
    """BYOL-A. The paper mixes with a memory of 2048 clips and resizes crops; see `MixedViews`."""
    return _varied(
        catalogue.byol(),
        "audio/byol-a",
        "BYOL on excerpts that have another clip quietly under them",
        "Niizumi et al. 2021, arXiv:2103.06695",
        views="mixed-views",
    )


def clmr() -> Method:
    """CLMR. The paper trains 1000 epochs and more on excerpts of 2.7 s, with delay and pitch."""
    return _varied(
        catalogue.simclr(),
        "audio/clmr",
        "SimCLR on two excerpts of a recording, each changed in sound",
        "Spijkervet and Burgoyne 2021, arXiv:2103.09410",
        config=SimClrConfig(temperature=0.5),
    )


def audio_mae() -> Method:
    """Audio-MAE. The paper's decoder attends within local windows; here MAE's, to all tokens."""
    return _varied(
        catalogue.mae(),
        "audio/audio-mae",
        "Patches of a spectrogram dropped before the encoder are reconstructed",
        "Huang et al. 2022, arXiv:2207.06405",
        config=MaskedPredictionConfig(mask=RandomMask(ratio=0.8)),
    )


def ssast() -> Method:
    """SSAST, its contrastive half: the paper adds ten times a mean squared error."""
    return _varied(
        catalogue.simmim(),
        "audio/ssast",
        "Each hidden place finds its own patch of the spectrogram among the hidden ones",
        "Gong et al. 2022, arXiv:2110.09784",
        config=MaskedPredictionConfig(
            mask=RandomMask(ratio=0.75),
            mode="replace",
            target=InputTarget(normalise=True),
            decoder=LinearDecoder(),
            loss=ContrastWithin(temperature=0.1, normalise=True),
        ),
    )


def tera() -> Method:
    """TERA, its alteration along time. The paper also alters bands and adds noise."""
    return _varied(
        catalogue.simmim(),
        "audio/tera",
        "Altered frames are reconstructed, most of them hidden, some taken from another clip",
        "Liu et al. 2021, arXiv:2007.06028",
        config=MaskedPredictionConfig(
            mask=SpanMask(ratio=0.3, length=3),
            mode="replace",
            fill=Fill(donor=0.1, keep=0.1),
            target=InputTarget(),
            decoder=LinearDecoder(),
            loss=MeanAbsolute(),
        ),
    )


def best_rq() -> Method:
    """BEST-RQ on spans. The paper hides 400 ms at a time; normalise clips, or few codes occur.

    Spans are half as long, in frames of 20 ms: codes of shorter ones can be told from the frames
    beside them, and embeddings of notes then knew less of pitch than those of random weights.
    """
    return _varied(
        catalogue.best_rq(),
        "audio/best-rq",
        "Hidden frames are predicted as codes of a projection that is never trained",
        "Chiu et al. 2022, arXiv:2202.01855",
        config=MaskedPredictionConfig(
            mask=SpanMask(ratio=0.5, length=10),
            mode="replace",
            target=RandomProjectionTarget(of=InputTarget(normalise=False)),
            decoder=LinearDecoder(),
            loss=CrossEntropy(),
        ),
    )


def wav2vec2() -> Method:
    """wav2vec 2.0. The paper has 320 codes of 256 features, and spans of 10 frames of 20 ms.

    Its Base models also have `objective.penalty=10` on what the convolutions answer, which the
    Large ones, and this package's default encoder of waveforms, normalise instead.
    """
    return _varied(
        catalogue.simmim(),
        "audio/wav2vec2",
        "Hidden frames find their own learnt code among those of other hidden frames",
        "Baevski et al. 2020, arXiv:2006.11477",
        config=MaskedPredictionConfig(
            mask=SpanMask(ratio=0.5, length=4),
            mode="replace",
            target=QuantisedTarget(codes=64, width=128, out=128),
            decoder=LinearDecoder(),
            loss=ContrastWithin(temperature=0.1, normalise=True, distractors=100),
        ),
        training={**_cooling(catalogue.simmim()), "batch": _WAVES["batch"]},
    )


def hubert() -> Method:
    """HuBERT, both of its iterations in one run: clusters of sounds, then of what was learnt.

    The first stage clusters the encoder's own targets (39 MFCC numbers of `audio/wav2vec2`), the
    second the middle layer of what the first has trained, and begins anew. The paper has 100
    clusters of MFCCs and then 500, made from a tenth of the data, and spans of 10 frames; clusters
    are looked up as excerpts are cut, and stored nowhere.
    """
    sounds = KMeansTarget(of=InputTarget(), codes=100, tokens=8)
    learnt = LatentTarget(teacher="before", layers=1, depth=0.5, normalise="none")
    first = Stage(
        name="sounds",
        views="masked",
        objective=MaskedPrediction,
        config=_units(sounds),
        training=_WAVES,
    )
    second = replace(
        first,
        name="features",
        config=_units(KMeansTarget(of=learnt, codes=100, tokens=8)),
        teachers={"before": PreviousStage()},
        start="initial",
    )
    return Method(
        name="audio/hubert",
        summary="Hidden frames are predicted as clusters, of sounds and then of learnt features",
        source="Hsu et al. 2021, arXiv:2106.07447",
        stages=(first, second),
    )


def _units(target: KMeansTarget) -> MaskedPredictionConfig:
    return MaskedPredictionConfig(
        mask=SpanMask(ratio=0.5, length=4),
        mode="replace",
        target=target,
        decoder=CosineDecoder(width=128),
        loss=CrossEntropy(),
    )


def mert() -> Method:
    """MERT. The paper has a codec's 8 codebooks, 24 kHz, excerpts of 5 s and spans of 10 frames.

    With a codec at hand set `objective.acoustic.kind=codec` and `objective.acoustic.model`, and
    rate and strides of the encoder to its own: `encoder.rate=24000`.
    """
    stage = Stage(
        views="clean-and-mixed",
        objective=Mert,
        config=MertConfig(),
        training=_WAVES,
    )
    return Method(
        name="audio/mert",
        summary="Hidden frames of music, others over it, are predicted as codes and as pitches",
        source="Li et al. 2023, arXiv:2306.00107",
        stages=(stage,),
    )


def beats() -> Method:
    """BEATs, two iterations in one run: codes of a random projection, then of a learnt tokenizer.

    The first stage predicts the codes of a projection that is never trained; the second trains a
    tokenizer from whose codes the first stage's tokens can be told; the third begins anew and
    predicts that tokenizer's codes. The paper has 1024 codes and a predictor of 12 blocks, smooths
    the labels of its cross-entropy, and goes on for a third iteration.
    """
    base = catalogue.mae().stages[0]
    first = replace(base, name="random", config=_dropped(RandomProjectionTarget(codes=_ENTRIES)))
    second = Stage(
        name="tokenizer",
        views="masked",
        objective=TokenizerDistillation,
        config=TokenizerDistillationConfig(codes=_ENTRIES),
        teachers={"before": PreviousStage()},
        start="initial",
        training=base.training,
    )
    third = replace(
        first,
        name="learnt",
        config=_dropped(TaughtCodesTarget(codes=_ENTRIES)),
        teachers={"before": PreviousStage()},
        start="initial",
    )
    return Method(
        name="audio/beats",
        summary="Hidden patches are predicted as codes of a random projection, then as learnt ones",
        source="Chen et al. 2023, arXiv:2212.09058",
        stages=(first, second, third),
    )


def _dropped(target: RandomProjectionTarget | TaughtCodesTarget) -> MaskedPredictionConfig:
    return MaskedPredictionConfig(
        mask=RandomMask(ratio=0.75), mode="drop", target=target, loss=CrossEntropy()
    )


def data2vec() -> Method:
    """data2vec on spans. The paper averages the last 8 layers, with spans of 10 frames of 20 ms."""
    return _varied(
        catalogue.data2vec(),
        "audio/data2vec",
        "A moving-average teacher's averaged layers are predicted at hidden spans",
        "Baevski et al. 2022, arXiv:2202.03555",
        config=MaskedPredictionConfig(
            mask=SpanMask(ratio=0.5, length=4),
            mode="replace",
            target=LatentTarget(layers=3, normalise="instance"),
            decoder=LinearDecoder(),
            loss=SmoothAbsolute(beta=2.0),
        ),
    )
