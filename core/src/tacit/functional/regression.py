"""Losses that compare a prediction with a target: of embeddings, or of hidden tokens.

Tokens come dense, `(batch, tokens, width)`, or packed, `(tokens, width)`; `hidden` says which
count. Means are over the hidden tokens of *all* ranks: one that hid more of them counts for more.
Hidden tokens are picked by multiplication: indexing by a boolean mask would wait for the device.
Targets must therefore be finite everywhere, also where they do not count. Stopping the gradient
into a target is left to the caller.
"""

from __future__ import annotations

import torch
from jaxtyping import Bool, Float
from torch import Tensor
from torch.nn import functional

from tacit.functional.collectives import global_mean
from tacit.functional.precision import NORM_FLOOR, full, no_autocast


def negative_cosine(
    prediction: Float[Tensor, "*rows width"], target: Float[Tensor, "*rows width"]
) -> Float[Tensor, ""]:
    """Minus the mean cosine similarity of matching rows, in [-1, 1].

    SimSiam's loss, one direction of it; BYOL's is `2 + 2 * negative_cosine(...)`, the squared
    distance of the normalised rows. The caller stops the target's gradient and adds directions up.

    Args:
        prediction: the predictor's answer.
        target: the other view's embedding.

    Source: Chen & He 2021 (arXiv 2011.10566) eq. 1 and facebookresearch/simsiam, main_simsiam.py;
        Grill et al. 2020 (arXiv 2006.07733) eq. 2. Differs: vectors shorter than 1e-6 are not
        stretched to length 1.
    """
    with no_autocast(prediction):
        return _mean(-_cosine(prediction, target), None)


def masked_mean_squared_error(
    prediction: Float[Tensor, "*tokens width"],
    target: Float[Tensor, "*tokens width"],
    hidden: Bool[Tensor, "*tokens"],
) -> Float[Tensor, ""]:
    """Mean over hidden tokens of the mean squared difference over their width.

    Args:
        prediction: what the decoder answers, for every token.
        target: what was there; see `normalise_tokens`.
        hidden: true where the token was hidden and counts. 0 is returned where none was.

    Source: He et al. 2022 (arXiv 2111.06377) section 3; facebookresearch/mae, models_mae.py
        (`forward_loss`). Differs: the mean is over the hidden tokens of all ranks.
    """
    with no_autocast(prediction):
        return _mean((full(prediction) - full(target)).square().mean(-1), hidden)


def masked_l1(
    prediction: Float[Tensor, "*tokens width"],
    target: Float[Tensor, "*tokens width"],
    hidden: Bool[Tensor, "*tokens"],
) -> Float[Tensor, ""]:
    """Mean over hidden tokens of the mean absolute difference over their width.

    Args:
        prediction: what the decoder answers, for every token.
        target: what was there.
        hidden: true where the token was hidden and counts. 0 is returned where none was.

    Source: Xie et al. 2022 (arXiv 2111.09886) eq. 1; microsoft/SimMIM, models/simmim.py. Differs:
        the mean is over the hidden tokens of all ranks, and 1e-5 is not added to their number.
    """
    with no_autocast(prediction):
        return _mean((full(prediction) - full(target)).abs().mean(-1), hidden)


def masked_smooth_l1(
    prediction: Float[Tensor, "*tokens width"],
    target: Float[Tensor, "*tokens width"],
    hidden: Bool[Tensor, "*tokens"],
    *,
    beta: float = 1.0,
) -> Float[Tensor, ""]:
    """Mean over hidden tokens of the smooth L1 difference, averaged over their width.

    Args:
        prediction: what the predictor answers, for every token.
        target: what was there, such as a teacher's latents.
        hidden: true where the token was hidden and counts. 0 is returned where none was.
        beta: difference, above 0, below which the loss is quadratic, `d^2 / (2 beta)`, and above
            which it is linear, `|d| - beta / 2`. 1 is torch's default.

    Raises:
        ValueError: `beta` is not above 0 (at 0 it would be `masked_l1`).

    Source: Baevski et al. 2022 (arXiv 2202.03555) eq. 3; the mean is over all ranks' hidden tokens.
    """
    if beta <= 0:
        raise ValueError(f"beta must be above 0, got {beta}; for plain L1 use masked_l1")
    with no_autocast(prediction):
        error = functional.smooth_l1_loss(
            full(prediction), full(target), reduction="none", beta=beta
        )
        return _mean(error.mean(-1), hidden)


def scaled_cosine_error(
    prediction: Float[Tensor, "*tokens width"],
    target: Float[Tensor, "*tokens width"],
    hidden: Bool[Tensor, "*tokens"] | None = None,
    *,
    gamma: float = 2.0,
) -> Float[Tensor, ""]:
    """Mean over hidden tokens of `(1 - cosine) ** gamma`, in [0, 2 ** gamma].

    It asks for the direction only, and with a larger `gamma` it leaves easy tokens alone.

    Args:
        prediction: what the decoder answers.
        target: what was there.
        hidden: true where the token was hidden and counts; None where all do.
        gamma: at least 1; the paper uses 1 to 3.

    Raises:
        ValueError: `gamma` is below 1, where the gradient of a perfect prediction is infinite.

    Source: Hou et al. 2022 (arXiv 2205.10803) eq. 2 and its `sce_loss`. Differs: rounding cannot
        take `1 - cosine` below 0, which a `gamma` that is not whole would turn into NaN.
    """
    if gamma < 1:
        raise ValueError(f"gamma must be at least 1, got {gamma}")
    with no_autocast(prediction):
        return _mean((1 - _cosine(prediction, target)).clamp_min(0).pow(gamma), hidden)


def normalise_tokens(
    target: Float[Tensor, "*tokens width"], eps: float = 1e-6
) -> Float[Tensor, "*tokens width"]:
    """Each token with mean 0 and variance 1 over its own width, in float32 at least.

    As a target of masked prediction it makes tokens that vary little count as much as others.

    Args:
        target: raw tokens, at least 2 wide.
        eps: added to the variance: a constant token becomes 0.

    Raises:
        ValueError: tokens are fewer than 2 wide.

    Source: He et al. 2022 (arXiv 2111.06377) section 3; facebookresearch/mae, models_mae.py
        (`norm_pix_loss`), which, as here, takes the unbiased variance and adds 1e-6 to it.
    """
    if target.shape[-1] < 2:
        raise ValueError(
            f"a token's own variance needs a width of at least 2, got {target.shape[-1]}: "
            "normalise over the data set instead"
        )
    with no_autocast(target):
        tokens = full(target)
        centred = tokens - tokens.mean(-1, keepdim=True)
        return centred * (centred.var(-1, keepdim=True) + eps).rsqrt()


def _cosine(a: Tensor, b: Tensor) -> Tensor:
    """Of matching rows. As batched products of one row each, gradients took three times as long."""
    a, b = full(a), full(b)
    lengths = [torch.linalg.vector_norm(x, dim=-1).clamp_min(NORM_FLOOR) for x in (a, b)]
    found: Tensor = (a * b).sum(-1) / (lengths[0] * lengths[1])
    return found


def _mean(values: Tensor, hidden: Tensor | None) -> Tensor:
    if hidden is None:
        return global_mean(values.sum(), values.numel())
    return global_mean((values * hidden).sum(), hidden.sum())
