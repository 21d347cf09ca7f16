"""DINO's head: an MLP, a normalised bottleneck, and its similarity to learned prototypes."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor, nn

from tacit.functional import all_reduce_sum
from tacit.nn.heads import Mlp, MlpConfig


@dataclass(frozen=True, kw_only=True)
class PrototypeHeadConfig:
    """Settings of a head that ends in prototypes.

    Args:
        trunk: the MLP up to the bottleneck. DINO's is (2048, 2048, 256) with GELU and without norm,
            which convolutional encoders want with batch norm.
        prototypes: how many; DINO and iBOT have 65536 and 8192 of them on a million images.

    Raises:
        ValueError: fewer than two prototypes.
    """

    trunk: MlpConfig = MlpConfig(widths=(512, 512, 128), norm="none", activation="gelu")
    prototypes: int = 1024

    def __post_init__(self) -> None:
        if self.prototypes < 2:
            raise ValueError(f"prototypes: wanted at least 2; got {self.prototypes}")


class Prototypes(nn.Module):
    """Cosine similarities to learned directions: a linear layer whose rows have length 1.

    Shapes: `(*rows, width)`, normalised here, to `(*rows, prototypes)`, in [-1, 1].

    Source: Caron et al. 2021 (arXiv 2104.14294); facebookresearch/dino, vision_transformer.py
    (`DINOHead`: weight norm whose gain stays 1, as `norm_last_layer` sets it).
    """

    def __init__(self, width: int, prototypes: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.empty(prototypes, width))
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Directions drawn evenly from the sphere."""
        nn.init.normal_(self.weight)

    def forward(
        self, embedding: Float[Tensor, "*rows width"], *, frozen: bool = False
    ) -> Float[Tensor, "*rows prototypes"]:
        """Score; `frozen` gives the prototypes a gradient of 0, and what is scored its own."""
        # 0 and not none: every process must have a gradient of every parameter to average.
        weight = self.weight.detach() + 0.0 * self.weight if frozen else self.weight
        directions = nn.functional.normalize(weight, dim=-1)
        return nn.functional.linear(nn.functional.normalize(embedding, dim=-1), directions)


class PrototypeHead(nn.Module):
    """An MLP to a bottleneck, and the bottleneck's similarity to prototypes.

    Args:
        width: features that come in.
        config: trunk and number of prototypes.

    Shapes: `(instances, width)` or dense tokens `(batch, tokens, width)`, the latter only where the
    trunk has no batch norm, to as many rows of `config.prototypes`.

    Source: facebookresearch/dino, vision_transformer.py (`DINOHead`). Differs: torch's own
    initialisation of the trunk, where the authors draw weights with deviation 0.02 and no bias.
    """

    def __init__(self, width: int, config: PrototypeHeadConfig) -> None:
        super().__init__()
        self.trunk = Mlp(width, config.trunk)
        self.prototypes = Prototypes(self.trunk.width, config.prototypes)

    def embed(self, features: Float[Tensor, "*rows width"]) -> Float[Tensor, "*rows bottleneck"]:
        """The bottleneck."""
        out: Tensor = self.trunk.layers(features)
        return out

    def forward(
        self, features: Float[Tensor, "*rows width"], *, frozen: bool = False
    ) -> Float[Tensor, "*rows prototypes"]:
        """Scores of the prototypes; `frozen` trains all but these."""
        scores: Tensor = self.prototypes(self.embed(features), frozen=frozen)
        return scores


class Centre(nn.Module):
    """The running mean of a teacher's scores, over all processes.

    What is seen during a step takes effect after it, so that a batch in parts, or a loss computed
    only to look at it, does not move the centre by itself.

    Args:
        prototypes: width of the scores.
        momentum: share of the old centre kept at each update, in [0, 1]; DINO's is 0.9.

    Raises:
        ValueError: a momentum outside [0, 1].

    Source: Caron et al. 2021 (arXiv 2104.14294) eq. 4; facebookresearch/dino, main_dino.py
    (`update_center`). Differs: rows count, not batches, where processes hold unequal numbers.
    """

    value: Tensor
    seen: Tensor

    def __init__(self, prototypes: int, momentum: float) -> None:
        super().__init__()
        if not 0 <= momentum <= 1:
            raise ValueError(f"momentum: wanted 0 to 1; got {momentum}")
        self.momentum = momentum
        self.register_buffer("value", torch.zeros(prototypes))
        self.register_buffer("seen", torch.zeros(prototypes + 1), persistent=False)

    @torch.no_grad()
    def see(self, scores: Float[Tensor, "*rows prototypes"]) -> None:
        """Take note of a teacher's scores."""
        rows = scores.flatten(0, -2)
        count = self.seen.new_full((1,), rows.shape[0])
        self.seen += torch.cat([rows.sum(0, dtype=self.seen.dtype), count])

    @torch.no_grad()
    def update(self) -> None:
        """Move towards the mean of what was seen on all processes, if anything was."""
        total = all_reduce_sum(self.seen)
        mean = total[:-1] / total[-1:].clamp_min(1)
        self.value.lerp_(mean, (1 - self.momentum) * (total[-1] > 0).to(mean.dtype))
        self.seen.zero_()
