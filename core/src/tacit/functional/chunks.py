"""The sum of an InfoNCE loss over anchors, and its gradient, a few rows of scores at a time.

With C = softmax(scores) and T the target weights, the gradient of an anchor's loss with respect to
its scores is C - T. A few rows of scores at a time are enough to know both, so the forward pass
also makes the gradients with respect to anchors and keys, adds them up and keeps only these: each
block of scores is computed once and forgotten. Three matrix products in all, as many as the plain
form needs, whose autograd keeps several whole matrices instead.

Source: chunks with the gradient in the forward pass follow the idea of Inf-CL (arXiv 2410.17243)
and of fused cross-entropy kernels; the code is our own.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from tacit.functional.collectives import gather_rows
from tacit.functional.pairs import Block, Groups, Pairs, block, lowest


class Summed(NamedTuple):
    """What the anchors of this rank add up to; only `total` carries a gradient.

    Attributes:
        total: the weighted sum of their losses.
        losses: each one's loss, 0 where it is left out.
        present: whether it has a positive and a candidate, and so counts.
        hits: whether its most similar key is one of its positives.
    """

    total: Float[Tensor, ""]
    losses: Float[Tensor, " batch"]
    present: Bool[Tensor, " batch"]
    hits: Bool[Tensor, " batch"]


@dataclass(frozen=True, kw_only=True)
class Plan:
    """Everything about the loss that is not a number to differentiate; see `info_nce`.

    Attributes:
        positives: the pairs to find.
        exclude: the pairs to leave out.
        decoupled: whether positives are no candidates.
        chunk: anchors at a time, or None for all, differentiable twice.
        gather: whether the keys are those of all ranks.
        offset: number of this rank's first key among them.
        columns: how many they are.
        scale: what every score is multiplied with, such as one over a fixed temperature.
    """

    positives: Pairs
    exclude: Pairs | None
    decoupled: bool
    chunk: int | None
    gather: bool
    offset: int
    columns: int
    scale: float = 1.0

    def resolved(self) -> Plan:
        """With the numbers of all ranks' keys filled in, where pairs are given as groups."""
        return replace(
            self,
            positives=self._with_all_columns(self.positives),
            exclude=None if self.exclude is None else self._with_all_columns(self.exclude),
        )

    def block(self, pairs: Pairs, start: int, stop: int) -> Block:
        """Rows `start` to `stop` of `pairs`."""
        return block(pairs, start, stop, self.offset, self.columns)

    def _with_all_columns(self, pairs: Pairs) -> Pairs:
        if not isinstance(pairs, Groups):
            return pairs
        columns = pairs.rows if pairs.columns is None else pairs.columns
        return Groups(pairs.rows, gather_rows(columns) if self.gather else columns)


def sum_over_anchors(
    anchors: Float[Tensor, "batch width"],
    keys: Float[Tensor, "columns width"],
    extra: Float[Tensor, "extra width"] | None,
    weight: Float[Tensor, " batch"],
    plan: Plan,
) -> Summed:
    """The weighted sum of the anchors' losses.

    Args:
        anchors: queries, over their temperature already where `plan.scale` does not hold it.
        keys: the keys of all ranks; where they are `anchors` itself, one gradient serves both.
        extra: further negatives.
        weight: of each anchor.
        plan: the rest, `resolved`.
    """
    if plan.chunk is None:
        return _whole(anchors, keys, extra, weight, plan)
    return Summed(
        *_Chunks.apply(anchors, keys, extra, weight, plan)  # type: ignore[no-untyped-call]
    )


class _Scored(NamedTuple):
    """What rows of scores say before they are normalised; `scores` are those of candidates."""

    scores: Float[Tensor, "chunk columns"]
    positives: Block
    attraction: Float[Tensor, " chunk"]
    present: Bool[Tensor, " chunk"]
    hits: Bool[Tensor, " chunk"]
    highest: Float[Tensor, " chunk"]


def _score(scores: Tensor, plan: Plan, start: int) -> _Scored:
    """Hide what is excluded, in place, and find each row's positives and most similar key."""
    stop = start + len(scores)
    if plan.exclude is not None:
        plan.block(plan.exclude, start, stop).hide_(scores)
    positives = plan.block(plan.positives, start, stop)
    highest, at = scores.detach().max(1)
    attraction, present = positives.mean(scores)
    hits = positives.contains(at) & present
    if plan.decoupled:
        scores = scores.clone() if scores.requires_grad else scores  # autograd has kept them
        positives.hide_(scores)
        highest = scores.detach().amax(1)
    # Written so that NaN is not left out in silence
    present = present & ~(highest <= lowest(scores))
    return _Scored(scores, positives, attraction, present, hits, highest)


