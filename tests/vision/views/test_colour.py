"""Colour is torchvision's, image by image; the fused form is its linear part."""

from __future__ import annotations

from itertools import permutations

import pytest
import torch
from torch import Tensor
from torchvision.transforms.v2 import functional as reference

from tacit_vision.views import host
from tacit_vision.views.colour import (
    BRIGHTNESS,
    CONTRAST,
    GREY,
    HUE,
    SATURATION,
    Jitter,
    adjust_hue_,
    apply_jitter_,
    draw_jitter,
)
from tacit_vision.views.fused import apply_colour, colour_matrices, hue_rotation
from tacit_vision.views.pointwise import grayscale_, normalise_, solarise_

ADJUST = {
    BRIGHTNESS: (reference.adjust_brightness, "brightness"),
    CONTRAST: (reference.adjust_contrast, "contrast"),
    SATURATION: (reference.adjust_saturation, "saturation"),
    HUE: (reference.adjust_hue, "hue"),
}


@pytest.fixture(params=["drawn images only", "all images masked"])
def both_paths(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Runs a test on the CPU's path and, on the CPU, on the other devices' path."""
    if request.param == "all images masked":
        monkeypatch.setattr(host, "reads_freely", lambda images: False)


def pixels(batch: int, channels: int = 3) -> Tensor:
    """Random colours, among them greys, pure colours and ties of two channels."""
    generator = torch.Generator().manual_seed(0)
    images = torch.rand(batch, channels, 8, 9, generator=generator)
    images[:, :, 0] = images[:, :1, 0]
    images[:, :, 1, :3] = torch.tensor([0.0, 1.0, 0.5])
    corners = torch.cartesian_prod(*[torch.tensor([0.0, 1.0])] * channels).view(-1, channels)
    images[:, :, 2, : len(corners)] = corners.T
    images[:, -1, 3] = images[:, 0, 3]
    return images


def jitter(batch: int, probability: float = 0.8) -> Jitter:
    generator = torch.Generator().manual_seed(1)
    return draw_jitter(
        generator,
        batch,
        probability=probability,
        brightness=0.8,
        contrast=0.8,
        saturation=0.8,
        hue=0.5,
    )


def torchvision_jitter(image: Tensor, record: Jitter, row: int) -> Tensor:
    if record.applied[row]:
        for step in record.order[row].tolist():
            adjust, name = ADJUST[step]
            image = adjust(image, getattr(record, name)[row].item())
    return image


@pytest.mark.usefixtures("both_paths")
@pytest.mark.parametrize("channels", [1, 3])
def test_jitter_equals_torchvision_for_each_image(channels: int) -> None:
    images, record = pixels(60, channels), jitter(60)
    assert 0 < record.applied.sum() < 60
    result = apply_jitter_(images.clone(), record)
    for row in range(60):
        expected = torchvision_jitter(images[row], record, row)
        torch.testing.assert_close(result[row], expected, atol=1e-5, rtol=0)


@pytest.mark.usefixtures("both_paths")
def test_jitter_follows_every_order() -> None:
    orders = torch.tensor(list(permutations(range(4))))
    record = jitter(24, probability=1.0)
    record = Jitter(**{**vars(record), "order": orders})
    images = pixels(24)
    result = apply_jitter_(images.clone(), record)
    for row in range(24):
        expected = torchvision_jitter(images[row], record, row)
        torch.testing.assert_close(result[row], expected, atol=1e-5, rtol=0)


def test_all_orders_are_drawn_equally_often() -> None:
    order = jitter(24_000).order
    keys = (order * torch.tensor([64, 16, 4, 1])).sum(1)
    counts = keys.bincount()
    counts = counts[counts > 0]
    assert len(counts) == 24
    assert ((counts - 1000) ** 2 / 1000).sum() < 50  # chi-square, 23 degrees: p < 0.001


def test_factors_are_uniform_over_their_range() -> None:
    generator = torch.Generator().manual_seed(0)
    record = draw_jitter(
        generator, 5000, probability=0.3, brightness=0.4, contrast=2.0, saturation=0.0, hue=0.1
    )
    for values, low, high in (
        (record.brightness, 0.6, 1.4),
        (record.contrast, 0.0, 3.0),
        (record.saturation, 1.0, 1.0),
        (record.hue, -0.1, 0.1),
    ):
        assert values.min() >= low - 1e-6
        assert values.max() <= high + 1e-6
        assert values.mean() == pytest.approx((low + high) / 2, abs=0.05)
    assert record.applied.float().mean() == pytest.approx(0.3, abs=0.03)


@pytest.mark.parametrize("shift", [-0.5, -0.3, -1 / 6, 0.0, 0.07, 1 / 3, 0.5])
def test_hue_equals_torchvision(shift: float) -> None:
    images = pixels(4)
    result = adjust_hue_(images.clone(), torch.full((4,), shift))
    torch.testing.assert_close(result, reference.adjust_hue(images, shift), atol=1e-5, rtol=0)


@pytest.mark.usefixtures("both_paths")
@pytest.mark.parametrize("channels", [1, 3])
def test_grayscale_and_solarise_equal_torchvision_where_drawn(channels: int) -> None:
    images, drawn = pixels(6, channels), torch.tensor([True, False, True, True, False, False])
    grey, solarised = grayscale_(images.clone(), drawn), solarise_(images.clone(), drawn)
    for row in range(6):
        image = images[row]
        expected = reference.rgb_to_grayscale(image, channels) if drawn[row] else image
        torch.testing.assert_close(grey[row], expected)
        expected = reference.solarize(image, 0.5) if drawn[row] else image
        torch.testing.assert_close(solarised[row], expected)


def test_normalise_equals_torchvision() -> None:
    images, mean, std = pixels(2), (0.1, 0.2, 0.3), (0.4, 0.5, 0.6)
    expected = reference.normalize(images, list(mean), list(std))
    torch.testing.assert_close(normalise_(images.clone(), mean, std), expected)


def linear_steps(image: Tensor, record: Jitter, row: int, grey: bool) -> Tensor:
    """Each step by itself, without clamps; hue as the rotation, whose own test is below."""
    weights = torch.tensor(GREY)[:, None, None]

    def luma(values: Tensor) -> Tensor:
        return (values * weights).sum(0, keepdim=True)

    if record.applied[row]:
        for step in record.order[row].tolist():
            factor = getattr(record, ADJUST[step][1])[row]
            if step == HUE:
                image = torch.einsum("ij,jhw->ihw", hue_rotation(factor[None], 3)[0], image)
            else:
                other = {BRIGHTNESS: 0, CONTRAST: luma(image).mean(), SATURATION: luma(image)}
                image = factor * image + (1 - factor) * other[step]
    return luma(image).expand(3, -1, -1) if grey else image


def test_fused_matrix_is_the_composition_of_its_linear_steps() -> None:
    images, record = pixels(40), jitter(40)
    grey = torch.arange(40) % 5 == 0
    mean, std = (0.4, 0.5, 0.6), (0.2, 0.25, 0.3)
    matrices = colour_matrices(record, grey, 3)
    plain, normalised = apply_colour(images, matrices), apply_colour(images, matrices, mean, std)
    for row in range(40):
        expected = linear_steps(images[row], record, row, bool(grey[row])).clamp(0, 1)
        torch.testing.assert_close(plain[row], expected, atol=1e-5, rtol=0)
        expected = reference.normalize(expected, list(mean), list(std))
        torch.testing.assert_close(normalised[row], expected, atol=1e-4, rtol=0)


def test_fused_hue_permutes_channels_at_thirds_of_a_turn_and_keeps_greys() -> None:
    rotation = hue_rotation(torch.tensor([0.0, 1 / 3, -1 / 3, 0.123]), 3)
    unit = torch.eye(3)
    expected = torch.stack((unit, unit.roll(1, 0), unit.roll(-1, 0)))
    torch.testing.assert_close(rotation[:3], expected, atol=1e-6, rtol=0)
    torch.testing.assert_close(rotation.sum(2), torch.ones(4, 3))


def test_fused_equals_exact_where_nothing_clamps_and_hue_is_a_third() -> None:
    images = pixels(30) * 0.2 + 0.4
    record = jitter(30)
    shift = torch.tensor([0.0, 1 / 3, -1 / 3]).repeat(10)
    mild = {name: 1 + (getattr(record, name) - 1) / 4 for name in ("brightness", "contrast")}
    record = Jitter(**{**vars(record), **mild, "hue": shift})
    fused = apply_colour(images, colour_matrices(record, None, 3))
    exact = apply_jitter_(images.clone(), record)
    torch.testing.assert_close(fused, exact, atol=1e-5, rtol=0)


def test_fused_on_one_channel_is_brightness_and_contrast_alone() -> None:
    images = pixels(30, 1) * 0.1 + 0.3
    record = jitter(30)
    grey = torch.ones(30, dtype=torch.bool)
    fused = apply_colour(images, colour_matrices(record, grey, 1))
    exact = apply_jitter_(images.clone(), record)
    torch.testing.assert_close(fused, exact, atol=1e-5, rtol=0)
