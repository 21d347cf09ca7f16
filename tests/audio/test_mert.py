"""MERT: codes and pitches of the clean clip, predicted from the one with others over it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from tacit.contract import Batch, DataInfo, Encoder, Mask, View, Views
from tacit.methods import Learner
from tacit.nn import CrossEntropy, InputTarget, RandomProjectionTarget
from tacit.objectives import MaskedPrediction, MaskedPredictionConfig
from tacit_audio import methods
from tacit_audio.encoders import (
    SpectrogramTransformer,
    SpectrogramTransformerConfig,
    Wav2Vec2,
    Wav2Vec2Config,
)
from tacit_audio.modality import Audio
from tacit_audio.objectives import CodecTarget, Mert, MertConfig
from tacit_audio.objectives.mert import Pitches
from tacit_audio.sound import Sound, join
from tacit_audio.views import CleanAndMixed

RATE = 8000
SMALL = Wav2Vec2Config(
    rate=RATE, filters=8, width=16, depth=2, heads=2, kernels=(10, 3, 3, 3), strides=(5, 2, 2, 2)
)
CODES = RandomProjectionTarget(of=InputTarget(), codes=8)
PLAIN = MertConfig(acoustic=CODES)


def learner_of(config: MertConfig, encoder: Encoder | None = None) -> Learner:
    return Learner(
        encoders={"audio": encoder or Wav2Vec2(SMALL)},
        objective=Mert(config),
        augmentations={"audio": CleanAndMixed()},
        modalities={"audio": Audio()},
        data=DataInfo(instances=64),
    ).eval()


def clips(*sizes: int) -> Sound:
    return join([0.1 * torch.randn(1, size) for size in sizes], RATE)


def half(tokens: int, rows: int = 2) -> Tensor:
    return torch.rand(rows, tokens).argsort(1) < tokens // 2


def losses(learner: Learner, clean: Sound, heard: Sound, hidden: Tensor) -> dict[str, Tensor]:
    batch = Batch(values={"audio": clean}, index=torch.arange(len(clean)))
    mask = Mask(hidden, "replace")
    views = (View(value=clean, role="target"), View(value=heard, role="context", mask=mask))
    return dict(learner(batch, Views([view.bind(batch, "audio") for view in views])).terms)


def tokens_of(learner: Learner, value: Sound) -> int:
    return int(learner.encoder("audio").tokenize(value).values.shape[1])


def test_a_tone_peaks_at_its_pitch_in_every_frame() -> None:
    time = torch.arange(RATE) / RATE
    for octave in range(1, 6):
        hertz = 27.5 * 2.0**octave
        wave = Sound(wave=torch.sin(2 * torch.pi * hertz * time)[None, None], rate=RATE)
        encoder = Wav2Vec2(SMALL)
        found = Pitches(MertConfig(), encoder.spec)(wave, tokens := 150, None)
        middle = found[0, 50 : tokens - 50]  # away from the ends, which long kernels look beyond
        assert (middle.argmax(1) == 9 + 12 * (octave - 1)).all(), f"A{octave}, counted from C1"


def test_the_codes_lose_as_in_plain_masked_prediction() -> None:
    learner, value = learner_of(PLAIN), clips(4000, 4000)
    hidden = half(tokens_of(learner, value))
    ours = learner.objective
    assert isinstance(ours, Mert)
    hubert = MaskedPredictionConfig(
        mode="replace", target=CODES, decoder=PLAIN.decoder, loss=CrossEntropy(), mask=PLAIN.mask
    )
    other = Learner(
        encoders={"audio": learner.encoder("audio")},
        objective=MaskedPrediction(hubert),
        augmentations={"audio": CleanAndMixed()},
        modalities={"audio": Audio()},
    ).eval()
    assert isinstance(other.objective, MaskedPrediction)
    other.objective.decoder["audio"].load_state_dict(ours.heads["audio"][0].state_dict())
    batch = Batch(values={"audio": value}, index=torch.arange(2))
    view = View(value=value, mask=Mask(hidden, "replace")).bind(batch, "audio")
    wanted = other(batch, Views([view])).terms["reconstruction"]
    torch.testing.assert_close(losses(learner, value, value, hidden)["acoustic"], wanted)


def test_pitches_are_those_of_the_clean_clip() -> None:
    learner, clean, heard = learner_of(PLAIN), clips(4000, 4000), clips(4000, 4000)
    objective, tokens = learner.objective, tokens_of(learner, clean)
    assert isinstance(objective, Mert)
    for parameter in objective.tones.parameters():
        torch.nn.init.zeros_(parameter)
    hidden = half(tokens)
    spectrum = objective.pitches["audio"](clean, tokens, None)
    wanted = spectrum[hidden].square().mean()  # of a prediction that is zero everywhere
    torch.testing.assert_close(losses(learner, clean, heard, hidden)["musical"], wanted)


def test_a_clip_has_one_loss_alone_and_padded() -> None:
    learner, alone = learner_of(PLAIN), clips(4000)
    padded = replace(alone.padded(9000), lengths=torch.tensor([4000]))
    padded.wave[:, :, 4000:] = 5.0  # whatever lies there
    tokens, more = tokens_of(learner, alone), tokens_of(learner, padded)
    hidden = half(tokens, 1)
    wanted = losses(learner, alone, alone, hidden)
    beyond = torch.zeros(1, more - tokens, dtype=torch.bool)
    found = losses(learner, padded, padded, torch.cat([hidden, beyond], 1))
    for name, loss in wanted.items():
        torch.testing.assert_close(found[name], loss, rtol=1e-4, atol=1e-5)


def test_an_encoder_that_does_not_say_when_its_tokens_are_is_refused() -> None:
    encoder = Wav2Vec2(SMALL)
    silent = replace(encoder.preprocessing, frames=None)
    encoder.spec = replace(encoder.spec, preprocessing=silent)
    with pytest.raises(ValueError, match="wanted an encoder that says when its tokens are"):
        learner_of(PLAIN, encoder)


def test_patches_of_one_time_have_one_spectrum_that_of_a_frame() -> None:
    frames = SpectrogramTransformerConfig(
        rate=RATE, mels=32, bands=32, frames=8, width=16, depth=1, heads=2
    )
    value = replace(clips(4000, 4000), lengths=torch.tensor([4000, 2000]))
    found = []
    for settings in (frames, replace(frames, bands=8)):
        encoder = SpectrogramTransformer(settings)
        tokens = encoder.tokenize(value)
        spectra = Pitches(MertConfig(), encoder.spec)(value, tokens.values.shape[1], tokens.valid)
        assert spectra.shape[:2] == tokens.values.shape[:2]
        found.append(spectra)
    for row in range(4):
        assert torch.equal(found[1][:, row::4], found[0])


def test_frames_of_a_spectrogram_will_do() -> None:
    frames = SpectrogramTransformerConfig(
        rate=RATE, mels=32, bands=32, frames=2, width=16, depth=1, heads=2
    )
    learner, value = learner_of(PLAIN, SpectrogramTransformer(frames)), clips(4000, 4000)
    found = losses(learner, value, value, half(tokens_of(learner, value)))
    assert all(torch.isfinite(loss) for loss in found.values())


def test_other_views_are_refused() -> None:
    learner, value = learner_of(PLAIN), clips(4000, 4000)
    batch = Batch(values={"audio": value}, index=torch.arange(2))
    views = Views([View(value=value).bind(batch, "audio") for _ in range(2)])
    with pytest.raises(ValueError, match="role 'target' and one of role 'context'"):
        learner(batch, views)


def test_a_step_teaches_heads_and_encoder_and_no_codebook() -> None:
    stage = methods.mert().stages[0]
    learner = learner_of(stage.config).train()
    value = clips(4000, 3000, 2500)
    batch = Batch(values={"audio": value}, index=torch.arange(3))
    found = learner(batch)
    found.total().backward()
    assert {"acoustic", "musical"} == set(found.terms)
    assert {"accuracy", "majority", "code_perplexity"} == set(found.metrics)
    taught = {name for name, p in learner.named_parameters() if p.grad is not None}
    assert {name.split(".")[1] for name in taught if name.startswith("objective")} == {
        "heads",
        "tones",
    }


@pytest.fixture(scope="module")
def codec(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small EnCodec with random weights, of as many samples a frame as the small encoder has."""
    transformers = pytest.importorskip("transformers")
    folder = tmp_path_factory.mktemp("codec")
    config = transformers.EncodecConfig(
        sampling_rate=RATE,
        num_filters=2,
        hidden_size=8,
        codebook_dim=8,
        codebook_size=16,
        upsampling_ratios=[5, 4, 2],
        target_bandwidths=[2.4],
        num_lstm_layers=1,
        compress=2,
    )
    torch.manual_seed(0)
    network = transformers.EncodecModel(config).eval()
    with torch.no_grad():  # codebooks begin as zeros, and every code would be the first
        frames = network.encoder(3 * torch.randn(1, 1, 16 * 40))[0].T
        for layer in network.quantizer.layers:
            layer.codebook.embed.copy_(frames)
            frames = 0.3 * (frames - frames.mean(0))
    network.save_pretrained(folder)
    return folder


