"""Methods on recordings: their losses do not know padding, they train, and they learn."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from tacit.config import read
from tacit.contract import Batch, DataInfo, Encoder, Mask, View, Views
from tacit.data import Loader
from tacit.evaluation import embed, knn_predict
from tacit.methods import Learner, Method
from tacit.plugin import load_plugins
from tacit.training.loop import Trainer
from tacit.training.parallel import World
from tacit.training.settings import Training
from tacit_audio import methods
from tacit_audio.data import Notes, NotesConfig
from tacit_audio.encoders import (
    SpectrogramTransformer,
    SpectrogramTransformerConfig,
    Wav2Vec2,
    Wav2Vec2Config,
)
from tacit_audio.modality import Audio
from tacit_audio.sound import Sound, join
from tacit_audio.views import CleanAndMixed, Masked, MixedViews, TwoViews

RATE = 8000
VIEWS = {
    "masked": Masked,
    "two-views": TwoViews,
    "mixed-views": MixedViews,
    "clean-and-mixed": CleanAndMixed,
}
NAMES = ("byol_a", "clmr", "audio_mae", "ssast", "tera", "best_rq", "data2vec", "wav2vec2", "mert")
FRAMES = SpectrogramTransformerConfig(
    rate=RATE, mels=32, bands=32, frames=4, width=32, depth=3, heads=2
)
PATCHES = replace(FRAMES, bands=8, frames=8)


def waveform() -> Wav2Vec2:
    return Wav2Vec2(Wav2Vec2Config(rate=RATE, filters=8, width=32, depth=3, heads=2))


def learner_of(method: Method, encoder: Encoder) -> Learner:
    (stage,) = method.stages
    return Learner(
        encoders={"audio": encoder},
        objective=stage.objective(stage.config),
        augmentations={"audio": VIEWS[stage.views]()},
        modalities={"audio": Audio()},
        teachers=stage.teachers,
        data=DataInfo(instances=64),
    )


def batch_of(value: Sound) -> Batch:
    return Batch(values={"audio": value}, index=torch.arange(len(value)))


def test_the_catalogue_offers_every_method_by_its_own_name() -> None:
    catalogue = load_plugins()
    for name in NAMES:
        made = getattr(methods, name)()
        offer = catalogue.find("methods", made.name)
        assert offer.load()().source == made.source == offer.source


@pytest.mark.parametrize("name", NAMES)
def test_clips_of_any_length_train(name: str) -> None:
    learner = learner_of(getattr(methods, name)(), SpectrogramTransformer(FRAMES))
    waves = [0.1 * torch.randn(1, size) for size in (8000, 2000, 5001, 4000)]
    loss = torch.stack(list(learner(batch_of(join(waves, RATE))).terms.values())).sum()
    loss.backward()
    assert torch.isfinite(loss)
    gradients = [p.grad for p in learner.parameters() if p.requires_grad and p.grad is not None]
    assert gradients
    assert all(torch.isfinite(gradient).all() for gradient in gradients)


@pytest.mark.parametrize("name", NAMES)
def test_silence_teaches_finite_numbers(name: str) -> None:
    """Digital silence beside a clip that is none; waveforms where the method can hide frames."""
    method = getattr(methods, name)()
    dropped = getattr(method.stages[0].config, "mode", "") == "drop"
    learner = learner_of(method, SpectrogramTransformer(FRAMES) if dropped else waveform())
    waves = [torch.zeros(1, 8000), torch.zeros(1, 3000), 0.1 * torch.randn(1, 8000)]
    loss = torch.stack(list(learner(batch_of(join(waves, RATE))).terms.values())).sum()
    loss.backward()
    assert torch.isfinite(loss)
    for parameter in learner.parameters():
        assert parameter.grad is None or torch.isfinite(parameter.grad).all()


def masked_loss(learner: Learner, value: Sound, hidden: torch.Tensor, mode: str) -> torch.Tensor:
    mask = Mask(hidden, mode, int(hidden.sum()))  # type: ignore[arg-type]
    batch = batch_of(value)
    view = View(value=value, mask=mask).bind(batch, "audio")
    return learner(batch, Views([view])).terms["reconstruction"]


@pytest.mark.parametrize("name", ["audio_mae", "ssast", "tera", "best_rq", "data2vec"])
@pytest.mark.parametrize("settings", [FRAMES, PATCHES], ids=["frames", "patches"])
def test_a_clip_has_one_loss_alone_and_padded(
    name: str, settings: SpectrogramTransformerConfig
) -> None:
    method = getattr(methods, name)()
    encoder = SpectrogramTransformer(settings)
    learner = learner_of(method, encoder).eval()
    mode = method.stages[0].config.mode
    wave = 0.1 * torch.randn(1, 4000)
    alone = join([wave], RATE)
    padded = replace(alone.padded(9000), lengths=torch.tensor([4000]))
    padded.wave[:, :, 4000:] = 5.0  # whatever lies there
    tokens, more = (encoder.tokenize(value).values.shape[1] for value in (alone, padded))
    hidden = torch.rand(1, tokens).argsort(1) < tokens // 2
    beyond = torch.full((1, more - tokens), mode == "drop")  # under drop padding may go as well
    expected = masked_loss(learner, alone, hidden, mode)
    found = masked_loss(learner, padded, torch.cat([hidden, beyond], 1), mode)
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-5)


def test_padding_under_drop_that_stays_changes_no_loss() -> None:
    encoder = SpectrogramTransformer(PATCHES)
    learner = learner_of(methods.audio_mae(), encoder).eval()
    alone = join([0.1 * torch.randn(1, 4000)], RATE)
    padded = replace(alone.padded(9000), lengths=torch.tensor([4000]))
    tokens, more = (encoder.tokenize(value).values.shape[1] for value in (alone, padded))
    hidden = torch.rand(1, tokens).argsort(1) < tokens // 2
    stays = torch.zeros(1, more - tokens, dtype=torch.bool)
    expected = masked_loss(learner, alone, hidden, "drop")
    found = masked_loss(learner, padded, torch.cat([hidden, stays], 1), "drop")
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-5)


def neighbours(encoder: Encoder) -> float:
    bank, queries = (
        embed(encoder, Loader(source).sequential(300))
        for source in (
            Notes(NotesConfig(label="pitch")),
            Notes(NotesConfig(label="pitch", split="test")),
        )
    )
    assert bank.label is not None
    assert queries.label is not None
    predicted = knn_predict(bank.values, bank.label, queries.values, classes=12)
    return float((predicted == queries.label).float().mean())


@pytest.mark.learning
def test_two_views_teach_the_pitch_of_notes() -> None:
    torch.manual_seed(0)
    encoder = SpectrogramTransformer(PATCHES)
    before = neighbours(encoder)
    method = methods.clmr()
    settings = {k: v for k, v in method.stages[0].training.items() if k != "epochs"}
    settings |= {"steps": 60, "batch": 64, "optimizer": {"kind": "adamw", "lr": 3e-3}}
    Trainer(
        learner=learner_of(method, encoder),
        source=Notes(NotesConfig()),
        settings=read(Training, settings),
        seed=0,
        world=World(device=torch.device("cpu")),
    ).run()
    after = neighbours(encoder)
    assert after > before + 0.05, f"kNN {before:.3f} before, {after:.3f} after"
