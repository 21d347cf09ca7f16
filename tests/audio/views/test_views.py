"""Views come from the generator alone, stay within their clips, and say what was done."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from tacit.contract import Augmentation
from tacit_audio.features import LogMel, LogMelConfig
from tacit_audio.sound import Sound, join
from tacit_audio.views import (
    ChangeConfig,
    CleanAndMixed,
    CleanAndMixedConfig,
    CropConfig,
    Masked,
    MaskedConfig,
    MixedViews,
    MixedViewsConfig,
    MultiCrop,
    MultiCropConfig,
    TwoViews,
    TwoViewsConfig,
    tone,
)
from tacit_audio.views.time import change_speed, crop, punch

RATE = 8000
STILL = ChangeConfig(
    equalise_probability=0.0, bands=0, reverb_probability=0.0, noise_probability=0.0,
    gain=(0.0, 0.0), flip_probability=0.0, holes=0,
)  # fmt: skip


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def batch() -> Sound:
    return join([0.1 * torch.randn(1, size) for size in (4000, 2500, 900)], RATE)


def ramp() -> Sound:
    return join([torch.arange(1.0, size + 1)[None] for size in (100, 60)], RATE)


POLICIES: dict[str, Augmentation] = {
    "two-views": TwoViews(),
    "speed": TwoViews(TwoViewsConfig(speed=(0.9, 1.1), seconds=0.2)),
    "mixed": MixedViews(),
    "multi-crop": MultiCrop(),
    "masked": Masked(MaskedConfig(seconds=0.3)),
    "clean-and-mixed": CleanAndMixed(),
}


@pytest.mark.parametrize("name", POLICIES)
def test_the_generator_decides_everything(name: str) -> None:
    policy, value = POLICIES[name], batch()
    first, again, other = (policy(value, generator(seed)) for seed in (1, 1, 2))
    assert [view.role for view in first] == list(policy.roles)
    for view, same in zip(first, again, strict=True):
        assert policy.meta == set(view.meta)
        assert torch.equal(view.value.wave, same.value.wave)
        assert torch.equal(view.meta["crop"], same.meta["crop"])
    assert not torch.equal(first[-1].value.wave, other[-1].value.wave) or name == "masked"


@pytest.mark.parametrize("name", POLICIES)
def test_views_are_silent_beyond_their_clips_and_finite(name: str) -> None:
    for view in POLICIES[name](batch(), generator()):
        there = view.value.there()
        assert there is not None
        assert torch.isfinite(view.value.wave).all()
        if name != "masked":
            assert (view.value.wave.where(~there[:, None], 0.0) == 0).all()
        assert (view.value.counts >= 1).all()


@pytest.mark.parametrize("name", POLICIES)
def test_views_of_silence_are_finite(name: str) -> None:
    silence = Sound(wave=torch.zeros(2, 1, 3000), rate=RATE)
    for view in POLICIES[name](silence, generator()):
        assert torch.isfinite(view.value.wave).all()


def test_an_excerpt_lies_within_its_clip_and_is_where_the_meta_says() -> None:
    for seed in range(20):
        excerpt, where = crop(ramp(), CropConfig(share=(0.3, 0.9)), generator(seed))
        for row in range(2):
            start, end = where[row].tolist()
            length = int(excerpt.counts[row])
            assert end - start == length
            expected = torch.arange(start + 1.0, end + 1)
            assert torch.equal(excerpt.wave[row, 0, :length], expected)
            assert end <= (100, 60)[row]


def test_a_view_of_fixed_length_has_it_also_where_clips_are_shorter() -> None:
    excerpt, _ = crop(ramp(), CropConfig(seconds=80 / RATE), generator())
    assert excerpt.wave.shape == (2, 1, 80)
    assert excerpt.counts.tolist() == [80, 60]


def test_clips_that_fill_their_view_need_no_lengths() -> None:
    value = Sound(wave=torch.randn(2, 1, 100), rate=RATE)
    assert crop(value, CropConfig(seconds=50 / RATE), generator())[0].lengths is None
    assert crop(value, CropConfig(share=(1.0, 1.0)), generator())[0].lengths is None
    assert crop(value, CropConfig(seconds=200 / RATE), generator())[0].lengths is not None


def test_what_is_switched_off_changes_nothing() -> None:
    value = batch()
    config = TwoViewsConfig(
        **{name: getattr(STILL, name) for name in ChangeConfig.__dataclass_fields__}
        | {"share": (1.0, 1.0)}
    )
    for view in TwoViews(config)(value, generator()):
        assert torch.equal(view.value.silenced(), value.silenced())


def test_masked_bands_are_nearly_silent_and_the_others_are_not() -> None:
    config = replace(STILL, bands=1, band=0.5)
    value = Sound(wave=torch.randn(1, 1, 16_000), rate=RATE)
    mel = LogMel(LogMelConfig(rate=RATE, mels=40, normalise="none"))
    change = mel(tone.equalise(value, config, generator(3))).values - mel(value).values
    levels = change[0, 0, :, 10:-10].mean(1)
    assert (levels < -5).any()
    assert (levels.abs() < 0.2).any()


def test_a_filter_without_delay_leaves_a_clip_where_it_was() -> None:
    value = Sound(wave=torch.randn(1, 1, 2000), rate=RATE)
    kept = tone.equalise(value, replace(STILL, equalise_probability=0.0, bands=0), generator())
    torch.testing.assert_close(kept.wave, value.wave, atol=1e-4, rtol=0.0)


def test_convolution_is_linear_and_knows_no_padding() -> None:
    wave, filters = torch.randn(2, 1, 50), torch.randn(2, 7)
    found = tone.convolve(wave, filters, 0)
    for row in range(2):
        expected = torch.nn.functional.conv1d(
            wave[row : row + 1], filters[row].flip(0)[None, None], padding=6
        )[0, 0, :50]
        torch.testing.assert_close(found[row, 0], expected, rtol=1e-4, atol=1e-5)
    longer = tone.convolve(torch.nn.functional.pad(wave, (0, 100)), filters, 0)
    torch.testing.assert_close(longer[..., :50], found, rtol=1e-4, atol=1e-5)


def test_noise_is_as_loud_as_asked_for() -> None:
    value = Sound(wave=torch.randn(2, 1, 20_000), rate=RATE)
    config = replace(STILL, noise_probability=1.0, noise=(20.0, 20.0))
    noise = tone.add_noise(value, config, generator()).wave - value.wave
    torch.testing.assert_close(
        noise.square().mean((1, 2)).sqrt(), 0.1 * tone.loudness(value), rtol=0.05, atol=0.0
    )


def test_a_mixed_clip_has_the_share_of_power_its_meta_says() -> None:
    waves = torch.randn(2, 1, 40_000)
    mixed, share = tone.mix(Sound(wave=waves, rate=RATE), 0.4, generator())
    other = mixed.wave - waves
    power = other.square().mean((1, 2))
    found = power / (power + waves.square().mean((1, 2)))
    torch.testing.assert_close(found, share, rtol=0.05, atol=0.0)
    assert MixedViews.scope == "batch"


def test_faster_clips_are_shorter_and_higher() -> None:
    wave = torch.sin(2 * torch.pi * 400 * torch.arange(4000) / RATE)[None, None]
    fast = change_speed(Sound(wave=wave, rate=RATE), 1.25, 1.25, generator())
    assert fast.counts.tolist() == [3200]
    expected = torch.sin(2 * torch.pi * 500 * torch.arange(3190) / RATE)
    torch.testing.assert_close(fast.wave[0, 0, :3190], expected, atol=0.02, rtol=0.0)


def test_holes_are_silence_of_at_most_their_length() -> None:
    value = Sound(wave=torch.ones(50, 1, 1000), rate=RATE)
    silent = (punch(value, 2, 0.1, generator()).wave == 0).sum(2)
    assert silent.max() <= 200
    assert silent.max() > 50


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"share": (0.0, 1.0)}, "share"),
        ({"seconds": -1.0}, "seconds"),
        ({"noise_probability": 2.0}, "noise_probability"),
        ({"speed": (1.1, 0.9)}, "speed"),
        ({"band": 0.0}, "band"),
    ],
)
def test_settings_out_of_range_are_refused(settings: dict[str, object], says: str) -> None:
    with pytest.raises(ValueError, match=says):
        TwoViewsConfig(**settings)  # type: ignore[arg-type]


def test_settings_without_effect_are_refused() -> None:
    with pytest.raises(ValueError, match="no effect without seconds"):
        MultiCropConfig(local_seconds=0.2)
    with pytest.raises(ValueError, match="audio/two-views"):
        MixedViewsConfig(mix=0.0)


def test_snippets_are_of_other_clips_as_loud_as_they_were() -> None:
    """Clips of one level each, of which every sum of others can be told apart."""
    levels = torch.tensor([1.0, 10.0, 100.0, 1000.0])
    sound = join(
        [level * torch.ones(1, 4000 - 500 * row) for row, level in enumerate(levels)], RATE
    )
    config = CleanAndMixedConfig(probability=1.0, most=2, snippet=(0.05, 0.1))
    for seed in range(20):
        clean, heard = CleanAndMixed(config)(sound, generator(seed))
        added = heard.value.wave - clean.value.wave
        for row, level in enumerate(levels.tolist()):
            others = [other for other in levels.tolist() if other != level]
            sums = {0.0, *others, *(a + b for a in others for b in others)}
            assert set(added[row].unique().tolist()) <= sums
            heard_for = int((added[row] > 0).sum())
            assert 0.05 * RATE - 1 <= heard_for <= 2 * 0.1 * RATE
        assert (heard.value.silenced() == heard.value.wave).all(), "padding stays silent"
    assert clean.meta["crop"] is heard.meta["crop"]


def test_so_many_clips_stay_as_they_are_and_one_alone_does_for_certain() -> None:
    sound = join([torch.ones(1, 100)] * 400, RATE)
    config = CleanAndMixedConfig(probability=0.3, snippet=(0.001, 0.002))
    clean, heard = CleanAndMixed(config)(sound, generator())
    changed = (heard.value.wave != clean.value.wave).any(2)[:, 0]
    assert torch.equal(changed, heard.meta["mixed"])
    assert 80 < int(changed.sum()) < 160
    (_, alone) = CleanAndMixed(config)(sound[:1], generator())
    assert torch.equal(alone.value.wave, sound.wave[:1])