def coded(codec: Path, **settings: Any) -> MertConfig:
    return MertConfig(acoustic=CodecTarget(model=str(codec), books=3), **settings)


def test_codes_of_a_codec_are_its_own_and_know_no_padding(codec: Path) -> None:
    learner, alone = learner_of(coded(codec)), join([3 * torch.randn(1, 4000)], RATE)
    objective = learner.objective
    assert isinstance(objective, Mert)
    own = objective.codecs["audio"]
    tokens = tokens_of(learner, alone)
    found = own(alone, tokens)
    wanted = own.network.encode(alone.wave, bandwidth=2.4).audio_codes[0]
    assert found.shape == (1, tokens, 3)
    # The middle of the first token, sample 40, lies in the codec's second frame; and what is near
    # the end knows how the clip is filled up.
    assert torch.equal(found[0, : tokens - 8], wanted[0, :3, 1 : tokens - 7].T)
    assert len(found.unique()) > 3
    padded = replace(alone.padded(9000), lengths=torch.tensor([4000]))
    padded.wave[:, :, 4000:] = 5.0
    assert torch.equal(own(padded, tokens), found)


def test_every_codebook_has_a_head_and_none_is_trained(codec: Path) -> None:
    learner, value = learner_of(coded(codec, musical=0.0)).train(), clips(4000, 4000)
    found = losses(learner, value, value, half(tokens_of(learner, value)))
    assert set(found) == {"acoustic"}
    found["acoustic"].backward()
    grads = {name: p.grad for name, p in learner.named_parameters() if p.requires_grad}
    assert not any("codecs" in name for name in grads)
    heads = [name for name, grad in grads.items() if "heads" in name and grad is not None]
    assert len(heads) == 3 * 3  # of each book: a linear map's two, and the vectors of its codes


def test_a_codec_of_another_rate_or_length_of_frame_is_refused(codec: Path) -> None:
    for changed, words in (
        ({"rate": 16_000}, "it takes 8000 Hz, the encoder 16000"),
        ({"strides": (5, 2, 2, 1)}, "frames are 40 samples apart, the encoder's 20"),
    ):
        encoder = Wav2Vec2(replace(SMALL, **changed))  # type: ignore[arg-type]
        with pytest.raises(ValueError, match=words):
            learner_of(coded(codec), encoder)
    with pytest.raises(ValueError, match=r"codec: .* cannot be loaded"):
        learner_of(coded(codec / "none"))
