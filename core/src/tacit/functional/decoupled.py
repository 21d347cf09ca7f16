"""Decoupled contrast: a positive pair does not compete with itself, and unlike pairs weigh more."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor

from tacit.functional.collectives import gather_rows, global_mean, rank
from tacit.functional.contrastive import CHUNK, Contrast, nt_xent
from tacit.functional.precision import full, no_autocast, unit


def dcl(
    a: Float[Tensor, "batch width"],
    b: Float[Tensor, "batch width"],
    temperature: float,
    *,
    sigma: float | None = None,
    chunk: int | None = CHUNK,
) -> Contrast:
    """SimCLR's loss without the positive pair in the denominator, its pull weighted if asked.

    For an anchor i, its other view p and all other embeddings k of all ranks:
    `loss_i = -w_i s_ip / temperature + log sum_k exp(s_ik / temperature)`, s the cosine.

    Args:
        a: embeddings of the first views.
        b: embeddings of the second views, row by row the same instances.
        temperature: above 0; the paper's 0.1, and 0.07 on CIFAR-10.
        sigma: of `von_mises_fisher_weights`: DCLW, whose best is 0.5. None: w = 1, DCL.
        chunk: as in `info_nce`.

    Returns:
        the loss with, for the `2 * batch` anchors (first views, then second), values and accuracy;
        0 for a batch of one instance, which has nothing to be told from.

    Raises:
        ValueError: a temperature or sigma that is not above 0.

    Source: Yeh et al. 2022 (arXiv 2110.06848) eq. 6 and 7; raminnakhli/Decoupled-Contrastive-
        Learning, loss/dcl.py. Differs: the negatives of an anchor are those of both views, as in
        eq. 6, of all ranks; the weights have mean 1 (see there) and no gradient.
    """
    if sigma is None:
        return nt_xent(a, b, temperature, decoupled=True, chunk=chunk)
    _check(sigma)
    with no_autocast(a):
        x, y = unit(full(a)), unit(full(b))
        found = nt_xent(x, y, temperature, decoupled=True, normalise=False, chunk=chunk)
        alike = (x * y).sum(1)
        pull = (1 - _weights(alike.detach(), sigma)) * alike / temperature
        return Contrast(
            loss=found.loss + global_mean(pull.sum(), len(pull)),
            anchors=found.anchors + torch.cat([pull, pull]).detach(),
            accuracy=found.accuracy,
        )


@torch.no_grad()
def von_mises_fisher_weights(
    a: Float[Tensor, "batch width"], b: Float[Tensor, "batch width"], sigma: float = 0.5
) -> Float[Tensor, " batch"]:
    """How much each positive pair pulls: more the less alike its two views are.

    `w_i = 2 - exp(s_i / sigma) / mean_k exp(s_k / sigma)` over the instances of all ranks; their
    mean is 1, and no gradient flows into them.

    Args:
        a: embeddings of the first views.
        b: embeddings of the second views.
        sigma: above 0; large ones make all weights 1.

    Raises:
        ValueError: a sigma that is not above 0.

    Source: Yeh et al. 2022 (arXiv 2110.06848) eq. 7. The mean is over the global batch: divided by
        the sum instead, as code in circulation has done, weights have mean 2 - 1 / batch, and the
        mean of one process's instances would depend on how many processes there are.
    """
    _check(sigma)
    with no_autocast(a):
        return _weights((unit(full(a)) * unit(full(b))).sum(1), sigma)


def _weights(alike: Float[Tensor, " batch"], sigma: float) -> Float[Tensor, " batch"]:
    shares = gather_rows(alike / sigma).softmax(0)
    own = shares[rank() * len(alike) : (rank() + 1) * len(alike)]
    return 2 - len(shares) * own


def _check(sigma: float) -> None:
    if sigma <= 0:
        raise ValueError(f"sigma: wanted above 0; got {sigma}")
