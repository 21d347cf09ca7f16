"""Contrast across two kinds of embeddings, some of them missing: CLIP's and SigLIP's loss."""

from __future__ import annotations

from typing import Any, NamedTuple

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from tacit.functional.collectives import gather_rows, global_mean, rank
from tacit.functional.contrastive import CHUNK, info_nce
from tacit.functional.pairs import MaskRows
from tacit.functional.precision import full, no_autocast, unit


class Across(NamedTuple):
    """A contrast between two sets of embeddings.

    Attributes:
        loss: the mean over the complete pairs of all ranks, the same on every rank.
        forth: share of the first embeddings whose most similar second one is their own, in [0, 1].
        back: likewise of the second ones.
    """

    loss: Float[Tensor, ""]
    forth: Float[Tensor, ""]
    back: Float[Tensor, ""]


def symmetric_contrast(
    a: Float[Tensor, "batch width"],
    b: Float[Tensor, "batch width"],
    temperature: float | Float[Tensor, ""],
    *,
    both: Bool[Tensor, " batch"] | None = None,
    chunk: int | None = CHUNK,
) -> Across:
    """CLIP's loss: each embedding finds its partner among those of all ranks, both ways.

    `loss = (info_nce(a, b) + info_nce(b, a)) / 2`, cosine similarities over the temperature. A row
    whose pair is not complete is neither anchor nor key. Memory is linear in the batch.

    Args:
        a: embeddings of one modality.
        b: embeddings of the other, row by row the same instances.
        temperature: above 0; CLIP learns it, from 0.07. A tensor gets its gradient.
        both: the rows whose pair is complete; None: all.
        chunk: as in `info_nce`.

    Raises:
        ValueError: as in `info_nce`.

    Source: Radford et al. 2021 (arXiv 2103.00020) figure 3; openai/CLIP, mlfoundations/open_clip
        `loss.py`.
    """
    exclude = None if both is None else incomplete(both)
    weights = None if both is None else both.to(full(a).dtype)
    forth, back = (
        info_nce(x, y, temperature=temperature, exclude=exclude, weights=weights, chunk=chunk)
        for x, y in ((a, b), (b, a))
    )
    loss = (forth.loss + back.loss) / 2
    return Across(loss, forth.accuracy, back.accuracy)


def sigmoid_contrast(
    a: Float[Tensor, "batch width"],
    b: Float[Tensor, "batch width"],
    *,
    scale: Float[Tensor, ""],
    bias: Float[Tensor, ""],
    both: Bool[Tensor, " batch"] | None = None,
    chunk: int = CHUNK,
) -> Across:
    """SigLIP's loss: each pair of embeddings is told to belong together or not, by itself.

    `loss = mean_i sum_j softplus(-z_ij (scale cos(a_i, b_j) + bias))`, z = 1 on the diagonal and -1
    elsewhere. There is no softmax, so a pair's term needs no other; the mean is over the complete
    pairs of all ranks. Memory is linear in the batch: gradients are made with the loss, in chunks.

    Args:
        a: embeddings of one modality.
        b: embeddings of the other, row by row the same instances.
        scale: inverse temperature; SigLIP learns its logarithm, from log 10.
        bias: of the logits; SigLIP learns it, from -10, for most pairs do not belong together.
        both: the rows whose pair is complete, the others take no part; None: all.
        chunk: rows at a time.

    Raises:
        ValueError: unlike numbers of rows, or `chunk` below 1.

    Source: Zhai et al. 2023 (arXiv 2303.15343) algorithm 1; google-research/big_vision
        `trainers/proj/image_text/siglip.py`. Differs: keys of all ranks are gathered at once
        instead of passed around, which is linear in the global batch.
    """
    if a.shape != b.shape or chunk < 1:
        raise ValueError(
            f"wanted as many rows of both and a chunk of at least 1; got {tuple(a.shape)}, "
            f"{tuple(b.shape)} and {chunk}"
        )
    with no_autocast(a):
        rows, keys = unit(full(a)), gather_rows(unit(full(b)))
        weight = rows.new_ones(len(rows)) if both is None else both.to(rows.dtype)
        offset = rank() * len(rows)
        total, found, wanted = _Sigmoid.apply(  # type: ignore[no-untyped-call]
            rows, keys, full(scale), full(bias), weight, gather_rows(weight), offset, chunk
        )
        count = weight.sum()
        loss = global_mean(total, count)
        back = _found_back(unit(full(b)), gather_rows(unit(full(a))).detach(), weight, chunk)
        forth = global_mean(((found == wanted) * weight).sum(), count)
        return Across(loss, forth, global_mean(back, count))


