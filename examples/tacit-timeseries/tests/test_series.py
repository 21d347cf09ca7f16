"""What is true of series in particular."""

from __future__ import annotations

import torch
from tacit_timeseries.encoder import Transformer, TransformerConfig
from tacit_timeseries.modality import Series
from tacit_timeseries.rhythms import Rhythms, RhythmsConfig
from tacit_timeseries.views import ChangesConfig, Masked, MaskedConfig, TwoViews, stretch

from tacit.contract import Mask


def draw() -> torch.Generator:
    return torch.Generator().manual_seed(0)


def test_a_token_holds_a_piece_of_all_channels() -> None:
    series = torch.arange(12.0).view(1, 2, 6)
    encoder = Transformer(TransformerConfig(channels=2, length=6, piece=3))
    wanted = torch.tensor([[[0.0, 1, 2, 6, 7, 8], [3, 4, 5, 9, 10, 11]]])
    torch.testing.assert_close(encoder.token_targets(series), wanted)


def test_the_last_layer_tapped_is_not_normalised_yet() -> None:
    encoder = Transformer(TransformerConfig(depth=2)).eval()
    answer = encoder(torch.randn(2, 3, 128, generator=draw()), taps=(1, 2))
    assert sorted(answer.layers) == [1, 2]
    torch.testing.assert_close(encoder.norm(answer.layers[2]), answer.tokens)


def test_where_a_token_lies_is_known_after_others_are_dropped() -> None:
    encoder = Transformer(TransformerConfig(length=32, piece=8)).eval()
    same = torch.ones(1, 3, 32)
    first, last = (
        encoder(same, mask=Mask(torch.arange(4)[None] != kept, "drop", 3)).pooled for kept in (0, 3)
    )
    assert not torch.allclose(first, last)


def test_suggested_pieces_fill_the_length() -> None:
    for length, piece in ((128, 8), (100, 5), (1024, 64), (101, 1), (7, 1)):
        found = Series().suggest(torch.zeros(1, 2, length))
        assert found == {"channels": 2, "length": length, "piece": piece}
        TransformerConfig(**found)


def test_a_crop_of_everything_is_the_series() -> None:
    series = torch.randn(2, 3, 50, generator=draw())
    torch.testing.assert_close(stretch(series, torch.tensor([[0.0, 1.0]] * 2)), series)


def test_a_crop_of_a_ramp_is_the_ramp_of_its_ends() -> None:
    ramp = torch.linspace(0, 1, 11).view(1, 1, 11)
    found = stretch(ramp, torch.tensor([[0.25, 0.75]]))
    torch.testing.assert_close(found, torch.linspace(0.25, 0.75, 11).view(1, 1, 11))


def test_silent_channels_are_flat_at_their_mean_and_recorded() -> None:
    series = 5 + torch.randn(64, 3, 32, generator=draw())
    config = ChangesConfig(crop=1.0, silent=0.5)
    for view in TwoViews(config)(series, draw()):
        silent = view.meta["silent"]
        assert 0.3 < float(silent.float().mean()) < 0.7
        assert torch.equal(view.value.std(2) < 1e-6, silent)
        torch.testing.assert_close(view.value.mean(2)[silent], series.mean(2)[silent])


def test_views_do_not_depend_on_the_unit() -> None:
    series = torch.randn(4, 3, 32, generator=draw())
    small = TwoViews(ChangesConfig())(series, draw())
    large = TwoViews(ChangesConfig())(1000 * series, draw())
    for a, b in zip(small, large, strict=True):
        torch.testing.assert_close(1000 * a.value, b.value, rtol=1e-4, atol=1e-2)


def test_a_view_to_be_masked_has_no_noise() -> None:
    ramp = torch.linspace(0, 1, 64).expand(4, 3, 64)
    (view,) = Masked(MaskedConfig())(ramp, draw())
    assert float(view.value.diff(n=2).abs().max()) < 1e-5


def test_splits_of_rhythms_are_drawn_apart_with_equal_classes() -> None:
    train, test = (Rhythms(RhythmsConfig(count=64, split=split)) for split in ("train", "test"))
    assert not torch.equal(train.series, test.series)
    assert train.label.bincount().tolist() == [16, 16, 16, 16]


def test_no_moment_of_a_rhythm_tells_its_class() -> None:
    source = Rhythms(RhythmsConfig(count=4096))
    means = torch.stack([source.series[source.label == each].mean(0) for each in range(4)])
    assert float(means.abs().max()) < 0.2  # five deviations of a mean of 1024
