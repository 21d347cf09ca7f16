"""The convolutions that turn samples into frames, blind to padding.

Source: Baevski et al. 2020, wav2vec 2.0, arXiv:2006.11477, section 2 and appendix B; transformers
`Wav2Vec2FeatureEncoder` (read), to which both variants are equal on clips of one length. Where we
differ: the group norm, whose statistics run over time, takes those of a clip's own frames alone.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from typing import Literal, TypeAlias

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn
from torch.nn import functional

from tacit_audio.sound import Sound, within

FrontNorm: TypeAlias = Literal["layer", "group"]
"""`layer`: every frame is normalised over its features after every convolution (the Large models,
XLS-R). `group`: every feature is normalised over time, after the first convolution alone (Base)."""

EPS = 1e-5
SILENCE = 1e-7  # added to the variance of a clip, as transformers' feature extractor has it


def reach(kernels: Sequence[int], strides: Sequence[int]) -> tuple[int, int]:
    """Samples from frame to frame, and samples one frame sees."""
    hop, field = 1, 1
    for kernel, stride in zip(kernels, strides, strict=True):
        field += (kernel - 1) * hop
        hop *= stride
    return hop, field


def loudness_normalised(sound: Sound) -> Float[Tensor, "batch samples"]:
    """One channel with mean 0 and variance 1 over each clip's own samples; padding is zero."""
    wave = sound.silenced()[:, 0]
    there = sound.there()
    count = sound.counts[:, None].clamp(min=1).to(wave.dtype)
    centred = wave - wave.sum(1, keepdim=True) / count
    if there is not None:
        centred = centred.masked_fill(~there, 0.0)
    variance = centred.square().sum(1, keepdim=True) / count
    return centred * (variance + SILENCE).rsqrt()


def over_time(
    planes: Float[Tensor, "batch channels time"],
    valid: Bool[Tensor, "batch time"] | None,
    norm: nn.GroupNorm,
) -> Float[Tensor, "batch channels time"]:
    """A group norm of one channel a group, by the statistics of what is no padding."""
    if valid is None:
        normed: Tensor = norm(planes)
        return normed
    with torch.autocast(planes.device.type, enabled=False):
        weight = valid[:, None].to(norm.weight.dtype)
        x = planes.to(norm.weight.dtype)
        count = weight.sum(2, keepdim=True).clamp(min=1)
        x = x - (x * weight).sum(2, keepdim=True) / count
        variance = (x.square() * weight).sum(2, keepdim=True) / count
        return x * (variance + norm.eps).rsqrt() * norm.weight[:, None] + norm.bias[:, None]


class Convolution(nn.Conv1d):
    """A convolution drawn as He et al. 2015 do, so that what passes keeps its size."""

    def reset_parameters(self) -> None:
        """New weights, and biases as wide as torch's."""
        nn.init.kaiming_normal_(self.weight)
        if self.bias is not None:
            bound = 1 / math.sqrt(self.in_channels * self.kernel_size[0])
            nn.init.uniform_(self.bias, -bound, bound)


class Layer(nn.Module):
    """Convolution, a norm or none, GELU."""

    def __init__(
        self, before: int, after: int, kernel: int, stride: int, *, bias: bool, norm: nn.Module
    ) -> None:
        super().__init__()
        self.conv = Convolution(before, after, kernel, stride=stride, bias=bias)
        self.norm = norm

    def forward(
        self,
        planes: Float[Tensor, "batch before time"],
        valid: Bool[Tensor, "batch shorter"] | None,
    ) -> Float[Tensor, "batch after shorter"]:
        """Fewer frames of more features; `valid` says which of them are no padding."""
        return functional.gelu(normed(self.conv(planes), valid, self.norm))


def normed(
    planes: Float[Tensor, "batch channels time"],
    valid: Bool[Tensor, "batch time"] | None,
    norm: nn.Module | None,
) -> Float[Tensor, "batch channels time"]:
    """Normalised over time or over features, by the kind of norm; as they are where there is none.

    Args:
        planes: a convolution's answer.
        valid: which places are no padding; None where all are none.
        norm: a group norm of one channel a group, a norm over features, or nothing.
    """
    if isinstance(norm, nn.GroupNorm):
        return over_time(planes, valid, norm)
    if norm is None:
        return planes
    answer: Tensor = norm(planes.transpose(1, 2)).transpose(1, 2)
    return answer


class Front(nn.Module):
    """A stack of convolutions over samples.

    Args:
        filters: features of every frame.
        kernels: of each convolution.
        strides: of each convolution.
        norm: see `FrontNorm`; with `layer` convolutions have biases.

    Raises:
        ValueError: no convolution, or another number of strides than of kernels.
    """

    def __init__(
        self, filters: int, kernels: Sequence[int], strides: Sequence[int], norm: FrontNorm
    ) -> None:
        super().__init__()
        if not kernels or len(kernels) != len(strides):
            raise ValueError(
                f"kernels, strides: wanted as many of both; got {len(kernels)} and {len(strides)}"
            )
        self.shapes = tuple(zip(kernels, strides, strict=True))
        widths = [1, *[filters] * len(kernels)]
        self.layers = nn.ModuleList(
            Layer(before, after, kernel, stride, bias=norm == "layer", norm=made)
            for (before, after), (kernel, stride), made in zip(
                itertools.pairwise(widths),
                self.shapes,
                _norms(norm, filters, len(kernels)),
                strict=True,
            )
        )

    def forward(
        self, samples: Float[Tensor, "batch samples"], lengths: Int[Tensor, " batch"] | None
    ) -> tuple[Float[Tensor, "batch frames features"], Bool[Tensor, "batch frames"] | None]:
        """Frames, and which belong to a clip: those that see its own samples alone."""
        x, size, valid = samples[:, None], samples.shape[1], None
        for layer, (kernel, stride) in zip(self.layers, self.shapes, strict=True):
            size, lengths, valid = step(size, lengths, kernel, stride)
            x = layer(x, valid)
        return x.transpose(1, 2), valid


def places(
    shapes: Sequence[tuple[int, int]], samples: int, lengths: Int[Tensor, " batch"] | None
) -> tuple[int, Bool[Tensor, "batch frames"] | None]:
    """How many frames convolutions make of so many samples, and which belong to a clip."""
    size, valid = samples, None
    for kernel, stride in shapes:
        size, lengths, valid = step(size, lengths, kernel, stride)
    return size, valid


def step(
    size: int, lengths: Int[Tensor, " batch"] | None, kernel: int, stride: int
) -> tuple[int, Int[Tensor, " batch"] | None, Bool[Tensor, "batch places"] | None]:
    """Places a window fits into, without padding, of the whole axis and of each clip."""
    size = (size - kernel) // stride + 1
    if lengths is None:
        return size, None, None
    lengths = ((lengths - kernel).div(stride, rounding_mode="floor") + 1).clamp(min=0)
    return size, lengths, within(lengths, size)


def _norms(norm: FrontNorm, filters: int, layers: int) -> list[nn.Module]:
    if norm == "layer":
        return [nn.LayerNorm(filters, eps=EPS) for _ in range(layers)]
    return [nn.GroupNorm(filters, filters, eps=EPS), *(nn.Identity() for _ in range(layers - 1))]
