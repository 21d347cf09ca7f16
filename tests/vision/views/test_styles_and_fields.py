"""One style for a batch, and changes that vary from place to place."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.nn import functional

from tacit_vision.views import Fields, FieldsConfig, OneStyle, OneStyleConfig, TwoViews
from tacit_vision.views.fields import fields, recolour, warp
from tacit_vision.views.styles import lowest, one_style

STILL: dict[str, Any] = {"shift": 0.0, "turn": 0.0, "zoom": 0.0, "light": 0.0, "factor": 0.0}


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def images(batch: int = 6) -> Tensor:
    return torch.randint(0, 256, (batch, 3, 16, 16), dtype=torch.uint8, generator=generator())


def test_no_strength_is_the_image() -> None:
    value = torch.rand(5, 3, 16, 16)
    same = one_style(value, torch.tensor([2]), torch.tensor([0.5]), 0.0)
    torch.testing.assert_close(same, value, atol=1e-6, rtol=0)


@pytest.mark.parametrize("window", [0.0, 0.3, 1.0])
def test_full_strength_gives_all_images_the_reference_s_low_frequencies(window: float) -> None:
    value, share = torch.rand(5, 3, 16, 12), torch.tensor([window])
    styled = one_style(value, torch.tensor([2]), share, 1.0)
    low = lowest(16, 12, share)
    assert low[0, 0]
    before, after = torch.fft.fft2(value), torch.fft.fft2(styled)
    wanted = before.abs()[2].expand(5, -1, -1, -1)
    torch.testing.assert_close(after.abs()[..., low], wanted[..., low], atol=1e-3, rtol=1e-3)
    torch.testing.assert_close(after[..., ~low], before[..., ~low], atol=1e-3, rtol=1e-3)
    torch.testing.assert_close(styled[2], value[2], atol=1e-5, rtol=0)


def test_phases_are_each_images_own() -> None:
    value = torch.rand(4, 1, 16, 16)
    styled = one_style(value, torch.tensor([0]), torch.tensor([0.4]), 1.0)
    before, after = torch.fft.fft2(value), torch.fft.fft2(styled)
    turned = (before * after.conj()).angle()
    strong = after.abs() > 1e-2
    assert turned[strong].abs().max() < 1e-3


def test_zero_reaches_are_the_image() -> None:
    drawn = fields(generator(), (2, 7, 16, 16), length=0.5, slope=4.0)
    value, still = torch.rand(2, 3, 16, 16), FieldsConfig(**STILL)
    torch.testing.assert_close(warp(value, drawn[:, :4], still), value, atol=1e-5, rtol=0)
    torch.testing.assert_close(recolour(value, drawn[:, 4:], still), value, atol=1e-5, rtol=0)


@pytest.mark.parametrize("slope", [2.0, 3.0, 4.0])
def test_fields_have_the_slope_and_variance_asked_for(slope: float) -> None:
    drawn = fields(generator(), (200, 1, 64, 64), length=10.0, slope=slope)
    power = torch.fft.fft2(drawn).abs().square().mean((0, 1))
    down = torch.fft.fftfreq(64, 1 / 64)
    radius = (down[:, None].square() + down.square()).sqrt()
    chosen = (radius > 2) & (radius < 25)
    x, y = radius[chosen].log(), power[chosen].log()
    found = ((x - x.mean()) * (y - y.mean())).sum() / (x - x.mean()).square().sum()
    assert -found.item() == pytest.approx(slope, rel=0.05)
    drawn = fields(generator(), (400, 1, 32, 32), length=0.3, slope=slope)
    assert drawn.var().item() == pytest.approx(1, rel=0.1)
    assert drawn.mean().item() == pytest.approx(0, abs=0.1)


def test_an_infinite_length_is_one_affine_warp() -> None:
    drawn = fields(generator(), (3, 4, 16, 16), length=math.inf, slope=4.0)
    config = FieldsConfig()
    value = torch.rand(3, 1, 16, 16)
    first = drawn[:, :, 0, 0]
    angle, scale = math.radians(config.turn) * first[:, 0], (config.zoom * first[:, 1]).exp()
    rows = [
        torch.stack([scale * angle.cos(), -scale * angle.sin(), 2 * config.shift * first[:, 2]], 1),
        torch.stack([scale * angle.sin(), scale * angle.cos(), 2 * config.shift * first[:, 3]], 1),
    ]
    places = functional.affine_grid(torch.stack(rows, 1), [3, 1, 16, 16], align_corners=False)
    wanted = functional.grid_sample(value, places, padding_mode="reflection", align_corners=False)
    torch.testing.assert_close(warp(value, drawn, config), wanted, atol=1e-5, rtol=0)


@pytest.mark.parametrize("policy", [OneStyle(), Fields()])
def test_policies_keep_the_contract(policy: OneStyle | Fields) -> None:
    before = torch.get_rng_state()
    views, same, other = (policy(images(), generator(seed)) for seed in (3, 3, 4))
    assert torch.equal(torch.get_rng_state(), before)
    assert tuple(view.role for view in views) == policy.roles == TwoViews().roles
    assert not torch.equal(views[0].value, views[1].value)
    for one, two, three in zip(views, same, other, strict=True):
        assert one.meta.keys() >= policy.meta
        assert all(len(value) == 6 for value in one.meta.values())
        assert one.value.dtype == torch.float32
        assert one.value.min() >= 0
        assert one.value.max() <= 1
        assert torch.equal(one.value, two.value)
        assert not torch.equal(one.value, three.value)


def test_settings_out_of_range_are_refused() -> None:
    with pytest.raises(ValueError, match="window: wanted"):
        OneStyleConfig(window=(0.5, 0.1))
    with pytest.raises(ValueError, match="strength must be in"):
        OneStyleConfig(strength=1.5)
    with pytest.raises(ValueError, match="length: wanted above 0"):
        FieldsConfig(length=0.0)
    with pytest.raises(ValueError, match="turn: wanted at least 0"):
        FieldsConfig(turn=-1.0)
    for policy, config in ((OneStyle, OneStyleConfig), (Fields, FieldsConfig)):
        with pytest.raises(ValueError, match="mean and std"):
            policy(config(mean=(0.5,), std=(0.5,)))  # type: ignore[arg-type]
