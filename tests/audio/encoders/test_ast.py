"""AST of transformers as an encoder, and the filter banks it reads: equal, alone and in a batch."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from tacit.contract import Mask
from tacit_audio.encoders import Transformers, TransformersConfig
from tacit_audio.features.kaldi import KaldiBank
from tacit_audio.sound import Sound, join

transformers: Any = pytest.importorskip("transformers")

RATE, FRAMES, TOKENS = 16_000, 40, 2 * 3


@pytest.fixture
def encoder(tmp_path: Path) -> Transformers:
    transformers.ASTConfig(
        hidden_size=16,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=24,
        num_mel_bins=32,
        max_length=FRAMES,
        patch_size=16,
        frequency_stride=10,
        time_stride=10,
    ).save_pretrained(tmp_path)
    made = Transformers(TransformersConfig(model=str(tmp_path), pretrained=False)).eval()
    with torch.no_grad():
        for parameter in made.parameters():
            parameter.add_(0.05 * torch.randn_like(parameter))
    return made


def waves() -> list[torch.Tensor]:
    return [0.1 * torch.randn(1, size) for size in (6000, 3000, 2345)]


def test_filter_banks_are_torchaudios_and_see_no_padding() -> None:
    kaldi = pytest.importorskip("torchaudio.compliance.kaldi")
    values, valid = KaldiBank(RATE, 64)(join(waves_of := waves(), RATE))
    assert valid is not None
    for row, wave in enumerate(waves_of):
        wanted = kaldi.fbank(
            wave, sample_frequency=RATE, window_type="hanning", num_mel_bins=64, dither=0.0
        )
        torch.testing.assert_close(values[row][valid[row]], wanted, atol=1e-3, rtol=1e-3)


def test_answers_are_those_of_transformers_from_files_we_exported(
    encoder: Transformers, tmp_path: Path
) -> None:
    encoder.exports()["transformers"](tmp_path / "out")
    model = transformers.AutoModel.from_pretrained(tmp_path / "out").eval()
    extractor = transformers.AutoFeatureExtractor.from_pretrained(tmp_path / "out")
    clips = waves()
    rows = [wave[0].numpy() for wave in clips]
    with torch.no_grad():
        ours = encoder(join(clips, RATE), taps=(1,))
        theirs = model(**extractor(rows, sampling_rate=RATE, return_tensors="pt"))
    torch.testing.assert_close(ours.pooled, theirs.pooler_output, atol=1e-3, rtol=1e-3)
    torch.testing.assert_close(ours.tokens, theirs.last_hidden_state[:, 2:], atol=1e-3, rtol=1e-3)
    assert ours.layers[1].shape == (3, TOKENS, 16)


def test_a_clip_has_one_embedding_alone_and_padded(encoder: Transformers) -> None:
    together = join(clips := waves(), RATE)
    together.wave[1, :, 3000:] = torch.nan
    batch = encoder(together)
    for row, wave in enumerate(clips):
        alone = encoder(join([wave], RATE))
        torch.testing.assert_close(batch.pooled[row], alone.pooled[0], rtol=1e-4, atol=1e-5)


def test_what_is_hidden_has_no_influence_and_targets_are_the_patches(
    encoder: Transformers,
) -> None:
    value = join(waves(), RATE)
    assert encoder.spec.grid == (2, 3)
    targets, spectrogram = encoder.token_targets(value), encoder.inner.spectrogram(value)  # type: ignore[operator]
    first = spectrogram[0, 10:26, 10:26].T.flatten()  # second in time, upper band
    torch.testing.assert_close(targets[0, 4], first)
    mask = Mask(torch.rand(3, TOKENS) < 0.5, "replace")
    tokens = encoder.tokenize(value)
    before = encoder(tokens, mask=mask).pooled
    tokens.values[mask.hidden] = 7.0
    torch.testing.assert_close(encoder(tokens, mask=mask).pooled, before)


def test_clips_that_are_too_long_or_too_short_are_refused(encoder: Transformers) -> None:
    with pytest.raises(ValueError, match="takes 40 frames, 6400 samples; got 8000"):
        encoder(Sound(wave=torch.zeros(1, 1, 8000), rate=RATE))
    with pytest.raises(ValueError, match="at least 400 samples; got 399"):
        encoder(Sound(wave=torch.zeros(1, 1, 399), rate=RATE))
