"""Contrast across modalities: closed forms, gradients, missing members, memory."""

from __future__ import annotations

import math
from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from tacit.functional import global_contrast_across, sigmoid_contrast, symmetric_contrast

BOTH = torch.tensor([1, 1, 0, 1, 0, 1, 1, 1]).bool()


def rows(count: int = 8, width: int = 5, seed: int = 0) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(count, width, generator=generator, dtype=torch.float64)


def unit(x: Tensor) -> Tensor:
    return torch.nn.functional.normalize(x)


def scalar(value: float) -> Tensor:
    return torch.tensor(value, dtype=torch.float64, requires_grad=True)


def clip_by_hand(a: Tensor, b: Tensor, temperature: float | Tensor) -> Tensor:
    """Figure 3 of the paper."""
    logits = unit(a) @ unit(b).T / temperature
    labels = torch.arange(len(a))
    cross = torch.nn.functional.cross_entropy
    return (cross(logits, labels) + cross(logits.T, labels)) / 2


def siglip_by_hand(a: Tensor, b: Tensor, scale: Tensor, bias: Tensor) -> Tensor:
    """Algorithm 1 of the paper."""
    signs = 2 * torch.eye(len(a), dtype=a.dtype) - 1
    logits = scale * unit(a) @ unit(b).T + bias
    return -torch.nn.functional.logsigmoid(signs * logits).sum() / len(a)


@pytest.mark.parametrize("chunk", [None, 3])
def test_clip_is_the_cross_entropy_of_the_paper_both_ways(chunk: int | None) -> None:
    a, b = rows(), rows(seed=1)
    found = symmetric_contrast(a, b, 0.2, chunk=chunk)
    assert found.loss == pytest.approx(float(clip_by_hand(a, b, 0.2)), abs=1e-12)


def test_clip_of_embeddings_that_say_nothing_is_log_of_their_number() -> None:
    a, b = torch.eye(16, dtype=torch.float64).split(8)
    assert symmetric_contrast(a, b, 0.07).loss == pytest.approx(math.log(8), abs=1e-12)


def test_siglip_is_the_pairwise_loss_of_the_paper() -> None:
    a, b, scale, bias = rows(), rows(seed=1), scalar(7.0), scalar(-3.0)
    found = sigmoid_contrast(a, b, scale=scale, bias=bias, chunk=3).loss
    assert found.detach() == pytest.approx(
        float(siglip_by_hand(a, b, scale, bias).detach()), abs=1e-12
    )


def slopes(loss: Callable[[], Tensor], *of: Tensor) -> list[Tensor]:
    return list(torch.autograd.grad(loss(), of))


def test_gradients_are_those_of_the_formulas_also_of_temperature_scale_and_bias() -> None:
    a, b = rows().requires_grad_(), rows(seed=1).requires_grad_()
    t, s, c = scalar(0.2), scalar(7.0), scalar(-3.0)
    pairs = (
        (lambda: symmetric_contrast(a, b, t, chunk=3).loss, lambda: clip_by_hand(a, b, t), (t,)),
        (
            lambda: sigmoid_contrast(a, b, scale=s, bias=c, chunk=3).loss,
            lambda: siglip_by_hand(a, b, s, c),
            (s, c),
        ),
    )
    for ours, theirs, learned in pairs:
        found, wanted = slopes(ours, a, b, *learned), slopes(theirs, a, b, *learned)
        for x, y in zip(found, wanted, strict=True):
            torch.testing.assert_close(x, y, atol=1e-12, rtol=1e-9)


def test_an_incomplete_pair_is_as_if_it_were_not_there() -> None:
    a, b, s, c = rows().requires_grad_(), rows(seed=1), scalar(7.0), scalar(-3.0)
    with_gaps = (
        symmetric_contrast(a, b, 0.2, both=BOTH, chunk=3),
        sigmoid_contrast(a, b, scale=s, bias=c, both=BOTH, chunk=3),
    )
    without = (
        symmetric_contrast(a[BOTH], b[BOTH], 0.2),
        sigmoid_contrast(a[BOTH], b[BOTH], scale=s, bias=c),
    )
    for found, wanted in zip(with_gaps, without, strict=True):
        torch.testing.assert_close(tuple(found), tuple(wanted))
        (ours,), (theirs,) = slopes(lambda f=found: f.loss, a), slopes(lambda w=wanted: w.loss, a)  # type: ignore[misc]
        torch.testing.assert_close(ours, theirs)
        assert not ours[~BOTH].any()


