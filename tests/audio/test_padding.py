"""The same clips on a longer axis have the same losses: no method's loss knows padding.

Where a loss compares the clips of a batch, or normalises over them, the batch is the same one.
Masks are given and codes are the likeliest ones: what is drawn differs with the axis.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import pytest
import torch
from torch import Tensor

from tacit.contract import Batch, DataInfo, Encoder, Mask, View, Views
from tacit.methods import Learner, Stage
from tacit.nn import ContrastWithin, Fill
from tacit.objectives import MaskedPrediction, TokenizerDistillation
from tacit_audio import methods
from tacit_audio.encoders import (
    Cnn,
    CnnConfig,
    SpectrogramTransformer,
    SpectrogramTransformerConfig,
    Wav2Vec2,
    Wav2Vec2Config,
)
from tacit_audio.modality import Audio
from tacit_audio.sound import Sound, join
from tacit_audio.views import Masked, MixedViews, TwoViews

RATE, LONG = 8000, 9000
SIZES = (4000, 2600, 3400)
VIEWS = {"masked": Masked, "two-views": TwoViews, "mixed-views": MixedViews}
PATCHES = SpectrogramTransformerConfig(
    rate=RATE, mels=32, bands=8, frames=8, width=32, depth=3, heads=2
)


def patches() -> Encoder:
    return SpectrogramTransformer(PATCHES)


def waveform() -> Encoder:
    return Wav2Vec2(Wav2Vec2Config(rate=RATE, filters=8, width=32, depth=3, heads=2))


def small() -> Encoder:
    return Cnn(CnnConfig(rate=RATE, mels=32, filters=4, width=32, stages=2))


def learner_of(stage: Stage, encoder: Encoder, previous: Learner | None = None) -> Learner:
    return Learner(
        encoders={"audio": encoder},
        objective=stage.objective(stage.config),
        augmentations={"audio": VIEWS[stage.views]()},
        modalities={"audio": Audio()},
        teachers=stage.teachers,
        data=DataInfo(instances=64),
        previous=previous,
    )


def clips(*sizes: int) -> Sound:
    return join([0.1 * torch.randn(1, size) for size in sizes], RATE)


def longer(value: Sound) -> Sound:
    """The same clips, and something else behind each of them."""
    padded = value.padded(LONG)
    counts = value.counts
    wave = padded.wave.clone()
    for row, count in zip(wave, counts.tolist(), strict=True):
        row[:, count:] = 5.0
    return replace(padded, wave=wave, lengths=counts)


def losses(
    learner: Learner, values: Sequence[Sound], masks: Sequence[Mask | None] = (None, None)
) -> Mapping[str, Tensor]:
    torch.manual_seed(0)
    batch = Batch(values={"audio": values[0]}, index=torch.arange(len(values[0])))
    views = [
        View(value=value, mask=mask).bind(batch, "audio")
        for value, mask in zip(values, masks, strict=False)
    ]
    found: Mapping[str, Tensor] = learner(batch, Views(views)).terms
    return found


def same(found: Mapping[str, Tensor], wanted: Mapping[str, Tensor]) -> None:
    assert found.keys() == wanted.keys()
    for name, loss in wanted.items():
        torch.testing.assert_close(found[name], loss, rtol=1e-4, atol=1e-5, msg=name)


@pytest.mark.parametrize("encoder", [patches, waveform, small])
@pytest.mark.parametrize("name", ["byol_a", "clmr"])
def test_views_of_a_batch_compare_alike_on_a_longer_axis(name: str, encoder: object) -> None:
    assert callable(encoder)
    (stage,) = getattr(methods, name)().stages
    learner = learner_of(stage, encoder())
    pair = [clips(*SIZES), clips(*reversed(SIZES))]
    wanted = losses(learner, pair)
    same(losses(learner, [longer(value) for value in pair]), wanted)
    same(losses(learner, [pair[0], longer(pair[1])]), wanted)


def hidden_of(encoder: Encoder, values: Sequence[Sound], mode: str) -> list[Mask]:
    """Half of the tokens of each clip, and under `drop` all that is only on the longer axis."""
    sizes = [encoder.tokenize(value).values.shape[1] for value in values]
    hidden = torch.rand(len(values[0]), sizes[0]).argsort(1) < sizes[0] // 2
    beyond = torch.full((len(hidden), sizes[1] - sizes[0]), mode == "drop")
    every = (hidden, torch.cat([hidden, beyond], 1))
    return [Mask(each, mode, int(each[0].sum())) for each in every]  # type: ignore[arg-type]


def cluster(learner: Learner) -> None:
    """Clusters without a pass over data."""
    objective = learner.objective
    assert isinstance(objective, MaskedPrediction)
    objective.target_of("audio").get_buffer("centres").normal_()


def masked(learner: Learner, sizes: Sequence[int]) -> None:
    encoder = learner.encoders["audio"]
    assert isinstance(encoder, Encoder)
    value = clips(*sizes)
    pair = (value, longer(value))
    objective = learner.objective
    masks: Sequence[Mask | None] = (None, None)
    if isinstance(objective, MaskedPrediction):
        masks = hidden_of(encoder, pair, objective.config.mode)
    first, second = (
        losses(learner, [each], [mask]) for each, mask in zip(pair, masks, strict=True)
    )
    same(second, first)


@pytest.mark.parametrize("sizes", [SIZES[:1], SIZES], ids=["alone", "batch"])
@pytest.mark.parametrize(
    "name", ["audio_mae", "ssast", "tera", "best_rq", "data2vec", "wav2vec2", "hubert"]
)
def test_hidden_tokens_are_predicted_alike_on_a_longer_axis(
    name: str, sizes: Sequence[int]
) -> None:
    stage = getattr(methods, name)().stages[0]
    if isinstance(stage.config.loss, ContrastWithin):  # against all, not some that are drawn
        loss = replace(stage.config.loss, distractors=None)
        stage = replace(stage, config=replace(stage.config, loss=loss))
    if name == "tera":  # what comes in the place of hidden tokens is drawn too
        stage = replace(stage, config=replace(stage.config, fill=Fill()))
    encoder = waveform() if name in ("wav2vec2", "hubert") else patches()
    learner = learner_of(stage, encoder).eval()
    if name == "hubert":
        cluster(learner)
    masked(learner, sizes)


@pytest.mark.parametrize("sizes", [SIZES[:1], SIZES], ids=["alone", "batch"])
def test_so_is_the_second_stage_of_hubert(sizes: Sequence[int]) -> None:
    first, second = methods.hubert().stages
    learner = learner_of(second, waveform(), learner_of(first, waveform())).eval()
    cluster(learner)
    masked(learner, sizes)


@pytest.mark.parametrize("sizes", [SIZES[:1], SIZES], ids=["alone", "batch"])
def test_so_are_all_stages_of_beats(sizes: Sequence[int]) -> None:
    first, second, third = methods.beats().stages
    random = learner_of(first, patches()).eval()
    tokenizer = learner_of(second, patches(), random).eval()
    objective = tokenizer.objective
    assert isinstance(objective, TokenizerDistillation)
    objective.tokenizer_of("audio").begin(torch.randn(256, objective.config.width))
    learnt = learner_of(third, patches(), tokenizer).eval()
    for learner in (random, tokenizer, learnt):
        masked(learner, sizes)
