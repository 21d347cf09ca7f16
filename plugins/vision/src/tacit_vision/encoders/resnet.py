"""A residual network that also suits small images.

Source: He et al. 2016, "Deep Residual Learning", arXiv:1512.03385, section 3.3; the stem for small
images is that of SimCLR (arXiv:2002.05709, appendix B.9: 3x3 instead of 7x7, no pooling).
Code read: torchvision/models/resnet.py and timm/models/resnet.py; parameter names are theirs, and
with `stem="large"`, `width=64`, `blocks=(2, 2, 2, 2)` this is their ResNet-18.
Where we differ: the width is free, and only the basic block is here; for bottlenecks and other
variants take `vision/timm`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import ClassVar, Literal

import torch
from jaxtyping import Float
from torch import Tensor, nn

from tacit.contract import Encoder, EncoderSpec, Encoding, Mask, Tokens
from tacit_vision.encoders.normalise import Normalise
from tacit_vision.modality import Preprocessing


@dataclass(frozen=True, kw_only=True)
class ResNetConfig:
    """Settings of a residual network; the defaults train on two cores.

    Args:
        width: channels of the first stage; each further one has twice as many.
        blocks: blocks of each stage; `(2, 2, 2, 2)` is ResNet-18, `(3, 4, 6, 3)` ResNet-34.
        stem: `small` keeps the resolution (images up to about 64 pixels), `large` quarters it.
        channels: channels of the images.
        size: side of the images in pixels it is meant for; None for any, as it convolves.
        mean: subtracted from pixels in [0, 1], one number per channel or one for all.
        std: divided by after that, likewise.

    Raises:
        ValueError: no stage, or a width or number of blocks below 1.
    """

    width: int = 32
    blocks: tuple[int, ...] = (1, 1, 1, 1)
    stem: Literal["small", "large"] = "small"
    channels: int = 3
    size: int | None = None
    mean: tuple[float, ...] = (0.5,)
    std: tuple[float, ...] = (0.5,)

    def __post_init__(self) -> None:
        if self.width < 1:
            raise ValueError(f"resnet: width: wanted at least 1; got {self.width}")
        if not self.blocks or min(self.blocks) < 1:
            raise ValueError(f"resnet: blocks: wanted at least 1 in each stage; got {self.blocks}")


class BasicBlock(nn.Module):
    """Two 3x3 convolutions beside a shortcut.

    Args:
        before: channels that come in.
        after: channels that go out.
        stride: 2 halves the resolution.
    """

    def __init__(self, before: int, after: int, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(before, after, 3, stride=stride, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(after)
        self.conv2 = nn.Conv2d(after, after, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(after)
        self.relu = nn.ReLU(inplace=True)
        self.downsample: nn.Module = nn.Identity()
        if stride != 1 or before != after:
            self.downsample = nn.Sequential(
                nn.Conv2d(before, after, 1, stride=stride, bias=False), nn.BatchNorm2d(after)
            )

    def forward(
        self, images: Float[Tensor, "batch channels height width"]
    ) -> Float[Tensor, "batch features rows columns"]:
        """The sum of both paths, rectified."""
        shortcut = self.downsample(images)
        deep = self.bn2(self.conv2(self.relu(self.bn1(self.conv1(images)))))
        summed: Tensor = self.relu(deep + shortcut)
        return summed


class ResNet(Encoder):
    """Residual network; it only pools, so objectives that mask tokens are refused.

    Args:
        config: settings; None for the defaults.
    """

    Config: ClassVar[type[ResNetConfig]] = ResNetConfig

    def __init__(self, config: ResNetConfig | None = None) -> None:
        super().__init__()
        self.config = config = config or ResNetConfig()
        self.spec = _spec(config)
        assert isinstance(self.spec.preprocessing, Preprocessing)
        self.normalise = Normalise(self.spec.preprocessing)
        large = config.stem == "large"
        kernel, stride = (7, 2) if large else (3, 1)
        self.conv1 = nn.Conv2d(
            config.channels, config.width, kernel, stride=stride, padding=kernel // 2, bias=False
        )
        self.bn1 = nn.BatchNorm2d(config.width)
        self.relu = nn.ReLU(inplace=True)
        self.maxpool = nn.MaxPool2d(3, stride=2, padding=1) if large else nn.Identity()
        for number, stage in enumerate(_stages(config), start=1):
            self.add_module(f"layer{number}", stage)
        self._initialise()

    def _initialise(self) -> None:
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")

    def exports(self) -> Mapping[str, Callable[[Path], None]]:
        """`timm`: a folder that timm loads, see `tacit_vision.export`."""
        from tacit_vision.export import export_timm  # which imports the encoders

        return {"timm": partial(export_timm, self)}

    def forward(
        self, value: Tensor | Tokens, *, mask: Mask | None = None, taps: Sequence[int] = ()
    ) -> Encoding:
        """Encode images `(batch, channels, height, width)`, uint8 or floats in [0, 1].

        Raises:
            ValueError: tokens, a mask or taps (it only pools), or other channels.
        """
        self.check_mask(mask)
        self.check_taps(taps)
        if isinstance(value, Tokens):
            raise ValueError("ResNet only pools: it takes images, not tokens")
        images = self.normalise(value, self.conv1.weight.dtype)
        if self.training:  # a third faster; evaluation stays bit-equal to what is exported
            images = images.contiguous(memory_format=torch.channels_last)
        planes = self.conv1(images)
        planes = self.maxpool(self.relu(self.bn1(planes)))
        for number in range(1, len(self.config.blocks) + 1):
            planes = self.get_submodule(f"layer{number}")(planes)
        return Encoding(pooled=planes.mean(dim=(2, 3)))


def _stages(config: ResNetConfig) -> list[nn.Sequential]:
    stages, before = [], config.width
    for number, blocks in enumerate(config.blocks):
        after = config.width * 2**number
        first = BasicBlock(before, after, stride=1 if number == 0 else 2)
        rest = [BasicBlock(after, after, stride=1) for _ in range(blocks - 1)]
        stages.append(nn.Sequential(first, *rest))
        before = after
    return stages


def _spec(config: ResNetConfig) -> EncoderSpec:
    return EncoderSpec(
        modality="image",
        width=config.width * 2 ** (len(config.blocks) - 1),
        preprocessing=Preprocessing(
            size=None if config.size is None else (config.size, config.size),
            channels=config.channels,
            mean=config.mean,
            std=config.std,
        ),
    )
