"""Projectors and predictors: the MLP heads of the joint-embedding papers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

import torch
from jaxtyping import Float
from torch import Tensor, nn

Norm: TypeAlias = Literal["batch", "layer", "none"]
Activation: TypeAlias = Literal["relu", "gelu", "elu", "prelu"]


@dataclass(frozen=True, kw_only=True)
class MlpConfig:
    """Linear layers with normalisation and a rectifier between them.

    The shapes of the papers, for embeddings of 2048 features:

    ==================  ===================  =========  ===========  =====
    head                widths               last_norm  last_affine  bias
    ==================  ===================  =========  ===========  =====
    SimCLR projector    (2048, 128)          yes        scale only   yes
    Barlow Twins        (8192, 8192, 8192)   no                      no
    VICReg expander     (8192, 8192, 8192)   no                      no
    BYOL, both heads    (4096, 256)          no                      no
    SimSiam projector   (2048, 2048, 2048)   yes        no           yes
    SimSiam predictor   (512, 2048)          no                      yes
    DINO trunk          (2048, 2048, 256)    no                      yes
    ==================  ===================  =========  ===========  =====

    DINO's has no norm and `gelu`; `tacit.nn.PrototypeHead` puts prototypes on top of it.

    Args:
        widths: features after each layer; the last is the embedding's width.
        norm: after each layer but the last.
        last_norm: whether the last layer is normalised too (SimCLR, BYOL's and SimSiam's
            projectors differ here).
        last_affine: whether that last normalisation has scale and shift; SimSiam's projector and
            SimCLR's have none or no shift.
        bias: whether linear layers have one. None has where batch norm follows and undoes it.
        activation: between the layers.
        reweight: with `widths=()` alone: no layers, but feature i divided by this number to the
            power i, fixed. It lets the loss see features unequally, as a trained projector does,
            so that the encoder's own stay more even; above 1, and the closer to 1 the wider the
            encoder: 1.01 leaves feature 512 a weight of 0.006.

    Raises:
        ValueError: no layer, a width below 1, or a setting without effect.

    Source of `reweight`: Xue et al. 2024 (arXiv 2403.11391), the fixed reweighting head offered in
    place of a projector.
    """

    widths: tuple[int, ...] = (512, 128)
    norm: Norm = "batch"
    last_norm: bool = False
    last_affine: bool = True
    bias: bool = True
    activation: Activation = "relu"
    reweight: float | None = None

    def __post_init__(self) -> None:
        if self.reweight is None and (not self.widths or min(self.widths) < 1):
            raise ValueError(f"widths: wanted at least one width of 1 or more; got {self.widths}")
        if self.reweight is not None and self.reweight <= 1:
            raise ValueError(f"reweight: wanted above 1; got {self.reweight}")
        if self.reweight is not None and (self.widths or self.last_norm):
            raise ValueError(
                "reweight: stands in place of layers; set widths=() and last_norm=False"
            )
        if self.last_norm and self.norm == "none":
            raise ValueError("last_norm: needs a norm; got norm='none'")
        if not self.last_affine and not self.last_norm:
            raise ValueError("last_affine: has no effect without last_norm; set last_norm=True")


class Mlp(nn.Module):
    """An MLP head.

    Args:
        width: features that come in.
        config: layers and normalisation.

    Shapes: `(instances, width)` to `(instances, config.widths[-1])`.
    """

    def __init__(self, width: int, config: MlpConfig) -> None:
        super().__init__()
        self.width = config.widths[-1] if config.widths else width
        layers: list[nn.Module] = []
        if config.reweight is not None:
            layers.append(Reweighted(width, config.reweight))
        for number, out in enumerate(config.widths):
            last = number == len(config.widths) - 1
            normed = config.norm != "none" and (not last or config.last_norm)
            biased = config.bias and not (normed and config.norm == "batch")
            layers.append(nn.Linear(width, out, bias=biased))
            if normed:
                layers.append(_norm(config.norm, out, affine=not last or config.last_affine))
            if not last:
                layers.append(_activation(config.activation))
            width = out
        self.layers = nn.Sequential(*layers)

    def forward(self, pooled: Float[Tensor, "instances width"]) -> Float[Tensor, "instances out"]:
        """Project."""
        out: Tensor = self.layers(pooled)
        return out


class Reweighted(nn.Module):
    """Feature i divided by `base` to the power i; nothing is learnt.

    Shapes: `(*rows, width)` to the same.
    """

    weights: Tensor

    def __init__(self, width: int, base: float) -> None:
        super().__init__()
        weights = torch.as_tensor(base, dtype=torch.float64) ** -torch.arange(width)
        self.register_buffer("weights", weights.float(), persistent=False)

    def forward(self, features: Float[Tensor, "*rows width"]) -> Float[Tensor, "*rows width"]:
        """Weigh."""
        return features * self.weights


def _activation(kind: Activation) -> nn.Module:
    match kind:
        case "relu":
            return nn.ReLU(inplace=True)
        case "gelu":
            return nn.GELU()
        case "elu":
            return nn.ELU()
        case "prelu":
            return nn.PReLU()


def _norm(kind: Norm, width: int, *, affine: bool) -> nn.Module:
    if kind == "batch":
        return nn.BatchNorm1d(width, affine=affine)
    return nn.LayerNorm(width, elementwise_affine=affine)