def _whole(
    anchors: Tensor, keys: Tensor, extra: Tensor | None, weight: Tensor, plan: Plan
) -> Summed:
    """The loss in one piece, for autograd to differentiate as often as asked."""
    found = _score(_products(anchors, _every(keys, extra), plan), plan, 0)
    losses = torch.where(found.present, found.scores.logsumexp(1) - found.attraction, 0.0)
    return Summed((losses * weight).sum(), losses.detach(), found.present, found.hits)


class _Chunks(torch.autograd.Function):
    """The weighted sum of the anchors' losses; saves gradients, which backward only scales."""

    @staticmethod
    def forward(
        ctx: Any, anchors: Tensor, keys: Tensor, extra: Tensor | None, weight: Tensor, plan: Plan
    ) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        every = _every(keys, extra)
        wanted = list(ctx.needs_input_grad[:3])
        if keys is anchors:
            wanted[1] = False
        slopes = [
            torch.zeros_like(x) if x is not None and w else None
            for x, w in zip((anchors, keys, extra), wanted, strict=True)
        ]
        assert plan.chunk is not None
        into = [slopes[0], slopes[0] if keys is anchors else slopes[1], slopes[2]]
        pieces = [
            _chunk(anchors, every, weight, plan, start, into)
            for start in range(0, len(anchors), plan.chunk)
        ]
        losses, present, hits = (torch.cat(piece) for piece in zip(*pieces, strict=True))
        ctx.save_for_backward(*slopes)
        ctx.mark_non_differentiable(losses, present, hits)
        return (losses * weight).sum(), losses, present, hits

    @staticmethod
    def backward(ctx: Any, gradient: Tensor, *_: Tensor) -> tuple[Tensor | None, ...]:
        if (
            torch.is_grad_enabled()
        ):  # the saved gradients are constants: a second one would be wrong
            raise RuntimeError(
                "a contrastive loss in chunks can be differentiated once, and its gradient was "
                "asked for with create_graph=True: pass chunk=None to the loss"
            )
        slopes = (None if s is None else s * gradient for s in ctx.saved_tensors)
        return (*slopes, None, None)


def _chunk(
    anchors: Tensor,
    every: Tensor,
    weight: Tensor,
    plan: Plan,
    start: int,
    slopes: list[Tensor | None],
) -> tuple[Tensor, Tensor, Tensor]:
    """The losses of the anchors from `start` on; adds their gradients to `slopes`."""
    assert plan.chunk is not None
    rows = slice(start, start + plan.chunk)
    found = _score(_products(anchors[rows], every, plan), plan, start)
    # The softmax in the memory of the scores: a second block would be most of the peak.
    softmax = found.scores.sub_(found.highest[:, None]).exp_()
    total = softmax.sum(1, keepdim=True)  # at least 1, that of the highest
    softmax.div_(total)
    losses = torch.where(
        found.present, found.highest + total.squeeze(1).log() - found.attraction, 0.0
    )
    found.positives.subtract_from_(softmax)
    weighed = (weight[rows] * found.present * plan.scale)[:, None]
    _add_slopes(softmax, anchors, every, weighed, rows, slopes)
    return losses, found.present, found.hits


def _add_slopes(
    difference: Tensor,
    anchors: Tensor,
    every: Tensor,
    weight: Tensor,
    rows: slice,
    slopes: list[Tensor | None],
) -> None:
    """Carry (softmax - target) of some rows on to anchors, keys and extra negatives."""
    to_anchors, to_keys, to_extra = slopes
    own = anchors[rows]
    if to_anchors is not None and to_anchors is to_keys:  # added to by other rows too
        to_anchors[rows].addmm_(difference.mul_(weight), every)
    else:
        if to_anchors is not None:
            torch.mm(difference, every, out=to_anchors[rows]).mul_(weight)
        own = own * weight
    if to_keys is not None:
        to_keys.addmm_(difference[:, : len(to_keys)].T, own)
    if to_extra is not None:
        to_extra.addmm_(difference[:, -len(to_extra) :].T, own)


def _products(anchors: Tensor, every: Tensor, plan: Plan) -> Tensor:
    """The scores of some anchors: one matrix product, the scale within it."""
    nothing = anchors.new_zeros(())
    return torch.addmm(nothing, anchors, every.T, beta=0, alpha=plan.scale)


def _every(keys: Tensor, extra: Tensor | None) -> Tensor:
    return keys if extra is None else torch.cat([keys, extra])
