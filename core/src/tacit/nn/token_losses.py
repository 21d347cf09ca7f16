"""How far predictions of hidden tokens are off, as settings."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, TypeAlias

import torch
from jaxtyping import Bool, Float, Int, Shaped
from torch import Tensor

from tacit.functional import (
    contrast_within,
    draw_within,
    masked_cross_entropy,
    masked_l1,
    masked_mean_squared_error,
    masked_smooth_l1,
    scaled_cosine_error,
)
from tacit.nn.target import Target


@dataclass(frozen=True, kw_only=True)
class MeanSquared:
    """Squared difference: MAE's, I-JEPA's."""

    kind: ClassVar[str] = "mse"


@dataclass(frozen=True, kw_only=True)
class MeanAbsolute:
    """Absolute difference: SimMIM's, GMML's, TERA's."""

    kind: ClassVar[str] = "l1"


@dataclass(frozen=True, kw_only=True)
class SmoothAbsolute:
    """Quadratic near 0, absolute beyond: data2vec's.

    Args:
        beta: the difference between the two parts; above 0. data2vec has 2 for images.

    Raises:
        ValueError: `beta` is not above 0.
    """

    kind: ClassVar[str] = "smooth-l1"
    beta: float = 1.0

    def __post_init__(self) -> None:
        if self.beta <= 0:
            raise ValueError(f"beta: wanted more than 0; got {self.beta}: or set kind='l1'")


@dataclass(frozen=True, kw_only=True)
class ScaledCosine:
    """`(1 - cosine) ** gamma`: GraphMAE's.

    Args:
        gamma: at least 1; the larger, the less easy tokens count.

    Raises:
        ValueError: `gamma` is below 1.
    """

    kind: ClassVar[str] = "scaled-cosine"
    gamma: float = 2.0

    def __post_init__(self) -> None:
        if self.gamma < 1:
            raise ValueError(f"gamma: wanted at least 1; got {self.gamma}")


@dataclass(frozen=True, kw_only=True)
class CrossEntropy:
    """Negative log probability of a code: BERT's, BEATs', MP3's. For targets that are codes."""

    kind: ClassVar[str] = "cross-entropy"


@dataclass(frozen=True, kw_only=True)
class ContrastWithin:
    """Finding one's own token among the hidden ones of the same instance: Selfie's.

    Args:
        temperature: inner products are divided by it.
        normalise: whether they are cosines. Selfie has plain inner products, wav2vec 2.0 cosines
            over 0.1.
        distractors: how many are drawn for each token, 100 in wav2vec 2.0; None: all hidden ones.

    Raises:
        ValueError: a temperature that is not above 0, or fewer than 1 distractor.
    """

    kind: ClassVar[str] = "contrast"
    temperature: float = 1.0
    normalise: bool = False
    distractors: int | None = None

    def __post_init__(self) -> None:
        if self.temperature <= 0:
            raise ValueError(f"temperature: wanted more than 0; got {self.temperature}")
        if self.distractors is not None and self.distractors < 1:
            raise ValueError(f"distractors: wanted at least 1, or none; got {self.distractors}")


FeatureLoss: TypeAlias = MeanSquared | MeanAbsolute | SmoothAbsolute | ScaledCosine | ContrastWithin
TokenLoss: TypeAlias = FeatureLoss | CrossEntropy


def token_error(
    loss: TokenLoss,
    prediction: Float[Tensor, "*tokens width"],
    target: Shaped[Tensor, "*tokens_and_content"],
    hidden: Bool[Tensor, "*tokens"],
    owner: Int[Tensor, " tokens"] | None = None,
    *,
    alike: Int[Tensor, "*tokens"] | None = None,
    generator: torch.Generator | None = None,
) -> Float[Tensor, ""]:
    """The mean error over the hidden tokens of all processes; see `tacit.functional`.

    Args:
        loss: which error.
        prediction: for every token.
        target: what was there.
        hidden: the tokens that count.
        owner: packed tokens only: the instance of each.
        alike: the same number where targets are one and the same; see `contrast_within`.
        generator: draws distractors, where the loss has some drawn.
    """
    match loss:
        case MeanSquared():
            return masked_mean_squared_error(prediction, target, hidden)
        case MeanAbsolute():
            return masked_l1(prediction, target, hidden)
        case SmoothAbsolute(beta=beta):
            return masked_smooth_l1(prediction, target, hidden, beta=beta)
        case ScaledCosine(gamma=gamma):
            return scaled_cosine_error(prediction, target, hidden, gamma=gamma)
        case ContrastWithin(temperature=temperature, normalise=normalise, distractors=number):
            drawn = None
            if number is not None:
                assert generator is not None, "whoever wants distractors brings chance"
                drawn = draw_within(hidden, number, generator)
            return contrast_within(
                prediction,
                target,
                hidden,
                owner,
                temperature=temperature,
                normalise=normalise,
                drawn=drawn,
                alike=alike,
            )
        case CrossEntropy():
            return masked_cross_entropy(prediction, target, hidden)


def check_loss(loss: TokenLoss | None, target: Target, modality: str) -> None:
    """Refuse a loss that a target does not fit.

    Args:
        loss: None where the target has a loss of its own.
        target: of one modality's tokens.
        modality: which.

    Raises:
        ValueError: codes without a cross-entropy, or features with one.
    """
    if loss is None or isinstance(loss, CrossEntropy) == target.codes:
        return
    if target.codes:
        raise ValueError(
            f"loss: the {modality} encoder's targets are codes, of a vocabulary of "
            f"{target.width}: wanted loss.kind='cross-entropy'; got {loss.kind!r}"
        )
    raise ValueError(
        f"loss: the {modality} encoder's targets are features: a cross-entropy needs codes; wanted "
        "another loss.kind, or a target that makes codes"
    )