def incomplete(both: Bool[Tensor, " batch"]) -> MaskRows:
    """Keys, of all ranks, that have no partner: a function, so that no square is ever made."""
    missing = gather_rows(both.to(torch.uint8)) == 0

    def rows(start: int, stop: int) -> Tensor:
        return missing.expand(stop - start, -1)

    return rows


class _Sigmoid(torch.autograd.Function):
    """The weighted sum over all pairs; saves gradients, which backward only scales."""

    @staticmethod
    def forward(
        ctx: Any,
        rows: Tensor,
        keys: Tensor,
        scale: Tensor,
        bias: Tensor,
        weight: Tensor,
        key_weight: Tensor,
        offset: int,
        chunk: int,
    ) -> tuple[Tensor, Tensor, Tensor]:
        to_rows, to_keys = torch.zeros_like(rows), torch.zeros_like(keys)
        total, to_scale, to_bias = (rows.new_zeros(()) for _ in range(3))
        nearest = []
        own = torch.arange(len(rows), device=rows.device) + offset
        for part in torch.arange(len(rows), device=rows.device).split(chunk):
            cosines = rows[part] @ keys.T
            here = own[part]
            loss, slope = _terms(cosines, here, scale, bias)
            counts = weight[part, None] * key_weight
            slope = slope * counts
            total = total + (loss * counts).sum()
            to_rows[part] = scale * (slope @ keys)
            to_keys.addmm_(slope.T, rows[part])
            to_scale, to_bias = to_scale + (slope * cosines).sum(), to_bias + slope.sum()
            nearest.append(cosines.masked_fill(key_weight == 0, -torch.inf).argmax(1))
        found = torch.cat(nearest)
        ctx.save_for_backward(to_rows, scale * to_keys, to_scale, to_bias)
        ctx.mark_non_differentiable(found, own)
        return total, found, own

    @staticmethod
    def backward(ctx: Any, gradient: Tensor, *_: Tensor) -> tuple[Tensor | None, ...]:
        if torch.is_grad_enabled():  # the saved gradients are constants
            raise RuntimeError(
                "sigmoid_contrast can be differentiated once, and its gradient was asked for with "
                "create_graph=True"
            )
        return (*(saved * gradient for saved in ctx.saved_tensors), None, None, None, None)


def _terms(
    cosines: Float[Tensor, "chunk columns"], own: Int[Tensor, " chunk"], scale: Tensor, bias: Tensor
) -> tuple[Tensor, Tensor]:
    """Every pair's loss, and its slope along the logit."""
    logits = scale * cosines + bias
    slope = logits.sigmoid()
    loss = torch.nn.functional.softplus(logits)
    paired = logits.gather(1, own[:, None])
    loss = loss.scatter_add(1, own[:, None], -paired)  # softplus(-x) = softplus(x) - x
    return loss, slope.scatter_add(1, own[:, None], -torch.ones_like(paired))


@torch.no_grad()
def _found_back(b: Tensor, keys: Tensor, weight: Tensor, chunk: int) -> Tensor:
    """How many complete rows have their own key nearest."""
    own = torch.arange(len(b), device=b.device) + rank() * len(b)
    there = gather_rows(weight) > 0
    hits = [
        (part @ keys.T).masked_fill(~there, -torch.inf).argmax(1) == mine
        for part, mine in zip(b.split(chunk), own.split(chunk), strict=True)
    ]
    return (torch.cat(hits) * weight).sum()
