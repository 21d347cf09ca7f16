"""Contrast across modalities with all of the data, by a running average for each instance."""

from __future__ import annotations

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from tacit.functional.across import incomplete
from tacit.functional.chunks import Plan, sum_over_anchors
from tacit.functional.collectives import gather_rows, global_mean, rank
from tacit.functional.contrastive import CHUNK, info_nce
from tacit.functional.global_contrast import GlobalContrast, averaged
from tacit.functional.pairs import Columns
from tacit.functional.precision import full, no_autocast, unit


def global_contrast_across(
    a: Float[Tensor, "batch width"],
    b: Float[Tensor, "batch width"],
    temperature: Float[Tensor, " batch"],
    log_average: Float[Tensor, " batch"],
    *,
    both: Bool[Tensor, " batch"] | None = None,
    share: float = 0.9,
    chunk: int | None = CHUNK,
) -> GlobalContrast:
    """One way of the two-modality loss of SogCLR and iSogCLR: anchors `a`, keys `b`.

    For an anchor i, `g_i = mean_k exp((s_ik - s_ii) / t_i)` over the other instances' keys. The
    loss is `t_i log u_i`, where u_i averages the g_i of this and of earlier batches; its gradient
    is `t_i grad(g_i) / u_i`. Call it a second time with the modalities changed over, and
    averages and temperatures of their own.

    Args:
        a: embeddings of one modality.
        b: embeddings of the other, row by row the same instances.
        temperature: t of each anchor, above 0, without gradient.
        log_average: log u of each anchor as it was; minus infinity where it was never seen.
        both: the rows whose pair is complete; the others take no part, and what is returned for
            them means nothing. None: all.
        share: of the new value in the average, above 0 and at most 1; the papers' gamma.
        chunk: as in `info_nce`.

    Raises:
        ValueError: a share outside (0, 1].

    Source: Qiu et al. 2023 (arXiv 2305.11965) eq. 6 and algorithm 2;
        zhqiu/contrastive-learning-iSogCLR, `bimodal_exps/models/losses.py`. Differs: averages are
        kept as logarithms and start with the first value seen, and members may be missing.
    """
    if not 0 < share <= 1:
        raise ValueError(f"share: wanted above 0 and at most 1; got {share}")
    with no_autocast(a):
        rows, keys = unit(full(a)), unit(full(b))
        own = full(temperature).detach().to(rows.dtype)
        weight = rows.new_ones(len(rows)) if both is None else both.to(rows.dtype)
        others = (gather_rows(weight).sum() - 1).clamp(min=1)
        now, pull = _in_batch(rows.detach(), keys.detach(), own, both, chunk)
        now = now - others.log()
        average = averaged(log_average.to(now), now, share)
        ratio = (now - average).exp()
        weights = torch.where(weight > 0, own * ratio, 0.0)
        found = info_nce(
            rows,
            keys,
            temperature=own,
            exclude=None if both is None else incomplete(both),
            weights=weights,
            decoupled=True,
            normalise=False,
            chunk=chunk,
        )
        loss = found.loss * global_mean(weights.sum(), weight.sum())
        value = global_mean(torch.where(weight > 0, own * average, 0.0).sum(), weight.sum())
        slope = average - ratio * pull
    return GlobalContrast(value + (loss - loss.detach()), average, slope)


def _in_batch(
    rows: Tensor, keys: Tensor, temperature: Tensor, both: Tensor | None, chunk: int | None
) -> tuple[Float[Tensor, " batch"], Float[Tensor, " batch"]]:
    """Of each anchor the log of the sum, and the mean of its scores weighted by their share."""
    every = gather_rows(keys)
    plan = Plan(
        positives=Columns(torch.arange(len(rows), device=rows.device)),
        exclude=None if both is None else incomplete(both),
        decoupled=True,
        chunk=chunk,
        gather=True,
        offset=rank() * len(rows),
        columns=len(every),
    )
    with torch.enable_grad():
        anchors = (rows / temperature[:, None]).requires_grad_()
        found = sum_over_anchors(anchors, every, None, rows.new_ones(len(rows)), plan)
        (slope,) = torch.autograd.grad(found.total, anchors)
    return found.losses, (anchors.detach() * slope).sum(1)
