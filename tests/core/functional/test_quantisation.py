"""Diversity of codes: closed forms at both ends, and its gradient."""

from __future__ import annotations

import torch

from tacit.functional import code_diversity

GENERATOR = torch.Generator().manual_seed(0)
SCORES = torch.randn(2, 5, 2, 4, generator=GENERATOR, dtype=torch.float64)
HIDDEN = torch.rand(2, 5, generator=GENERATOR) < 0.5


def test_codes_used_evenly_cost_nothing_and_one_code_a_group_costs_nearly_all() -> None:
    even = code_diversity(torch.zeros_like(SCORES), HIDDEN)
    torch.testing.assert_close(even.loss, torch.zeros_like(even.loss))
    assert even.perplexity == 8
    one = code_diversity(torch.zeros_like(SCORES).index_fill(3, torch.tensor([2]), 1e4), HIDDEN)
    torch.testing.assert_close(one.perplexity, torch.full_like(one.perplexity, 2.0))
    torch.testing.assert_close(one.loss, torch.full_like(one.loss, 1 - 2 / 8))


def test_the_mean_is_over_the_hidden_tokens_alone() -> None:
    other = torch.where(HIDDEN[..., None, None], SCORES, torch.randn_like(SCORES))
    assert code_diversity(other, HIDDEN).loss == code_diversity(SCORES, HIDDEN).loss


def test_of_no_hidden_token_it_is_0_with_gradient_0() -> None:
    scores = SCORES.clone().requires_grad_()
    loss = code_diversity(scores, torch.zeros_like(HIDDEN)).loss
    loss.backward()
    assert loss == 0
    assert scores.grad is not None
    assert not scores.grad.any()


def test_the_gradient_is_that_of_finite_differences() -> None:
    scores = SCORES.clone().requires_grad_()
    assert torch.autograd.gradcheck(lambda x: code_diversity(x, HIDDEN).loss, (scores,))
