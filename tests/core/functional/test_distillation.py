"""Distillation losses against the sums of the papers, written number by number."""

from __future__ import annotations

import math
from itertools import product

import pytest
import torch
from torch import Tensor
from torch.autograd import gradcheck, gradgradcheck

from tacit.functional import (
    dino,
    masked_soft_cross_entropy,
    soft_assignment,
    soft_cross_entropy,
)

ROWS, PROTOTYPES = 4, 5


def logits(views: int, seed: int = 0) -> list[Tensor]:
    generator = torch.Generator().manual_seed(seed)
    return list(torch.randn(views, ROWS, PROTOTYPES, generator=generator, dtype=torch.float64))


def softmax(row: list[float]) -> list[float]:
    powers = [math.exp(x) for x in row]
    return [x / sum(powers) for x in powers]


def by_hand(students: list[Tensor], teachers: list[Tensor], temperature: float) -> float:
    """Mean over different pairs of views and over instances of -sum p log q."""
    found = []
    for i, j in product(range(len(teachers)), range(len(students))):
        if i == j:
            continue
        for own, wanted in zip(students[j].tolist(), teachers[i].tolist(), strict=True):
            chances = softmax([x / temperature for x in own])
            found.append(-sum(p * math.log(q) for p, q in zip(wanted, chances, strict=True)))
    return sum(found) / len(found)


@pytest.mark.parametrize(("seen", "views"), [(2, 2), (2, 6), (3, 3), (1, 3)])
def test_dino_is_the_mean_over_pairs_of_different_views(seen: int, views: int) -> None:
    students = logits(views)
    teachers = [soft_assignment(each, temperature=0.5) for each in logits(seen, seed=1)]
    found = dino(students, teachers, temperature=0.3)
    assert float(found) == pytest.approx(by_hand(students, teachers, 0.3), rel=1e-12)


def test_an_assignment_is_centred_before_it_is_sharpened() -> None:
    (scores,) = logits(1)
    centre = torch.arange(PROTOTYPES).double()
    found = soft_assignment(scores, temperature=0.2, centre=centre)
    for row, own in zip(found.tolist(), scores.tolist(), strict=True):
        wanted = softmax([(x - c) / 0.2 for x, c in zip(own, centre.tolist(), strict=True)])
        assert row == pytest.approx(wanted, rel=1e-12)


def test_the_gradient_is_that_of_the_written_out_sum_also_the_second() -> None:
    students = [each.requires_grad_() for each in logits(3)]
    teachers = [soft_assignment(each) for each in logits(2, seed=1)]

    def loss(*each: Tensor) -> Tensor:
        return dino(each, teachers, temperature=0.7)

    assert gradcheck(loss, students)
    assert gradgradcheck(loss, students)


def test_the_gradient_is_softmax_minus_target_over_temperature() -> None:
    (own,), (wanted,) = logits(1), [soft_assignment(each) for each in logits(1, seed=1)]
    own.requires_grad_()
    soft_cross_entropy(own, wanted, temperature=0.5).sum().backward()  # type: ignore[no-untyped-call]
    torch.testing.assert_close(own.grad, ((own.detach() / 0.5).softmax(-1) - wanted) / 0.5)


def test_the_teacher_gets_no_gradient() -> None:
    own, teacher = (each.requires_grad_() for each in logits(2))
    assert not soft_assignment(teacher).requires_grad
    soft_cross_entropy(own, teacher.softmax(-1)).sum().backward()  # type: ignore[no-untyped-call]
    assert own.grad is not None
    assert teacher.grad is None


def test_only_hidden_tokens_count_and_none_gives_zero() -> None:
    own, wanted = logits(2)
    wanted = wanted.softmax(-1)
    hidden = torch.tensor([True, False, True, False])
    found = masked_soft_cross_entropy(own, wanted, hidden, temperature=0.3)
    rows = soft_cross_entropy(own, wanted, temperature=0.3)
    torch.testing.assert_close(found, (rows[0] + rows[2]) / 2)
    assert float(masked_soft_cross_entropy(own, wanted, ~hidden & hidden)) == 0.0


def test_agreement_of_certain_views_costs_nothing_and_of_uniform_ones_their_entropy() -> None:
    certain = [1000 * torch.eye(PROTOTYPES)[:ROWS]] * 2
    assert float(dino(certain, [soft_assignment(x) for x in certain])) == 0.0
    flat = [torch.zeros(ROWS, PROTOTYPES)] * 2
    even = dino(flat, [soft_assignment(x) for x in flat])
    assert float(even) == pytest.approx(math.log(PROTOTYPES))


def test_a_sharp_teacher_says_its_best_prototype_and_a_mild_one_nothing() -> None:
    (scores,) = logits(1)
    best = torch.nn.functional.one_hot(scores.argmax(-1), PROTOTYPES).double()
    torch.testing.assert_close(soft_assignment(scores, temperature=1e-4), best)
    even = torch.full_like(scores, 1 / PROTOTYPES)
    torch.testing.assert_close(soft_assignment(scores, temperature=1e6), even, rtol=0, atol=1e-5)


def test_half_precision_scores_do_not_overflow() -> None:
    scores = torch.tensor([[300.0, -300.0, 0.0]], dtype=torch.bfloat16).requires_grad_()
    with torch.autocast("cpu", dtype=torch.bfloat16):
        wanted = soft_assignment(scores, temperature=0.01)
        loss = dino([scores, -scores], [wanted, wanted], temperature=0.01)
    loss.backward()  # type: ignore[no-untyped-call]
    assert loss.dtype == torch.float32
    assert bool(loss.isfinite())
    assert scores.grad is not None
    assert bool(scores.grad.isfinite().all())


def test_one_instance_is_enough() -> None:
    one = [each[:1] for each in logits(2)]
    assert bool(dino(one, [soft_assignment(each) for each in one]).isfinite())


def test_what_cannot_be_paired_is_refused() -> None:
    one = logits(1)
    with pytest.raises(ValueError, match="got 1 student and 1 teacher views"):
        dino(one, one)
    with pytest.raises(ValueError, match="temperature: wanted above 0; got 0"):
        soft_assignment(one[0], temperature=0.0)
