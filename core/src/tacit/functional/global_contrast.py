"""Contrast with all instances of the data, through running averages kept for each of them."""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor

from tacit.functional.chunks import Plan, sum_over_anchors
from tacit.functional.collectives import gather_rows, global_mean, global_rows, rank
from tacit.functional.contrastive import CHUNK, info_nce
from tacit.functional.pairs import Columns
from tacit.functional.precision import full, no_autocast, unit


class GlobalContrast(NamedTuple):
    """A global contrastive loss, and what is to be remembered of each instance.

    Attributes:
        loss: the mean of `temperature * (log average)` over the instances of all ranks, with the
            gradient of the stochastic estimate.
        log_average: the log of each instance's new running average.
        slope: the derivative of an instance's own term with respect to its temperature.
    """

    loss: Float[Tensor, ""]
    log_average: Float[Tensor, " batch"]
    slope: Float[Tensor, " batch"]


def global_contrast(
    a: Float[Tensor, "batch width"],
    b: Float[Tensor, "batch width"],
    temperature: Float[Tensor, " batch"],
    log_average: Float[Tensor, " batch"],
    *,
    share: float = 0.9,
    chunk: int | None = CHUNK,
) -> GlobalContrast:
    """SogCLR's and iSogCLR's loss: a small batch estimates contrast with the whole data set.

    For an anchor i with other view p, `g_i = mean_k exp((s_ik - s_ip) / t_i)` over the other
    instances k of the batch, in both views. The loss is `t_i log u_i`, where u_i averages the g_i
    of this and of earlier batches; its gradient `t_i grad(g_i) / u_i` is that of DCL, times t_i
    and g_i / u_i. Two passes of linear memory: one for g, one for the gradient.

    Args:
        a: embeddings of the first views.
        b: embeddings of the second views, row by row the same instances.
        temperature: t of each instance, above 0, without gradient.
        log_average: log u of each instance as it was; minus infinity where it was never seen.
        share: of the new value in the average, above 0 and at most 1; the papers' gamma. 1 forgets
            the past: DCL times the temperature.
        chunk: as in `info_nce`.

    Raises:
        ValueError: a share outside (0, 1], or fewer than 2 instances over all ranks.

    Source: Yuan et al. 2022 (arXiv 2202.12387) eq. 4 to 6 for one temperature; Qiu et al. 2023
        (arXiv 2305.11965) eq. 5 and algorithm 1 for one each; zhqiu/contrastive-learning-iSogCLR.
        Differs: averages are kept as logarithms, which no small temperature overflows, and start
        with the first value seen; the two views of an instance share one average.
    """
    if not 0 < share <= 1:
        raise ValueError(f"share: wanted above 0 and at most 1; got {share}")
    others = 2 * (global_rows(a) - 1)
    if others == 0:
        raise ValueError("batch: wanted at least 2 instances over all processes; got 1")
    with no_autocast(a):
        rows = torch.cat([unit(full(a)), unit(full(b))])
        own = full(temperature).detach().to(rows.dtype)
        seen, pull = _in_batch(rows.detach(), own, chunk)
        seen = seen - math.log(others)
        now = torch.logsumexp(seen.view(2, -1), 0) - math.log(2)
        average = averaged(log_average.to(now), now, share)
        ratio = (seen - average.repeat(2)).exp()
        loss = _weighted(rows, own, ratio, chunk)
        value = global_mean((own * average).sum(), len(own))
        slope = average - (ratio * pull).view(2, -1).mean(0)
    return GlobalContrast(value + (loss - loss.detach()), average, slope)


def averaged(old: Tensor, new: Tensor, share: float) -> Tensor:
    """The log of the running average; the new value where there is none."""
    if share == 1:
        return new
    mixed = torch.logaddexp(old + math.log1p(-share), new + math.log(share))
    return torch.where(old == -torch.inf, new, mixed)


def _in_batch(
    rows: Tensor, temperature: Tensor, chunk: int | None
) -> tuple[Float[Tensor, " anchors"], Float[Tensor, " anchors"]]:
    """Of each anchor the log of the sum, and the mean of its scores weighted by their share."""
    itself = torch.arange(len(rows), device=rows.device)
    keys = gather_rows(rows)
    plan = Plan(
        positives=Columns(itself.roll(len(temperature))),
        exclude=Columns(itself),
        decoupled=True,
        chunk=chunk,
        gather=True,
        offset=rank() * len(rows),
        columns=len(keys),
    )
    with torch.enable_grad():
        anchors = (rows / temperature.repeat(2)[:, None]).requires_grad_()
        found = sum_over_anchors(anchors, keys, None, rows.new_ones(len(rows)), plan)
        (slope,) = torch.autograd.grad(found.total, anchors)
    return found.losses, (anchors.detach() * slope).sum(1)


def _weighted(rows: Tensor, temperature: Tensor, ratio: Tensor, chunk: int | None) -> Tensor:
    """The mean over anchors of DCL times temperature and ratio."""
    itself = torch.arange(len(rows), device=rows.device)
    weights = temperature.repeat(2) * ratio
    found = info_nce(
        rows,
        rows,
        temperature=temperature.repeat(2),
        positives=Columns(itself.roll(len(temperature))),
        exclude=Columns(itself),
        weights=weights,
        decoupled=True,
        normalise=False,
        chunk=chunk,
    )
    return found.loss * global_mean(weights.sum(), len(weights))
