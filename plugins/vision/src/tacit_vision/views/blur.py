"""Gaussian blur with one sigma per image.

Source: SimCLR (arXiv:2002.05709), appendix A: kernel of a tenth of the image, sigma uniform in
[0.1, 2.0]; arithmetic of torchvision's ``gaussian_blur`` (reflected borders, weights normalised
over the kernel).

Where we differ: taps farther than ``ceil(4 * greatest sigma)`` are left out of the default
kernel, together less than 7e-5 of the weight (see :func:`default_radius`).
"""

from __future__ import annotations

import math

import torch
from jaxtyping import Float, Int
from torch import Generator, Tensor
from torch.nn import functional

from tacit_vision.views import host
from tacit_vision.views.draws import chance, uniform
from tacit_vision.views.resample import apply_separable

MATRIX_PIXELS = 64 * 64
NEGLIGIBLE = 1e-6


def default_radius(height: int, width: int, greatest_sigma: float) -> int:
    """Half the kernel: a twentieth of the shorter side, at least 1, no more than sigma fills."""
    return max(1, min(min(height, width) // 20, math.ceil(4 * greatest_sigma)))


def draw_sigma(
    generator: Generator, batch: int, *, probability: float, sigma: tuple[float, float]
) -> Float[Tensor, " batch"]:
    """Draw one sigma per image in pixels, 0 where the image stays sharp."""
    drawn = chance(generator, batch, probability)
    return uniform(generator, (batch,), *sigma).mul_(drawn)


def gaussian_blur_(
    images: Float[Tensor, "batch channels height width"],
    sigma: Float[Tensor, " batch"],
    radius: int,
) -> Float[Tensor, "batch channels height width"]:
    """Blur each image with its own sigma; sigma 0 leaves it as it is. May work in place.

    On the CPU only the drawn images are touched. On other devices all are multiplied with a
    matrix, the identity where nothing was drawn, as counting the drawn ones would make the host
    wait; two batched products are still far faster there than a grouped convolution.

    Args:
        images: any range; the weights sum to one.
        sigma: in pixels, not negative.
        radius: the kernel has ``2 * radius + 1`` taps; smaller than both sides.

    Raises:
        ValueError: the kernel does not fit the image.
    """
    height, width = images.shape[2:]
    if radius >= min(height, width):
        raise ValueError(
            f"blur radius must be smaller than the image, {height} x {width}, got {radius}: "
            "choose a smaller one or turn blur off"
        )
    if not host.reads_freely(images):
        return _blur_by_matrices(images, sigma, radius)
    drawn = sigma.nonzero().flatten()
    if height * width <= MATRIX_PIXELS and len(drawn):
        images[drawn] = _blur_by_matrices(images[drawn], sigma[drawn], radius)
    elif len(drawn):
        for index, spread in zip(drawn.tolist(), sigma[drawn].tolist(), strict=True):
            images[index] = _blur_one(images[index], spread, radius)
    return images


def _blur_by_matrices(
    images: Float[Tensor, "batch channels height width"],
    sigma: Float[Tensor, " batch"],
    radius: int,
) -> Float[Tensor, "batch channels height width"]:
    height, width = images.shape[2:]
    rows = blur_weights(sigma, height, radius)
    columns = rows if width == height else blur_weights(sigma, width, radius)
    return apply_separable(images, rows, columns)


def blur_weights(
    sigma: Float[Tensor, " batch"], length: int, radius: int
) -> Float[Tensor, "batch length length"]:
    """The matrix of a one-dimensional blur with reflected ends; rows sum to one."""
    place = torch.arange(length, device=sigma.device)
    offset = torch.arange(-radius, radius + 1, device=sigma.device)
    # The border pixel itself is not repeated: -1 reads 1, and length reads length - 2.
    source = (place[:, None] + offset).abs_()
    source = (length - 1) - ((length - 1) - source).abs_()
    taps = _taps(sigma, offset)
    weights = taps.new_zeros(len(sigma), length, length)
    index = source.expand(len(sigma), length, 2 * radius + 1)
    return weights.scatter_add_(2, index, taps[:, None].expand_as(index).contiguous())


def _taps(
    sigma: Float[Tensor, " batch"], offset: Int[Tensor, " taps"]
) -> Float[Tensor, "batch taps"]:
    exponent = (offset / sigma.clamp(min=1e-3)[:, None]).square_().mul_(-0.5)
    weights = exponent.exp_()
    return weights.div_(weights.sum(dim=1, keepdim=True))


def _blur_one(
    image: Float[Tensor, "channels height width"], sigma: float, radius: int
) -> Float[Tensor, "channels height width"]:
    """Add up shifted copies: for one large image faster than a convolution or a product.

    Taps of less than a millionth are skipped, which halves the work of small sigmas.
    """
    weights = [math.exp(-0.5 * (tap / sigma) ** 2) for tap in range(radius + 1)]
    total = 2 * sum(weights) - weights[0]
    taps = [weight / total for weight in weights if weight / total >= NEGLIGIBLE]
    reach = len(taps) - 1
    padded = functional.pad(image[None], (reach,) * 4, mode="reflect")[0]
    return _shifted_sum(_shifted_sum(padded, taps, dim=2), taps, dim=1)


def _shifted_sum(
    image: Float[Tensor, "channels rows columns"], taps: list[float], dim: int
) -> Float[Tensor, "channels new_rows new_columns"]:
    reach = len(taps) - 1
    length = image.shape[dim] - 2 * reach
    result = image.narrow(dim, reach, length) * taps[0]
    for distance, weight in enumerate(taps[1:], start=1):
        result.add_(image.narrow(dim, reach - distance, length), alpha=weight)
        result.add_(image.narrow(dim, reach + distance, length), alpha=weight)
    return result
