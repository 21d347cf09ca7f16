"""Cross-entropy to a teacher's soft assignments: what DINO, iBOT and plain distillation share.

The teacher says how an instance (or a token) is spread over prototypes; the student is to say the
same. No gradient goes to the teacher.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from tacit.functional.collectives import global_mean
from tacit.functional.precision import full, no_autocast


@torch.no_grad()
def soft_assignment(
    logits: Float[Tensor, "*rows prototypes"],
    *,
    temperature: float = 1.0,
    centre: Float[Tensor, " prototypes"] | None = None,
) -> Float[Tensor, "*rows prototypes"]:
    """A teacher's assignment of each row to the prototypes; rows sum to 1, in float32 at least.

    Args:
        logits: the teacher's scores.
        temperature: above 0; the smaller, the sharper. DINO takes 0.04 to 0.07.
        centre: subtracted first: the running mean of such scores, so that no prototype wins always.

    Raises:
        ValueError: a temperature that is not above 0.

    Source: Caron et al. 2021 (arXiv 2104.14294) algorithm 1; facebookresearch/dino, main_dino.py
        (`DINOLoss`).
    """
    _above_zero(temperature)
    with no_autocast(logits):
        scores = full(logits)
        if centre is not None:
            scores = scores - centre
        return (scores / temperature).softmax(-1)


def soft_cross_entropy(
    logits: Float[Tensor, "*rows prototypes"],
    target: Float[Tensor, "*rows prototypes"],
    *,
    temperature: float = 1.0,
) -> Float[Tensor, "*rows"]:
    """`-sum(target * log softmax(logits / temperature))` of each row, in float32 at least.

    The gradient is `(softmax(logits / temperature) * sum(target) - target) / temperature`; nothing
    of the size of the logits is kept for it but the two arguments themselves. None goes to the
    target.

    Args:
        logits: the student's scores.
        target: not negative; rows need not sum to 1 (those of several teachers may be added up).
        temperature: of the student, above 0; DINO takes 0.1.

    Raises:
        ValueError: a temperature that is not above 0.
    """
    _above_zero(temperature)
    with no_autocast(logits):
        rows: Tensor = _SoftCrossEntropy.apply(  # type: ignore[no-untyped-call]
            full(logits), full(target.detach()), temperature
        )
        return rows


def dino(
    students: Sequence[Float[Tensor, "batch prototypes"]],
    teachers: Sequence[Float[Tensor, "batch prototypes"]],
    *,
    temperature: float = 0.1,
) -> Float[Tensor, ""]:
    """The mean cross-entropy of every student view to the teacher's assignment of every *other*.

    Each student view costs one cross-entropy, to the sum of the assignments of the other views, for
    the cross-entropy is linear in them.

    Args:
        students: scores of each view; the first ones are of the views the teacher saw, in its
            order, any further ones of views it did not see (DINO's local crops).
        teachers: see `soft_assignment`, fewer than two only where the student has more views.
        temperature: of the student, above 0.

    Raises:
        ValueError: no pair of different views, or fewer student than teacher views.

    Source: Caron et al. 2021 (arXiv 2104.14294) eq. 3; facebookresearch/dino, main_dino.py
        (`DINOLoss`). The mean is over instances of all ranks.
    """
    pairs = len(students) * len(teachers) - len(teachers)
    if pairs < 1 or len(students) < len(teachers):
        raise ValueError(
            "wanted every teacher view among the student's, and a pair of different views; got "
            f"{len(students)} student and {len(teachers)} teacher views"
        )
    whole = torch.stack(list(teachers)).sum(0)
    rows = [
        soft_cross_entropy(
            logits,
            _others(teachers, number) if number < len(teachers) else whole,
            temperature=temperature,
        )
        for number, logits in enumerate(students)
        if len(teachers) > 1 or number > 0
    ]
    return global_mean(torch.stack(rows).sum(), rows[0].numel() * pairs)


def masked_soft_cross_entropy(
    logits: Float[Tensor, "*tokens prototypes"],
    target: Float[Tensor, "*tokens prototypes"],
    hidden: Bool[Tensor, "*tokens"],
    *,
    temperature: float = 0.1,
) -> Float[Tensor, ""]:
    """The mean cross-entropy of hidden tokens to the teacher's assignment of them: iBOT's.

    Args:
        logits: the student's scores, whose encoder did not see the hidden tokens.
        target: the teacher's assignments, see `soft_assignment`.
        hidden: true where the token was hidden and counts. 0 is returned where none was.
        temperature: of the student, above 0.

    Source: Zhou et al. 2022 (arXiv 2111.07832) eq. 2; bytedance/ibot, main_ibot.py (`iBOTLoss`).
        Differs: the mean is over the hidden tokens of all ranks, where the authors first take that
        of each instance.
    """
    rows = soft_cross_entropy(logits, target, temperature=temperature)
    return global_mean((rows * hidden).sum(), hidden.sum())


def _others(teachers: Sequence[Tensor], number: int) -> Tensor:
    """The sum of all assignments but one; never a difference, which would round below 0."""
    rest = [each for position, each in enumerate(teachers) if position != number]
    return rest[0] if len(rest) == 1 else torch.stack(rest).sum(0)


def _above_zero(temperature: float) -> None:
    if not temperature > 0:
        raise ValueError(f"temperature: wanted above 0; got {temperature}")


class _SoftCrossEntropy(torch.autograd.Function):
    """Keeps its arguments and makes the softmax anew: no second tensor of their size is kept."""

    @staticmethod
    def forward(ctx: Any, logits: Tensor, target: Tensor, temperature: float) -> Tensor:
        ctx.save_for_backward(logits, target)
        ctx.temperature = temperature
        chances = (logits / temperature).log_softmax(-1)
        rows: Tensor = torch.linalg.vecdot(chances, target)
        return -rows

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None, None]:
        logits, target = ctx.saved_tensors
        scale = (gradient / ctx.temperature).unsqueeze(-1)
        chances = (logits / ctx.temperature).softmax(-1) * (target.sum(-1, keepdim=True) * scale)
        if torch.is_grad_enabled():  # of a gradient that is itself differentiated
            return chances - target * scale, None, None
        return chances.addcmul_(target, scale, value=-1), None, None
