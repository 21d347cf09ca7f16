"""Blur is torchvision's, with a sigma of its own for every image."""

from __future__ import annotations

import pytest
import torch
from torchvision.transforms.v2 import functional as reference

from tacit_vision.views import host
from tacit_vision.views.blur import default_radius, draw_sigma, gaussian_blur_


@pytest.mark.parametrize("free", [True, False])
@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize(("height", "width"), [(20, 26), (70, 66)])
def test_blur_equals_torchvision(
    height: int, width: int, channels: int, free: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(host, "reads_freely", lambda images: free)
    generator = torch.Generator().manual_seed(0)
    images = torch.rand(6, channels, height, width, generator=generator)
    sigma = torch.tensor([0.1, 0.0, 0.7, 1.3, 2.0, 0.0])
    result = gaussian_blur_(images.clone(), sigma, radius=8)
    for row, spread in enumerate(sigma.tolist()):
        expected = images[row]
        if spread:
            expected = reference.gaussian_blur(images[row], [17, 17], [spread, spread])
        torch.testing.assert_close(result[row], expected, atol=1e-5, rtol=0)


def test_default_kernel_is_a_tenth_of_the_view_without_negligible_taps() -> None:
    assert default_radius(96, 96, 2.0) == 4
    assert default_radius(160, 200, 2.0) == 8
    assert default_radius(1000, 1000, 2.0) == 8
    assert default_radius(8, 8, 2.0) == 1
    image = torch.rand(3, 224, 224, generator=torch.Generator().manual_seed(0))
    simclr = reference.gaussian_blur(image, [23, 23], [2.0, 2.0])
    ours = gaussian_blur_(image[None].clone(), torch.tensor([2.0]), default_radius(224, 224, 2.0))
    torch.testing.assert_close(ours[0], simclr, atol=1e-4, rtol=0)


def test_sigma_is_uniform_where_drawn_and_zero_elsewhere() -> None:
    generator = torch.Generator().manual_seed(0)
    sigma = draw_sigma(generator, 5000, probability=0.5, sigma=(0.1, 2.0))
    drawn = sigma[sigma > 0]
    assert len(drawn) / 5000 == pytest.approx(0.5, abs=0.03)
    assert drawn.min() >= 0.1
    assert drawn.max() <= 2.0
    assert drawn.mean() == pytest.approx(1.05, abs=0.05)


def test_a_kernel_wider_than_the_image_is_refused() -> None:
    with pytest.raises(ValueError, match="radius must be smaller"):
        gaussian_blur_(torch.rand(1, 3, 4, 9), torch.tensor([1.0]), radius=4)
