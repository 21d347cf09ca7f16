"""Encoders see a clip and not its padding, honour their masks, and refuse what does not fit."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
import torch

from tacit.contract import Encoder, Mask
from tacit_audio.encoders import (
    Cnn,
    CnnConfig,
    SpectrogramTransformer,
    SpectrogramTransformerConfig,
    Wav2Vec2,
    Wav2Vec2Config,
)
from tacit_audio.modality import Audio, Preprocessing
from tacit_audio.sound import Sound, join

RATE, TOKENS, HIDDEN = 8000, 28, 12


def transformer(**changed: object) -> SpectrogramTransformer:
    small = SpectrogramTransformerConfig(rate=RATE, mels=32, width=16, depth=2, heads=2)
    return SpectrogramTransformer(replace(small, **changed))  # type: ignore[arg-type]


def waveform(**changed: object) -> Wav2Vec2:
    small = Wav2Vec2Config(rate=RATE, filters=8, width=16, depth=2, heads=2)
    return Wav2Vec2(replace(small, **changed))  # type: ignore[arg-type]


MAKERS: dict[str, Callable[[], Encoder]] = {
    "patches": transformer,
    "frames": lambda: transformer(bands=32, frames=2, normalise="bin"),
    "waveform, layer norm": waveform,
    "waveform, group norm": lambda: waveform(norm="group", norm_first=False),
    "cnn": lambda: Cnn(CnnConfig(rate=RATE, filters=4, width=16)),
}


@pytest.fixture(params=MAKERS)
def encoder(request: pytest.FixtureRequest) -> Encoder:
    return MAKERS[request.param]()


def clips(samples: int = 8800, count: int = 3, channels: int = 1) -> Sound:
    return Sound(wave=0.1 * torch.randn(count, channels, samples), rate=RATE)


def test_a_clip_has_one_embedding_alone_and_padded(encoder: Encoder) -> None:
    waves = [0.1 * torch.randn(1, size) for size in (3001, 9000, 640)]
    together = join(waves, RATE)
    together.wave[0, :, 3001:] = torch.nan  # whatever lies there
    batch = encoder(together)
    for row, wave in enumerate(waves):
        alone = encoder(join([wave], RATE))
        torch.testing.assert_close(batch.pooled[row], alone.pooled[0], rtol=1e-4, atol=1e-4)
        assert int(batch.valid[row].sum()) == alone.tokens.shape[1]


def test_padding_gets_no_gradient(encoder: Encoder) -> None:
    wave = torch.randn(2, 1, 4000, requires_grad=True)
    value = Sound(wave=wave, rate=RATE, lengths=torch.tensor([4000, 1500]))
    encoder(value).pooled.square().sum().backward()
    assert wave.grad is not None
    assert wave.grad[1, :, :1500].abs().sum() > 0
    assert wave.grad[1, :, 1500:].abs().sum() == 0


def test_silence_and_the_shortest_clip_have_finite_embeddings(encoder: Encoder) -> None:
    assert isinstance(encoder.spec.preprocessing, Preprocessing)
    lengths = torch.tensor([900, encoder.spec.preprocessing.shortest])
    quiet = Sound(wave=torch.zeros(2, 1, 900), rate=RATE, lengths=lengths)
    assert torch.isfinite(encoder(quiet).pooled).all()


def test_tokens_made_apart_give_the_same_encoding(encoder: Encoder) -> None:
    value = clips()
    whole, stepwise = encoder(value), encoder(encoder.tokenize(value))
    assert torch.equal(whole.tokens, stepwise.tokens)
    assert torch.equal(whole.pooled, stepwise.pooled)


def test_another_rate_is_refused(encoder: Encoder) -> None:
    with pytest.raises(ValueError, match="takes 8000 Hz; got 16000 Hz"):
        encoder(Sound(wave=torch.zeros(1, 1, 900), rate=16_000))


def test_stereo_is_refused_where_mono_is_wanted(encoder: Encoder) -> None:
    with pytest.raises(ValueError, match="takes 1 channels; got 2"):
        encoder(clips(channels=2))
    with pytest.raises(ValueError, match="takes 1 channels; got 2"):
        Audio().fit(encoder.spec.preprocessing, clips(channels=2))


def test_stereo_is_encoded_where_it_is_asked_for() -> None:
    assert transformer(channels=2)(clips(channels=2)).pooled.shape == (3, 16)


def random_mask(mode: str) -> Mask:
    hidden = torch.rand(3, TOKENS).argsort(dim=1) < HIDDEN
    return Mask(hidden, mode, HIDDEN)  # type: ignore[arg-type]


@pytest.mark.parametrize("mode", ["drop", "replace", "query"])
def test_visible_tokens_do_not_know_hidden_ones(mode: str) -> None:
    encoder, mask = transformer(), random_mask(mode)
    tokens = encoder.tokenize(clips())
    other = torch.where(mask.hidden[..., None], torch.randn_like(tokens.values), tokens.values)
    before = encoder(tokens, mask=mask, taps=(1,))
    after = encoder(replace(tokens, values=other), mask=mask, taps=(1,))
    torch.testing.assert_close(before.pooled, after.pooled)
    seen = torch.ones(3, TOKENS - HIDDEN, dtype=torch.bool) if mode == "drop" else ~mask.hidden
    torch.testing.assert_close(before.tokens[seen], after.tokens[seen])
    torch.testing.assert_close(before.layers[1][seen], after.layers[1][seen])


def test_dropped_tokens_never_enter_and_the_encoding_says_which_stayed() -> None:
    mask = random_mask("drop")
    encoding = transformer()(clips(), mask=mask)
    assert encoding.tokens.shape == (3, TOKENS - HIDDEN, 16)
    assert torch.equal(encoding.kept, mask.visible_index())


def test_a_row_of_padding_alone_is_no_nan() -> None:
    encoder = transformer()
    value = Sound(wave=torch.randn(2, 1, 8800), rate=RATE, lengths=torch.tensor([8800, 100]))
    tokens = encoder.tokenize(value)
    hidden = torch.zeros(2, TOKENS, dtype=torch.bool)
    hidden[:, :4] = True  # all that the second clip has
    encoding = encoder(tokens, mask=Mask(hidden, "drop", 4))
    assert torch.isfinite(encoding.tokens).all()
    assert torch.isfinite(encoding.pooled).all()


def test_targets_are_the_cells_of_the_spectrogram() -> None:
    encoder = transformer()
    value = clips(8000)
    values = encoder.spectrogram(value).values
    patches = encoder.token_targets(value)
    assert patches.shape == (3, 13 * 2, encoder.spec.target_width)
    first = values[:, 0, :16, :8].transpose(1, 2).flatten(1)
    torch.testing.assert_close(patches[:, 0], first)
    torch.testing.assert_close(patches[:, 3], values[:, 0, 16:, 8:16].transpose(1, 2).flatten(1))


def test_a_length_gives_a_grid() -> None:
    assert transformer(seconds=1.0).spec.grid == (13, 2)
    assert transformer(seconds=1.0, bands=32).spec.grid == (13,)
    assert transformer().spec.grid is None


def test_masks_and_taps_that_are_not_there_are_refused() -> None:
    with pytest.raises(ValueError, match="layers 1 to 2; got"):
        transformer()(clips(), taps=(3,))
    with pytest.raises(ValueError, match="supports mask modes: none"):
        Cnn(CnnConfig(rate=RATE))(clips(), mask=random_mask("drop"))
    with pytest.raises(ValueError, match="fixed grid views of that size"):
        transformer()(clips(4000), mask=random_mask("drop"))