def test_accuracies_say_how_many_find_their_partner_each_way() -> None:
    a = torch.eye(4)
    b = a[[0, 1, 3, 2]]
    for found in (
        symmetric_contrast(a, b, 0.1),
        sigmoid_contrast(a, b, scale=torch.tensor(1.0), bias=torch.tensor(0.0)),
    ):
        assert (float(found.forth), float(found.back)) == (0.5, 0.5)


def test_a_batch_without_a_pair_has_no_loss_and_no_gradient() -> None:
    a, none = rows().requires_grad_(), torch.zeros(8, dtype=torch.bool)
    s = scalar(2.0)
    for found in (
        symmetric_contrast(a, rows(seed=1), 0.2, both=none),
        sigmoid_contrast(a, rows(seed=1), scale=s, bias=s, both=none),
    ):
        assert float(found.loss.detach()) == 0
        assert not slopes(lambda f=found: f.loss, a)[0].any()  # type: ignore[misc]


def test_siglip_is_differentiated_once_and_says_so() -> None:
    a = rows().requires_grad_()
    loss = sigmoid_contrast(a, rows(seed=1), scale=scalar(2.0), bias=scalar(0.0)).loss
    with pytest.raises(RuntimeError, match="differentiated once"):
        torch.autograd.grad(loss, a, create_graph=True)


def test_memory_of_siglip_grows_with_the_batch_and_not_its_square() -> None:
    """What autograd keeps for the backward: no tensor with a row and a column for each pair."""
    kept: list[int] = []
    a, b = rows(600).requires_grad_(), rows(600, seed=1).requires_grad_()

    def keep(x: Tensor) -> Tensor:
        kept.append(x.numel())
        return x

    with torch.autograd.graph.saved_tensors_hooks(keep, lambda x: x):
        sigmoid_contrast(a, b, scale=scalar(2.0), bias=scalar(0.0), chunk=100)
    assert max(kept) <= 600 * 5


def global_by_hand(a: Tensor, b: Tensor, t: Tensor, old: Tensor, share: float) -> Tensor:
    """Equation 6 of iSogCLR for one way, with the running averages of algorithm 2."""
    scores = unit(a) @ unit(b).T
    apart = ((scores - scores.diagonal()[:, None]) / t[:, None]).exp()
    inside = (apart.sum(1) - 1) / (len(a) - 1)
    return (t * ((1 - share) * old + share * inside).log()).mean()


T = torch.linspace(0.1, 0.8, 8, dtype=torch.float64)
OLD = torch.linspace(0.2, 3.0, 8, dtype=torch.float64)


@pytest.mark.parametrize("share", [1.0, 0.6])
def test_contrast_with_all_of_the_data_is_the_formula_of_the_paper(share: float) -> None:
    a, b = rows().requires_grad_(), rows(seed=1).requires_grad_()
    found = global_contrast_across(a, b, T, OLD.log(), share=share, chunk=3)
    wanted = global_by_hand(a, b, T, OLD, share)
    assert found.loss.detach() == pytest.approx(float(wanted.detach()), abs=1e-12)
    # The estimate's gradient is that of the new value alone, over the average: `share` is left out.
    for ours, theirs in zip(
        slopes(lambda: found.loss, a, b), slopes(lambda: wanted, a, b), strict=True
    ):
        torch.testing.assert_close(ours, theirs / share)


def test_the_slope_of_a_temperature_is_its_derivative() -> None:
    a, b, t = rows(), rows(seed=1), T.clone().requires_grad_()
    found = global_contrast_across(a, b, T, torch.full_like(T, -torch.inf), share=1.0)
    (wanted,) = slopes(lambda: 8 * global_by_hand(a, b, t, OLD, 1.0), t)
    torch.testing.assert_close(found.slope, wanted)


def test_incomplete_pairs_have_no_part_in_the_running_averages() -> None:
    a, b = rows().requires_grad_(), rows(seed=1)
    found = global_contrast_across(a, b, T, OLD.log(), both=BOTH, chunk=3)
    alone = global_contrast_across(a[BOTH], b[BOTH], T[BOTH], OLD[BOTH].log())
    torch.testing.assert_close(found.loss, alone.loss)
    torch.testing.assert_close(found.log_average[BOTH], alone.log_average)
    (ours,), (theirs,) = slopes(lambda: found.loss, a), slopes(lambda: alone.loss, a)
    torch.testing.assert_close(ours, theirs)
