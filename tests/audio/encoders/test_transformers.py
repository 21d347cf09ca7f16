"""Networks of transformers as encoders: the same answers, no padding in them, and back again."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from tacit.contract import Mask
from tacit_audio.encoders import Transformers, TransformersConfig
from tacit_audio.sound import Sound, join

transformers: Any = pytest.importorskip("transformers")

RATE = 16_000
SIZES: dict[str, Any] = {
    "hidden_size": 32,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "intermediate_size": 48,
    "conv_dim": (8,) * 7,
    "num_conv_pos_embeddings": 9,
    "layerdrop": 0.5,
}
STABLE = {"feat_extract_norm": "layer", "do_stable_layer_norm": True, "conv_bias": True}
KINDS = {
    "wav2vec2": lambda: transformers.Wav2Vec2Config(**SIZES),
    "wav2vec2, large": lambda: transformers.Wav2Vec2Config(**SIZES, **STABLE),
    "hubert": lambda: transformers.HubertConfig(**SIZES, feat_proj_layer_norm=False),
    "wavlm": lambda: transformers.WavLMConfig(**SIZES),
}


@pytest.fixture(params=KINDS)
def encoder(request: pytest.FixtureRequest, tmp_path: Path) -> Transformers:
    KINDS[request.param]().save_pretrained(tmp_path)
    return Transformers(TransformersConfig(model=str(tmp_path), pretrained=False)).eval()


def network_of(encoder: Transformers) -> Any:
    return encoder.inner.network


def rate_of(encoder: Transformers) -> int:
    return encoder.inner.preprocessing.rate


def clips(samples: int = 6000, count: int = 2) -> Sound:
    return Sound(wave=0.1 * torch.randn(count, 1, samples), rate=RATE)


def test_the_answers_are_the_networks_own(encoder: Transformers) -> None:
    value = clips()
    wave = value.wave[:, 0]
    wave = (wave - wave.mean(1, keepdim=True)) / (
        wave.var(1, keepdim=True, correction=0) + 1e-7
    ).sqrt()
    with torch.no_grad():
        ours = encoder(value, taps=(1, 2))
        theirs = network_of(encoder)(wave, output_hidden_states=True)
    torch.testing.assert_close(ours.tokens, theirs.last_hidden_state, atol=1e-5, rtol=1e-4)
    torch.testing.assert_close(ours.layers[1], theirs.hidden_states[1], atol=1e-5, rtol=1e-4)


@pytest.mark.filterwarnings("ignore:Support for mismatched:UserWarning")  # WavLM's own
def test_a_clip_has_one_embedding_alone_and_padded(encoder: Transformers) -> None:
    waves = [0.1 * torch.randn(1, size) for size in (3001, 9000)]
    together = join(waves, RATE)
    together.wave[0, :, 3001:] = 9.0
    batch = encoder(together)
    for row, wave in enumerate(waves):
        alone = encoder(join([wave], RATE))
        torch.testing.assert_close(batch.pooled[row], alone.pooled[0], rtol=1e-4, atol=1e-5)


def test_no_layer_is_dropped_in_training(encoder: Transformers) -> None:
    encoder.train()
    for _ in range(4):
        assert set(encoder(clips(), taps=(1, 2)).layers) == {1, 2}


def test_what_is_hidden_has_no_influence(encoder: Transformers) -> None:
    mask = Mask(torch.rand(2, 18) < 0.5, "replace")
    tokens = encoder.tokenize(clips())
    other = torch.where(mask.hidden[..., None], torch.randn_like(tokens.values), tokens.values)
    found = [encoder(replace(tokens, values=each), mask=mask) for each in (tokens.values, other)]
    torch.testing.assert_close(found[0].tokens, found[1].tokens)
    assert not torch.allclose(found[0].pooled, encoder(tokens).pooled)


def test_what_is_exported_is_loaded_by_both(encoder: Transformers, tmp_path: Path) -> None:
    encoder.exports()["transformers"](tmp_path / "out")
    again = Transformers(TransformersConfig(model=str(tmp_path / "out"))).eval()
    value = clips()
    torch.testing.assert_close(again(value).pooled, encoder(value).pooled)
    model = transformers.AutoModel.from_pretrained(tmp_path / "out").eval()
    rows = [row.numpy() for row in value.wave[:, 0]]
    extractor = transformers.AutoFeatureExtractor.from_pretrained(tmp_path / "out")
    with torch.no_grad():
        theirs = model(extractor(rows, sampling_rate=RATE, return_tensors="pt").input_values)
    torch.testing.assert_close(
        encoder(value).tokens, theirs.last_hidden_state, atol=1e-5, rtol=1e-4
    )


def test_the_preprocessor_decides_the_rate_unless_told(tmp_path: Path) -> None:
    KINDS["wavlm"]().save_pretrained(tmp_path)
    extractor = transformers.Wav2Vec2FeatureExtractor(sampling_rate=8000, do_normalize=False)
    extractor.save_pretrained(tmp_path)
    config = TransformersConfig(model=str(tmp_path / "config.json"), pretrained=False)
    made = Transformers(config)
    assert rate_of(made) == 8000
    assert not made.inner.extractor.do_normalize
    told = Transformers(replace(config, sampling_rate=RATE, normalise=True))
    assert (rate_of(told), told.inner.extractor.do_normalize) == (RATE, True)


def test_models_that_are_not_there_or_of_another_kind_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"cannot be loaded.*Name a folder"):
        Transformers(TransformersConfig(model=str(tmp_path / "nowhere")))
    transformers.BertConfig().save_pretrained(tmp_path)
    with pytest.raises(ValueError, match="is of the type 'bert'"):
        Transformers(TransformersConfig(model=str(tmp_path)))
