"""Losses that ask which one: closed forms, gradients, and who competes with whom."""

from __future__ import annotations

import math

import pytest
import torch
from torch.nn import functional

from tacit.functional import contrast_within, draw_within, masked_cross_entropy

GENERATOR = torch.Generator().manual_seed(0)
LOGITS = torch.randn(3, 7, 5, generator=GENERATOR, dtype=torch.float64)
CODES = torch.randint(5, (3, 7), generator=GENERATOR)
HIDDEN = torch.rand(3, 7, generator=GENERATOR) < 0.5
A, B = torch.randn(2, 3, 7, 4, generator=GENERATOR, dtype=torch.float64)


def test_cross_entropy_is_torchs_over_the_hidden_tokens() -> None:
    wanted = functional.cross_entropy(LOGITS[HIDDEN], CODES[HIDDEN])
    torch.testing.assert_close(masked_cross_entropy(LOGITS, CODES, HIDDEN), wanted)
    packed = masked_cross_entropy(LOGITS.flatten(0, 1), CODES.flatten(), HIDDEN.flatten())
    torch.testing.assert_close(packed, wanted)


def test_codes_that_do_not_count_may_be_anything() -> None:
    other = CODES.where(HIDDEN, -100)
    assert masked_cross_entropy(LOGITS, other, HIDDEN) == masked_cross_entropy(
        LOGITS, CODES, HIDDEN
    )


def test_of_no_hidden_token_both_losses_are_0_with_gradient_0() -> None:
    none = torch.zeros_like(HIDDEN)
    for named in (True, False):
        logits = LOGITS.clone().requires_grad_()
        total = (
            masked_cross_entropy(logits, CODES, none)
            if named
            else contrast_within(logits, LOGITS, none)
        )
        total.backward()
        assert total == 0
        assert logits.grad is not None
        assert not logits.grad.any()


def test_the_gradients_are_those_of_finite_differences() -> None:
    logits = LOGITS.clone().requires_grad_()
    assert torch.autograd.gradcheck(lambda x: masked_cross_entropy(x, CODES, HIDDEN), (logits,))
    a, b = A.clone().requires_grad_(), B.clone().requires_grad_()
    for normalise in (True, False):
        assert torch.autograd.gradcheck(
            lambda x, y, n=normalise: contrast_within(x, y, HIDDEN, temperature=0.7, normalise=n),
            (a, b),
        )


def by_hand(row: int, temperature: float) -> list[torch.Tensor]:
    """One instance's errors, token by token."""
    index = HIDDEN[row].nonzero().flatten()
    scores = A[row, index] @ B[row, index].T / temperature
    return [functional.cross_entropy(scores[i], torch.tensor(i)) for i in range(len(index))]


def test_a_token_competes_with_the_hidden_tokens_of_its_own_instance() -> None:
    wanted = torch.stack([error for row in range(3) for error in by_hand(row, 0.5)]).mean()
    found = contrast_within(A, B, HIDDEN, temperature=0.5)
    torch.testing.assert_close(found, wanted)
    owner = torch.arange(3).repeat_interleave(7)
    order = torch.randperm(21, generator=torch.Generator().manual_seed(1))
    packed = contrast_within(
        A.flatten(0, 1)[order],
        B.flatten(0, 1)[order],
        HIDDEN.flatten()[order],
        owner[order],
        temperature=0.5,
    )
    torch.testing.assert_close(packed, wanted)


def test_a_guess_costs_the_logarithm_of_the_number_of_hidden_tokens() -> None:
    alike = torch.ones(2, 9, 3)
    hidden = torch.arange(9).expand(2, -1) < 6
    assert contrast_within(alike, alike, hidden).item() == pytest.approx(math.log(6))


def test_neither_visible_tokens_nor_lengths_of_cosines_matter() -> None:
    plain = contrast_within(A, B, HIDDEN, normalise=True)
    moved = B.where(HIDDEN[..., None], torch.full_like(B, 50.0))
    torch.testing.assert_close(contrast_within(A, moved, HIDDEN, normalise=True), plain)
    torch.testing.assert_close(contrast_within(3 * A, 5 * B, HIDDEN, normalise=True), plain)


def test_half_precision_goes_in_and_full_precision_comes_out() -> None:
    half = LOGITS.bfloat16()
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert masked_cross_entropy(half, CODES, HIDDEN).dtype == torch.float32
        assert contrast_within(half, half, HIDDEN).dtype == torch.float32


def test_what_cannot_be_is_refused() -> None:
    with pytest.raises(ValueError, match="wanted more than 0; got 0"):
        contrast_within(A, B, HIDDEN, temperature=0.0)
    with pytest.raises(ValueError, match="wanted the owner of each"):
        contrast_within(A[0], B[0], HIDDEN[0])


def drawn_by_hand(drawn: torch.Tensor, alike: torch.Tensor | None) -> torch.Tensor:
    """wav2vec 2.0's loss, token by token, with loops."""
    errors = []
    for row, place in HIDDEN.nonzero().tolist():
        rivals = [
            other
            for other in drawn[row, place].tolist()
            if other != place and (alike is None or alike[row, other] != alike[row, place])
        ]
        prediction = A[row, place]
        scores = [
            functional.cosine_similarity(prediction, B[row, other], dim=0) / 0.1
            for other in [place, *rivals]
        ]
        errors.append(functional.cross_entropy(torch.stack(scores), torch.tensor(0)))
    return torch.stack(errors).mean()


def test_drawn_distractors_count_as_often_as_they_are_drawn_and_equal_ones_do_not() -> None:
    drawn = draw_within(HIDDEN, 5, torch.Generator().manual_seed(3))
    for alike in (None, torch.randint(3, (3, 7), generator=torch.Generator().manual_seed(4))):
        found = contrast_within(
            A, B, HIDDEN, temperature=0.1, normalise=True, drawn=drawn, alike=alike
        )
        torch.testing.assert_close(found, drawn_by_hand(drawn, alike))


def test_equal_targets_are_no_rivals_where_all_hidden_ones_are() -> None:
    target = torch.zeros_like(B)
    found = contrast_within(A, target, HIDDEN, alike=torch.zeros(3, 7, dtype=torch.long))
    assert found == 0


def test_distractors_are_the_other_hidden_tokens_of_the_row_evenly() -> None:
    hidden = torch.tensor([[0, 1, 1, 0, 1, 1], [1, 0, 0, 0, 0, 0], [0, 0, 0, 0, 0, 0]]).bool()
    drawn = draw_within(hidden, 3000, torch.Generator().manual_seed(0))
    for place in (1, 2, 4, 5):
        counts = drawn[0, place].bincount(minlength=6)
        assert not counts[[0, 3, place]].any()
        assert (counts[counts > 0] - 1000).abs().max() < 120
    assert (drawn[0, 0].bincount(minlength=6)[[1, 2, 4, 5]] - 750).abs().max() < 120
    assert (drawn[1, 0] == 0).all()  # nothing else there
    alone = contrast_within(A[:1, :6], B[:1, :6], hidden[1:2], drawn=drawn[1:2])
    assert alone == 0


def test_packed_tokens_have_no_distractors_drawn() -> None:
    with pytest.raises(ValueError, match="all hidden ones are taken"):
        contrast_within(
            A[0], B[0], HIDDEN[0], torch.zeros(7).long(), drawn=torch.zeros(1, 7, 2).long()
        )
    with pytest.raises(ValueError, match="at least 1; got 0"):
        draw_within(HIDDEN, 0, torch.Generator())
