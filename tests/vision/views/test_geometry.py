"""Crops are drawn as torchvision draws them, and cut as torchvision cuts them."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor
from torchvision.transforms import RandomResizedCrop
from torchvision.transforms.v2 import functional as reference

from tacit_vision.views.geometry import Crop, draw_crop
from tacit_vision.views.resample import by_grid, by_matrices, by_native_kernel, crop_resize


def images(batch: int, channels: int, height: int, width: int) -> Tensor:
    generator = torch.Generator().manual_seed(0)
    shape = (batch, channels, height, width)
    return torch.randint(0, 256, shape, dtype=torch.uint8, generator=generator)


def drawn(batch: int, height: int, width: int, scale: tuple[float, float] = (0.08, 1.0)) -> Crop:
    generator = torch.Generator().manual_seed(1)
    return draw_crop(
        generator,
        batch,
        height=height,
        width=width,
        scale=scale,
        ratio=(3 / 4, 4 / 3),
        flip_probability=0.5,
    )


def torchvision_crop(image: Tensor, crop: Crop, row: int, size: int, antialias: bool) -> Tensor:
    box = crop.box[row].tolist()
    cut = reference.resized_crop(image, *box, size=[size, size], antialias=antialias)
    cut = reference.horizontal_flip(cut) if crop.flip[row] else cut
    assert isinstance(cut, Tensor)
    return cut


@pytest.mark.parametrize(("height", "width"), [(32, 32), (60, 80), (20, 60), (60, 20)])
def test_boxes_are_distributed_as_those_of_torchvision(height: int, width: int) -> None:
    count = 5000
    ours = drawn(count, height, width).box.double()
    blank = torch.empty(3, height, width)
    with torch.random.fork_rng():
        torch.manual_seed(2)
        get: Any = RandomResizedCrop.get_params
        theirs = torch.tensor([get(blank, [0.08, 1.0], [3 / 4, 4 / 3]) for _ in range(count)])
    describers: list[Callable[[Tensor], Tensor]] = [
        lambda box: box[:, 2] * box[:, 3] / (height * width),
        lambda box: (box[:, 3] / box[:, 2]).log(),
        lambda box: box[:, 0],
        lambda box: box[:, 1],
        lambda box: (box[:, 0] + box[:, 2] / 2 - height / 2).abs(),
        lambda box: ((box[:, 2] == height) | (box[:, 3] == width)).double(),
    ]
    for describe in describers:
        mine, other = describe(ours), describe(theirs.double())
        for moment in (1, 2):
            one, two = mine**moment, other**moment
            error = (one.var() / count + two.var() / count).sqrt()
            assert (one.mean() - two.mean()).abs() <= 4 * error


def test_boxes_lie_inside_the_image_and_keep_to_scale_and_ratio() -> None:
    crop = drawn(2000, 64, 48, scale=(0.2, 0.5))
    top, left, height, width = crop.box.double().unbind(1)
    assert (top >= 0).all()
    assert (left >= 0).all()
    assert (top + height <= 64).all()
    assert (left + width <= 48).all()
    area = height * width / (64 * 48)
    assert area.min() > 0.2 * 0.95
    assert area.max() < 0.5 * 1.05
    assert (width / height).log().abs().max() < math.log(4 / 3) + 0.06
    assert crop.flip.double().mean() == pytest.approx(0.5, abs=0.05)


@pytest.mark.parametrize(
    ("height", "width", "box"), [(20, 60, (0, 16, 20, 27)), (60, 20, (16, 0, 27, 20))]
)
def test_where_no_try_fits_the_box_is_centred_with_the_nearest_ratio(
    height: int, width: int, box: tuple[int, ...]
) -> None:
    crop = drawn(10, height, width, scale=(1.0, 1.0))
    # Of the 60 - 27 = 33 pixels left, the odd one goes to the far side, as in torchvision.
    assert (crop.box == torch.tensor(box)).all()


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("size", [16, 24, 40])
def test_grid_equals_torchvision_without_antialiasing(channels: int, size: int) -> None:
    source, crop = images(12, channels, 30, 37), drawn(12, 30, 37)
    views = by_grid(source, crop, (size, size))
    for row in range(12):
        expected = torchvision_crop(source[row].float() / 255, crop, row, size, antialias=False)
        torch.testing.assert_close(views[row], expected, atol=1e-5, rtol=0)


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("size", [10, 24, 40])
def test_matrices_equal_torchvision_with_antialiasing(channels: int, size: int) -> None:
    source, crop = images(12, channels, 30, 37), drawn(12, 30, 37)
    views = by_matrices(source, crop, (size, size))
    for row in range(12):
        expected = torchvision_crop(source[row].float() / 255, crop, row, size, antialias=True)
        torch.testing.assert_close(views[row], expected, atol=1e-5, rtol=0)


@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
@pytest.mark.parametrize("antialias", [True, False])
def test_native_kernel_equals_torchvision_on_uint8(
    layout: torch.memory_format, antialias: bool
) -> None:
    source, crop = images(12, 3, 70, 90).contiguous(memory_format=layout), drawn(12, 70, 90)
    views = by_native_kernel(source, crop, (50, 50), antialias=antialias)
    for row in range(12):
        expected = torchvision_crop(source[row], crop, row, 50, antialias)
        torch.testing.assert_close(views[row] * 255, expected.float(), atol=1e-3, rtol=0)


def test_when_no_box_can_shrink_antialiasing_changes_nothing() -> None:
    source, crop = images(8, 3, 24, 24), drawn(8, 24, 24)
    grid, matrices = by_grid(source, crop, (24, 24)), by_matrices(source, crop, (24, 24))
    torch.testing.assert_close(grid, matrices, atol=1e-5, rtol=0)


@pytest.mark.parametrize("size", [16, 32, 100])
def test_a_box_may_come_from_any_image(size: int) -> None:
    source, crop = images(3, 3, 32, 32), drawn(5, 32, 32)
    rows = torch.tensor([2, 0, 0, 1, 2])
    views = crop_resize(source, crop, (size, size), source=rows)
    expected = crop_resize(source[rows], crop, (size, size))
    torch.testing.assert_close(views, expected)


def test_the_whole_image_at_its_own_size_comes_back_unchanged() -> None:
    source = images(2, 3, 100, 96)
    crop = Crop(box=torch.tensor([[0, 0, 100, 96]] * 2), flip=torch.tensor([False, True]))
    views = crop_resize(source, crop, (100, 96))
    torch.testing.assert_close(views[0], source[0].float() / 255)
    torch.testing.assert_close(views[1], source[1].flip(-1).float() / 255)
