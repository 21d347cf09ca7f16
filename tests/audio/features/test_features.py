"""Features are those of the libraries everybody knows, and padding is not among them."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import nn

from tacit_audio.features import (
    ConstantQ,
    ConstantQConfig,
    LogMel,
    LogMelConfig,
    Mfcc,
    resample,
    statistics,
)
from tacit_audio.sound import Sound, join

RATE = 8000


def tone(hertz: float, samples: int = 4000, rate: int = RATE) -> torch.Tensor:
    return torch.sin(2 * torch.pi * hertz * torch.arange(samples) / rate)[None]


def sound(samples: int = 4000) -> Sound:
    return Sound(wave=0.1 * torch.randn(2, 1, samples), rate=RATE)


PLAIN = LogMelConfig(rate=RATE, mels=32, normalise="none")


def test_log_mel_is_that_of_torchaudio() -> None:
    transforms = pytest.importorskip("torchaudio.transforms")
    ours = LogMel(PLAIN)
    theirs = transforms.MelSpectrogram(
        RATE, n_fft=ours.fft, win_length=200, hop_length=80, f_min=20.0, n_mels=32,
        pad_mode="constant", norm=None, mel_scale="htk",
    )  # fmt: skip
    value = sound()
    expected = (theirs(value.wave) + 1e-6).log()
    torch.testing.assert_close(ours(value).values, expected[..., :50], rtol=1e-4, atol=1e-4)


def test_log_mel_is_that_of_librosa() -> None:
    librosa = pytest.importorskip("librosa")
    ours, value = LogMel(PLAIN), sound()
    expected = librosa.feature.melspectrogram(
        y=value.wave[0, 0].numpy(), sr=RATE, n_fft=ours.fft, win_length=200, hop_length=80,
        n_mels=32, fmin=20.0, htk=True, norm=None, pad_mode="constant",
    )  # fmt: skip
    found = ours(value).values[0, 0].exp() - 1e-6
    np.testing.assert_allclose(found.numpy(), expected[:, :50], rtol=1e-3, atol=1e-5)


def test_mfcc_are_those_of_torchaudio() -> None:
    transforms = pytest.importorskip("torchaudio.transforms")
    ours = Mfcc(PLAIN, 13)
    theirs = transforms.MFCC(
        RATE, n_mfcc=13, log_mels=True,
        melkwargs={"n_fft": ours.spectrogram.fft, "win_length": 200, "hop_length": 80,
                   "f_min": 20.0, "n_mels": 32, "pad_mode": "constant"},
    )  # fmt: skip
    value = sound()
    torch.testing.assert_close(
        ours(value).values, theirs(value.wave)[..., :50], rtol=1e-3, atol=1e-3
    )


def test_constant_q_is_that_of_librosa() -> None:
    librosa = pytest.importorskip("librosa")
    config = ConstantQConfig(rate=RATE, hop=256, low=110.0, bins=36)
    chord = sum(tone(hertz, 16_000) for hertz in (110.0, 277.18, 659.26))
    assert isinstance(chord, torch.Tensor)
    wave = 0.1 * chord + 0.01 * torch.randn(1, 16_000)
    found = ConstantQ(config)(join([wave], RATE)).values[0, 0].numpy()
    expected = abs(librosa.cqt(wave[0].numpy(), sr=RATE, hop_length=256, fmin=110.0, n_bins=36))
    inside = slice(15, 47)
    error = np.linalg.norm(found[:, inside] - expected[:, inside]) / np.linalg.norm(
        expected[:, inside]
    )
    assert error < 0.05


@pytest.mark.parametrize("semitone", [0, 7, 19, 35])
def test_a_pure_tone_peaks_at_its_own_pitch(semitone: int) -> None:
    config = ConstantQConfig(rate=RATE, hop=256, low=110.0, bins=36)
    clip = join([tone(110.0 * 2 ** (semitone / 12), 8000)], RATE)
    assert ConstantQ(config)(clip).values[0, 0, :, 15].argmax() == semitone


@pytest.mark.parametrize(("old", "new"), [(8000, 16_000), (16_000, 8000), (44_100, 16_000)])
def test_a_tone_is_the_same_tone_at_another_rate(old: int, new: int) -> None:
    found = resample(tone(440.0, old // 4, old), old, new)
    expected = tone(440.0, new // 4, new)
    assert found.shape == expected.shape
    inside = slice(new // 20, -new // 20)
    assert (found - expected)[:, inside].abs().max() < 2e-3


def test_what_lies_above_half_of_the_new_rate_is_taken_away() -> None:
    assert resample(tone(6000.0, 16_000, 16_000), 16_000, 8000)[:, 400:-400].abs().max() < 2e-3


@pytest.mark.parametrize(("old", "new"), [(16_000, 8000), (8000, 16_000), (44_100, 16_000)])
def test_resampling_agrees_with_torchaudio_below_the_cutoff(old: int, new: int) -> None:
    theirs = pytest.importorskip("torchaudio.functional")
    wave = sum(tone(f, old // 4, old) for f in (300.0, 950.0, 2200.0))
    found, wanted = resample(wave, old, new), theirs.resample(wave, old, new)
    inner = slice(200, -200)  # the ends differ: filters of unequal length meet the silence around
    torch.testing.assert_close(found[:, inner], wanted[:, inner], atol=5e-3, rtol=0)


MAKERS: dict[str, Callable[[], nn.Module]] = {
    "clip": lambda: LogMel(LogMelConfig(rate=RATE, normalise="clip")),
    "bin": lambda: LogMel(LogMelConfig(rate=RATE, normalise="bin")),
    "none": lambda: LogMel(PLAIN),
    "mfcc": lambda: Mfcc(PLAIN),
    "constant-q": lambda: ConstantQ(ConstantQConfig(rate=RATE, low=200.0, bins=24)),
}


@pytest.mark.parametrize("name", MAKERS)
def test_a_clip_has_the_same_features_alone_and_padded(name: str) -> None:
    feature = MAKERS[name]()
    short, long = 0.1 * torch.randn(1, 2003), 0.1 * torch.randn(1, 5000)
    padded = join([short, long], RATE)
    padded.wave[0, :, 2003:] = 7.0  # whatever lies there
    alone, both = feature(join([short], RATE)), feature(padded)
    frames = alone.values.shape[-1]
    assert both.valid.sum(1).tolist() == [frames, both.values.shape[-1]]
    torch.testing.assert_close(both.values[:1, ..., :frames], alone.values, rtol=1e-4, atol=1e-5)
    assert (both.values[0, ..., frames:] == 0).all()


def test_statistics_do_not_know_padding() -> None:
    short, long = torch.randn(1, 2000), torch.randn(1, 5000)
    both = statistics(join([short, long], RATE))
    torch.testing.assert_close(both[:1], statistics(join([short], RATE)), rtol=1e-4, atol=1e-4)


def test_silence_has_finite_features() -> None:
    silence = Sound(wave=torch.zeros(1, 1, 800), rate=RATE)
    for make in MAKERS.values():
        assert torch.isfinite(make()(silence).values).all()


def test_bands_too_narrow_to_hold_anything_are_refused() -> None:
    with pytest.raises(ValueError, match="fewer, or a wider range"):
        LogMel(LogMelConfig(rate=RATE, mels=4000, low=20.0, high=25.0))


def test_a_band_above_half_of_the_rate_is_refused() -> None:
    with pytest.raises(ValueError, match="4000 Hz, half of the rate"):
        LogMelConfig(rate=RATE, high=7000.0)


def test_pitches_above_half_of_the_rate_are_refused() -> None:
    with pytest.raises(ValueError, match="fewer bins"):
        ConstantQConfig(rate=RATE, low=110.0, bins=80)
