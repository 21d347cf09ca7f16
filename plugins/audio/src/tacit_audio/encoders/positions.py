"""Positions by convolution: where a frame lies is what lies around it."""

from __future__ import annotations

import math

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional


class ConvPositions(nn.Module):
    """A wide grouped convolution over frames whose answer is added to them.

    Its weights are a direction for each tap of the kernel, times a length of its own.

    Args:
        width: features of a frame, a multiple of `groups`.
        kernel: frames it reaches over, centred; 128 in the paper.
        groups: of features that see no other group; 16 in the paper.

    Source: Mohamed et al. 2019 (arXiv:1904.11660); Baevski et al. 2020 (arXiv:2006.11477),
    appendix B; transformers `Wav2Vec2PositionalConvEmbedding` (read), to which it is equal.
    """

    def __init__(self, width: int, kernel: int, groups: int) -> None:
        super().__init__()
        self.width, self.kernel, self.groups = width, kernel, groups
        self.direction = nn.Parameter(torch.empty(width, width // groups, kernel))
        self.length = nn.Parameter(torch.empty(1, 1, kernel))
        self.bias = nn.Parameter(torch.empty(width))
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """New weights, scaled as fairseq does."""
        spread = 2 * math.sqrt(1 / (self.kernel * self.width))
        nn.init.normal_(self.direction, std=spread)
        with torch.no_grad():
            self.length.copy_(self.direction.norm(dim=(0, 1), keepdim=True))
        nn.init.zeros_(self.bias)

    def forward(
        self, frames: Float[Tensor, "batch time width"]
    ) -> Float[Tensor, "batch time width"]:
        """What is added; padding must be zero, so that a clip's end looks the same in a batch."""
        size = self.direction.norm(dim=(0, 1), keepdim=True)
        around = functional.conv1d(
            frames.transpose(1, 2),
            self.direction * (self.length / size),
            self.bias,
            padding=self.kernel // 2,
            groups=self.groups,
        )
        # An even kernel answers one frame too many.
        return functional.gelu(around[..., : frames.shape[1]]).transpose(1, 2)
