"""wav2vec 2.0's network: equal to transformers', also as a file, and honest about its input."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from tacit.contract import Mask
from tacit_audio.encoders import Wav2Vec2, Wav2Vec2Config
from tacit_audio.features.deltas import deltas
from tacit_audio.features.frames import FrameFeatures
from tacit_audio.features.mel import LogMel, LogMelConfig
from tacit_audio.sound import Sound, join

RATE, FIELD, HOP = 16_000, 400, 320
SMALL = Wav2Vec2Config(filters=8, width=32, depth=2, heads=2, position_kernel=8)
VARIANTS = {"layer": SMALL, "group": replace(SMALL, norm="group", norm_first=False)}


@pytest.fixture(params=VARIANTS)
def encoder(request: pytest.FixtureRequest) -> Wav2Vec2:
    made = Wav2Vec2(VARIANTS[request.param]).eval()
    with torch.no_grad():
        for parameter in made.parameters():  # norms and biases too
            parameter.add_(0.05 * torch.randn_like(parameter))
    return made


def clips(samples: int = 6000, count: int = 3) -> Sound:
    return Sound(wave=0.1 * torch.randn(count, 1, samples), rate=RATE)


def exported(encoder: Wav2Vec2, folder: Path) -> tuple[Any, Any]:
    transformers = pytest.importorskip("transformers")
    encoder.exports()["transformers"](folder)
    model = transformers.AutoModel.from_pretrained(folder).eval()
    return model, transformers.AutoFeatureExtractor.from_pretrained(folder)


def test_transformers_gives_the_same_answers_from_the_exported_files(
    encoder: Wav2Vec2, tmp_path: Path
) -> None:
    model, extractor = exported(encoder, tmp_path)
    value = clips()
    rows = [row.numpy() for row in value.wave[:, 0]]
    inputs = extractor(rows, sampling_rate=RATE, return_tensors="pt")
    with torch.no_grad():
        ours = encoder(value, taps=(1,))
        theirs = model(inputs.input_values, output_hidden_states=True)
    torch.testing.assert_close(ours.tokens, theirs.last_hidden_state, atol=1e-5, rtol=1e-4)
    torch.testing.assert_close(ours.layers[1], theirs.hidden_states[1], atol=1e-5, rtol=1e-4)
    torch.testing.assert_close(
        encoder.tokenize(value).latents, theirs.extract_features, atol=1e-5, rtol=1e-4
    )


def test_with_layer_norm_transformers_agrees_on_padded_clips_too(tmp_path: Path) -> None:
    encoder = Wav2Vec2(SMALL).eval()
    model, extractor = exported(encoder, tmp_path)
    waves = [0.1 * torch.randn(1, size) for size in (6000, 2500)]
    inputs = extractor(
        [wave[0].numpy() for wave in waves], sampling_rate=RATE, padding=True, return_tensors="pt"
    )
    with torch.no_grad():
        ours, theirs = encoder(join(waves, RATE)), model(**inputs)
    assert ours.tokens is not None
    assert ours.valid is not None
    torch.testing.assert_close(
        ours.tokens[ours.valid], theirs.last_hidden_state[ours.valid], atol=1e-5, rtol=1e-4
    )


def test_a_hidden_frame_is_the_learned_vector_as_in_transformers(
    encoder: Wav2Vec2, tmp_path: Path
) -> None:
    model, extractor = exported(encoder, tmp_path)
    model.config.apply_spec_augment = True
    value = clips()
    hidden = torch.rand(3, 18) < 0.4
    rows = [row.numpy() for row in value.wave[:, 0]]
    inputs = extractor(rows, sampling_rate=RATE, return_tensors="pt")
    with torch.no_grad():
        ours = encoder(value, mask=Mask(hidden, "replace"))
        theirs = model(inputs.input_values, mask_time_indices=hidden)
    torch.testing.assert_close(ours.tokens, theirs.last_hidden_state, atol=1e-5, rtol=1e-4)


def test_visible_frames_do_not_know_hidden_ones(encoder: Wav2Vec2) -> None:
    mask = Mask(torch.rand(3, 18) < 0.5, "replace")
    tokens = encoder.tokenize(clips())
    other = torch.where(mask.hidden[..., None], torch.randn_like(tokens.values), tokens.values)
    before = encoder(tokens, mask=mask)
    after = encoder(replace(tokens, values=other), mask=mask)
    torch.testing.assert_close(before.tokens, after.tokens)


def test_latents_alone_and_padded_are_the_same(encoder: Wav2Vec2) -> None:
    wave = 0.1 * torch.randn(1, 2500)
    alone = encoder.tokenize(join([wave], RATE))
    padded = encoder.tokenize(join([wave, torch.randn(1, 9000)], RATE))
    frames = alone.values.shape[1]
    assert padded.valid is not None
    assert int(padded.valid[0].sum()) == frames
    for ours, theirs in ((alone.latents, padded.latents), (alone.energy, padded.energy)):
        assert ours is not None
        assert theirs is not None
        torch.testing.assert_close(theirs[0, :frames], ours[0], atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize("kind", ["mfcc", "log-mel"])
def test_targets_alone_and_padded_are_the_same(kind: str) -> None:
    encoder = Wav2Vec2(replace(SMALL, targets=kind))  # type: ignore[arg-type]
    wave = 0.1 * torch.randn(1, 3333)
    alone = encoder.token_targets(join([wave], RATE))
    together = join([wave, torch.randn(1, 9000)], RATE)
    together.wave[0, :, 3333:] = torch.nan
    padded = encoder.token_targets(together)
    assert padded.shape[1:] == (encoder.tokenize(together).values.shape[1], alone.shape[2])
    torch.testing.assert_close(padded[0, : alone.shape[1]], alone[0], atol=1e-4, rtol=1e-4)
    assert not padded[0, alone.shape[1] :].any()


def test_targets_are_centred_on_what_a_token_sees() -> None:
    features = FrameFeatures(RATE, HOP, FIELD, "log-mel", normalise=False)
    wave = 0.1 * torch.randn(1, 1, 8000)
    tokens = (8000 - FIELD) // HOP + 1
    found = features(Sound(wave=wave, rate=RATE), tokens, None)
    config = LogMelConfig(rate=RATE, mels=40, hop=1 / RATE, normalise="none")
    every = LogMel(config)(Sound(wave=wave, rate=RATE)).values[0, 0].T  # one centred on each sample
    middle = torch.arange(tokens) * HOP + FIELD // 2
    torch.testing.assert_close(found[0], every[middle], atol=1e-4, rtol=1e-4)


def test_slopes_are_torchaudios() -> None:
    torchaudio = pytest.importorskip("torchaudio")
    values = torch.randn(2, 9, 3)
    wanted = torchaudio.functional.compute_deltas(values.transpose(1, 2)).transpose(1, 2)
    torch.testing.assert_close(deltas(values, None), wanted)


def test_a_clip_that_is_too_short_is_refused_by_its_place() -> None:
    encoder = Wav2Vec2(SMALL)
    with pytest.raises(ValueError, match=r"at least 400 samples; got 399 in clip 0.*on_error"):
        encoder(clips(399))
    value = replace(clips(900), lengths=torch.tensor([900, 400, 0]))
    with pytest.raises(ValueError, match="got 0 in clip 2 of the batch"):
        encoder(value)
    assert torch.isfinite(encoder(value[:2]).pooled).all()


def test_a_clip_with_a_sample_that_is_no_number_spoils_no_other(encoder: Wav2Vec2) -> None:
    value = clips()
    value.wave[1, 0, 7] = torch.nan
    pooled = encoder(value).pooled
    assert not torch.isfinite(pooled[1]).any()
    torch.testing.assert_close(pooled[[0, 2]], encoder(value[torch.tensor([0, 2])]).pooled)


def test_settings_that_do_not_fit_are_refused() -> None:
    with pytest.raises(ValueError, match="128 is no multiple of heads, 3"):
        Wav2Vec2Config(heads=3)
    with pytest.raises(ValueError, match="as many kernels as strides"):
        Wav2Vec2Config(kernels=(10,))
