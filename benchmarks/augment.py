"""SimCLR's two views beside lightly's: 32 x 32 without blur, and 375 x 500 to 224 with it.

Both start from decoded images: PIL images for lightly, uint8 batches for us, in the
`channels_last` memory that decoders give (and once in plain memory). One thread, CPU time.

    OMP_NUM_THREADS=1 python benchmarks/augment.py
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import torch
from _measure import compare, write
from PIL import Image
from torch import Tensor

from tacit_vision.views import TwoViews, TwoViewsConfig

ROUNDS = 11
SMALL, LARGE = 256, 24


def natural(count: int, height: int, width: int) -> Tensor:
    """Smooth coloured noise: neighbouring pixels alike, as in photographs."""
    generator = torch.Generator().manual_seed(0)
    coarse = torch.rand(count, 3, height // 8 + 1, width // 8 + 1, generator=generator)
    images = torch.nn.functional.interpolate(coarse, size=(height, width), mode="bicubic")
    return images.clamp(0, 1).mul(255).to(torch.uint8)


def lightly_case(images: Tensor, size: int, blur: float, strength: float) -> Callable[[], None]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from lightly.transforms import SimCLRTransform
    transform = SimCLRTransform(input_size=size, gaussian_blur=blur, cj_strength=strength)
    decoded = [Image.fromarray(image.permute(1, 2, 0).numpy()) for image in images]

    def run() -> None:
        views = [transform(image) for image in decoded]
        for view in range(2):
            torch.stack([pair[view] for pair in views])

    return run


def tacit_case(images: Tensor, config: TwoViewsConfig) -> Callable[[], None]:
    views, generator = TwoViews(config), torch.Generator().manual_seed(0)

    def run() -> None:
        views(images, generator)

    return run


def cases(count: int, height: int, width: int, size: int, blur: float, strength: float) -> Any:
    images = natural(count, height, width)
    interleaved = images.contiguous(memory_format=torch.channels_last)
    exact = TwoViewsConfig(size=size, blur_probability=(blur, blur), jitter_strength=strength)
    fused = TwoViewsConfig(
        size=size, blur_probability=(blur, blur), jitter_strength=strength, colour="fused"
    )
    return {
        "lightly": lightly_case(images, size, blur, strength),
        "tacit exact": tacit_case(interleaved, exact),
        "tacit fused": tacit_case(interleaved, fused),
        "tacit exact, plain memory": tacit_case(images, exact),
        "tacit fused, plain memory": tacit_case(images, fused),
    }


def report(seconds: dict[str, float], count: int) -> dict[str, dict[str, float]]:
    base = seconds["lightly"]
    rows = {}
    for name, value in seconds.items():
        rows[name] = {
            "views_per_second": round(2 * count / value, 1),
            "microseconds_per_view": round(value / (2 * count) * 1e6, 1),
            "times_lightly": round(base / value, 2),
        }
        print(f"{name:28s} {rows[name]}")
    return rows


def main() -> None:
    torch.set_num_threads(1)
    small = compare(cases(SMALL, 32, 32, 32, blur=0.0, strength=0.5), ROUNDS)
    large = compare(cases(LARGE, 375, 500, 224, blur=0.5, strength=1.0), ROUNDS)
    payload = {
        "what": "two SimCLR views, one thread, median CPU time, cases interleaved",
        "rounds": ROUNDS,
        "32 to 32, no blur": {"batch": SMALL, "cases": report(small, SMALL)},
        "375x500 to 224, blur p=0.5": {"batch": LARGE, "cases": report(large, LARGE)},
    }
    write("augment", payload)


if __name__ == "__main__":
    main()
