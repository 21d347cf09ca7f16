"""Image encoders: a vision transformer, a residual network, and every network of timm.

Each is imported on first use, so that naming one never waits for the others' libraries.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tacit_vision.encoders.resnet import ResNet, ResNetConfig
    from tacit_vision.encoders.timm import Timm, TimmConfig
    from tacit_vision.encoders.vit import ViT, ViTConfig

__all__ = ["ResNet", "ResNetConfig", "Timm", "TimmConfig", "ViT", "ViTConfig"]


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{name.removesuffix('Config').lower()}"), name)


def __dir__() -> list[str]:
    return sorted(__all__)
