"""Recipes for images: settings that were run and measured.

`vision/digits-*` run on embedded data; `vision/cifar10-*` on CIFAR-10, or any other labelled
images of 32 x 32 pixels, given with `--data`; `vision/products-clip-v1` on photographs with titles.
All train on two cores in minutes, which is why they are small; benchmarks/quality.py measures them,
and benchmarks/crossmodal.py those of pairs.
"""

from __future__ import annotations

from tacit.methods import Recipe

_SMALL_VIEWS = {"scale": (0.2, 1.0), "jitter_strength": 0.5, "blur_probability": (0.0, 0.0)}
"""Colour at half strength and no blur, as SimCLR's appendix B.9 has it for CIFAR-10."""


_CIFAR10 = {"split": "train", "limit": 10_000}
_RESNET = {"name": "vision/resnet", "width": 16}
_FEW_NEGATIVES = {
    "data": _CIFAR10,
    "encoder": _RESNET,
    "views": _SMALL_VIEWS | {"size": 24},
}
"""For methods that need no large batch: more steps of half the size, on smaller crops."""


def digits_simclr_v1() -> Recipe:
    """SimCLR on handwritten digits of 8 x 8 pixels: the demonstration."""
    return Recipe(
        settings={
            "method": "simclr",
            "data": {"name": "vision/digits"},
            "encoder": {"name": "vision/vit", "patch": 2, "width": 64, "depth": 3, "heads": 2},
            "views": _SMALL_VIEWS | {"scale": (0.4, 1.0), "flip_probability": 0.0},
            "training": {
                "steps": 400,
                "batch": 128,
                "watch_every": 50,
                "optimizer": {"lr": 2e-3},
            },
        },
    )


def cifar10_simclr_v1() -> Recipe:
    """SimCLR on ten thousand images of CIFAR-10."""
    return Recipe(
        settings={
            "method": "simclr",
            "data": _CIFAR10,
            "encoder": _RESNET,
            "views": _SMALL_VIEWS,
            "training": {"steps": 300, "batch": 256, "optimizer": {"lr": 2e-3}},
        }
    )


def cifar10_barlow_twins_v1() -> Recipe:
    """Barlow Twins on ten thousand images of CIFAR-10."""
    training = {"steps": 450, "batch": 128, "optimizer": {"lr": 2e-3}}
    return Recipe(settings={"method": "barlow-twins", "training": training, **_FEW_NEGATIVES})


def cifar10_byol_v1() -> Recipe:
    """BYOL on ten thousand images of CIFAR-10; in few steps the teacher must follow fast.

    It wants about twice the steps of the others: at 450 its embedding is hardly above raw pixels.
    """
    momentum = {"kind": "cosine", "start": 0.9, "end": 0.99}
    training = {
        "steps": 1000,
        "batch": 128,
        "optimizer": {"lr": 3e-3},
        "schedules": {"teacher.momentum": momentum},
    }
    return Recipe(settings={"method": "byol", "training": training, **_FEW_NEGATIVES})


def cifar10_mae_v1() -> Recipe:
    """MAE on ten thousand images of CIFAR-10."""
    return Recipe(
        settings={
            "method": "mae",
            "data": _CIFAR10,
            "encoder": {"name": "vision/vit", "width": 128, "depth": 4},
            "views": {"scale": (0.3, 1.0)},
            "training": {"steps": 500, "batch": 128, "optimizer": {"lr": 2e-3}},
        }
    )


def products_clip_v1() -> Recipe:
    """CLIP on photographs of products with their titles."""
    return Recipe(
        settings={
            "method": "clip",
            "data": {"readers": {"image": {"size": 64}}},
            "encoder": {
                "image": {"name": "vision/resnet", "width": 32, "stem": "large"},
                "text": {"name": "text/words", "kind": "cbow", "width": 256},
            },
            "training": {"epochs": 12, "batch": 256},
        },
        measured=(
            "7,961 fashion products, 3 seeds: R@10 of 1000 69.5 and 68.7; linear CCA 67.2 and 64.2"
        ),
    )
