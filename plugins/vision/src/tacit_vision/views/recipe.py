"""One view of a batch: drawing a record, and doing what a record says."""

from __future__ import annotations

import torch
from jaxtyping import Float, Int, UInt8
from torch import Generator, Tensor

from tacit_vision.views import host
from tacit_vision.views.blur import default_radius, draw_sigma, gaussian_blur_
from tacit_vision.views.colour import apply_jitter_, draw_jitter, order_key
from tacit_vision.views.config import Recipe
from tacit_vision.views.draws import chance
from tacit_vision.views.fused import ColourMatrices, apply_colour, colour_matrices
from tacit_vision.views.geometry import draw_crop
from tacit_vision.views.pointwise import grayscale_, normalise_, solarise_
from tacit_vision.views.record import Record, select
from tacit_vision.views.resample import crop_resize

# Elements of a tile: 1 MB of float32, which a core's cache holds.
TILE = 1 << 18


def draw(recipe: Recipe, images: Tensor, generator: Generator) -> Record:
    """Draw what is to be done to each image; only sizes and device of the images are read.

    Args:
        recipe: settings of the view.
        images: uint8 (batch, 1 or 3, height, width).
        generator: source of all numbers, on the images' device.

    Raises:
        ValueError: the images are not uint8 with 1 or 3 channels, the recipe's mean has another
            number of channels, or the generator lives on another device.
    """
    check_images(recipe, images)
    if generator.device.type != images.device.type:
        raise ValueError(
            f"the generator must be on the images' device, {images.device}, got one on "
            f"{generator.device}: make it with torch.Generator(device={str(images.device)!r})"
        )
    batch, _, height, width = images.shape
    crop = draw_crop(
        generator,
        batch,
        height=height,
        width=width,
        scale=recipe.scale,
        ratio=recipe.ratio,
        flip_probability=recipe.flip_probability,
    )
    jitter = draw_jitter(
        generator,
        batch,
        probability=recipe.jitter_probability,
        brightness=recipe.brightness * recipe.jitter_strength,
        contrast=recipe.contrast * recipe.jitter_strength,
        saturation=recipe.saturation * recipe.jitter_strength,
        hue=recipe.hue * recipe.jitter_strength,
    )
    grayscale = chance(generator, batch, recipe.grayscale_probability)
    sigma = draw_sigma(
        generator, batch, probability=recipe.blur_probability, sigma=recipe.blur_sigma
    )
    solarise = chance(generator, batch, recipe.solarise_probability)
    return Record(
        crop=crop,
        jitter=jitter if recipe.jitter_probability > 0 else None,
        grayscale=grayscale if recipe.grayscale_probability > 0 else None,
        blur_sigma=sigma if recipe.blur_probability > 0 else None,
        solarise=solarise if recipe.solarise_probability > 0 else None,
    )


def check_images(recipe: Recipe, images: Tensor) -> None:
    """Refuse what is not a batch of uint8 images that fits the recipe's normalisation."""
    if images.dtype != torch.uint8 or images.dim() != 4 or images.shape[1] not in (1, 3):
        raise ValueError(
            "images must be uint8 of shape (batch, 1 or 3, height, width), "
            f"got {images.dtype} of shape {tuple(images.shape)}"
        )
    if recipe.mean is not None and len(recipe.mean) != images.shape[1]:
        raise ValueError(
            f"images have {images.shape[1]} channels, mean and std have {len(recipe.mean)}: "
            "give as many as the images have, or None"
        )


def render(
    recipe: Recipe,
    images: UInt8[Tensor, "batch channels height width"],
    record: Record,
) -> Float[Tensor, "batch channels new_height new_width"]:
    """Do what the record says; the same record gives the same pixels.

    On the CPU the batch is worked through in tiles that stay in the cache from the cut to the
    normalisation, sorted so that images with the same order of colour adjustments are neighbours.

    Returns:
        float32, normalised with the recipe's mean and std, or in [0, 1] without them.
    """
    # An engine's autocast must not round pixels: the products below would run in half precision.
    with torch.autocast(images.device.type, enabled=False):
        matrices = _matrices(recipe, record, images.shape[1])
        if not host.reads_freely(images):
            return _render(recipe, images, record, matrices, None)
        return _render_in_tiles(recipe, images, record, matrices)


def _matrices(recipe: Recipe, record: Record, channels: int) -> ColourMatrices | None:
    if recipe.colour == "exact" or (record.jitter is None and record.grayscale is None):
        return None
    return colour_matrices(record.jitter, record.grayscale, channels)


def _render_in_tiles(
    recipe: Recipe,
    images: UInt8[Tensor, "batch channels height width"],
    record: Record,
    matrices: ColourMatrices | None,
) -> Float[Tensor, "batch channels new_height new_width"]:
    rows = torch.arange(len(images))
    if record.jitter is not None and matrices is None:
        rows = order_key(record.jitter).argsort(stable=True)
        record = select(record, rows)
    result = torch.empty(len(images), images.shape[1], *recipe.view_size(images))
    step = max(1, TILE // result[0].numel())
    for start in range(0, len(rows), step):
        tile = slice(start, start + step)
        work = select(record, tile), select(matrices, tile)
        views = _render(recipe, images, *work, rows[tile])
        if step == 1:  # a plain copy takes a quarter of the time of an indexed one
            result[int(rows[start])] = views[0]
        else:
            result.index_copy_(0, rows[tile], views)
    return result


def _render(
    recipe: Recipe,
    images: UInt8[Tensor, "sources channels height width"],
    record: Record,
    matrices: ColourMatrices | None,
    source: Int[Tensor, " batch"] | None,
) -> Float[Tensor, "batch channels new_height new_width"]:
    size = recipe.view_size(images)
    pixels = crop_resize(images, record.crop, size, antialias=recipe.antialias, source=source)
    mean, std = recipe.mean, recipe.std
    if matrices is not None and record.solarise is None:
        # Blur's weights sum to one, so what is normalised before it stays so.
        pixels = apply_colour(pixels, matrices, mean, std)
        mean = std = None
    elif matrices is not None:
        pixels = apply_colour(pixels, matrices)
    else:
        if record.jitter is not None:
            pixels = apply_jitter_(pixels, record.jitter)
        if record.grayscale is not None:
            pixels = grayscale_(pixels, record.grayscale)
    if record.blur_sigma is not None:
        radius = default_radius(*size, recipe.blur_sigma[1])
        pixels = gaussian_blur_(pixels, record.blur_sigma, radius)
    if record.solarise is not None:
        pixels = solarise_(pixels, record.solarise)
    return pixels if mean is None or std is None else normalise_(pixels, mean, std)
