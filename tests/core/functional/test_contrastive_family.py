"""The contrastive family against loops written out in float64, at its limits, in half precision."""

from __future__ import annotations

import math
from collections.abc import Callable

import pytest
import torch
from torch import Tensor
from torch.autograd import gradcheck

from tacit.functional import (
    dcl,
    global_contrast,
    group_ordering,
    momentum_contrast,
    neighbour_contrast,
    nt_xent,
    soft_ranks,
    supervised_contrast,
    von_mises_fisher_weights,
)

N, WIDTH, T = 8, 5, 0.3
GROUPS = torch.tensor([0, 1, 0, 2, 1, 0, 3, 1])


def rows(seed: int, count: int = N) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    x = torch.randn(count, WIDTH, generator=generator, dtype=torch.float64)
    return x.requires_grad_()


A, B, QUEUE = rows(1), rows(2), rows(3, 7).detach()
WARM = torch.linspace(0.2, 0.6, N, dtype=torch.float64)
UNSEEN = torch.full((N,), -torch.inf, dtype=torch.float64)


def cosine(x: Tensor, y: Tensor) -> Tensor:
    return (x @ y) / (x @ x).sqrt() / (y @ y).sqrt()


def loop_dcl(a: Tensor, b: Tensor, sigma: float | None = None) -> Tensor:
    every, total = [*a, *b], a.new_zeros(())
    alike = [float((cosine(x, y) / (sigma or 1.0)).detach()) for x, y in zip(a, b, strict=True)]
    mean = sum(map(math.exp, alike)) / len(a)
    for i in range(2 * len(a)):
        mate = (i + len(a)) % (2 * len(a))
        weight = 1.0 if sigma is None else 2 - math.exp(alike[i % len(a)]) / mean
        among = [(cosine(every[i], x) / T).exp() for j, x in enumerate(every) if j not in (i, mate)]
        total = total + torch.stack(among).sum().log() - weight * cosine(every[i], every[mate]) / T
    return total / (2 * len(a))


def loop_moco(q: Tensor, k: Tensor, queue: Tensor) -> Tensor:
    losses = []
    for x, y in zip(q, k.detach(), strict=True):
        scores = torch.stack([cosine(x, y), *(cosine(x, z) for z in queue)]) / T
        losses.append(-scores.log_softmax(0)[0])
    return torch.stack(losses).mean()


def loop_nnclr(a: Tensor, p: Tensor, queue: Tensor) -> Tensor:
    losses = []
    for i, x in enumerate(a.detach()):
        nearest = max(queue, key=lambda z: float(cosine(x, z)))
        scores = torch.stack([cosine(nearest, y) for y in p]) / T
        losses.append(-scores.log_softmax(0)[i])
    return torch.stack(losses).mean()


def loop_supcon(a: Tensor, b: Tensor) -> Tensor:
    every, groups, losses = [*a, *b], [*GROUPS.tolist() * 2], []
    for i, x in enumerate(every):
        other = [j for j in range(len(every)) if j != i]
        below = torch.stack([(cosine(x, every[j]) / T).exp() for j in other]).sum().log()
        same = [cosine(x, every[j]) / T for j in other if groups[j] == groups[i]]
        losses.append(below - sum(same) / len(same))
    return torch.stack(losses).mean()


def loop_global(a: Tensor, b: Tensor) -> Tensor:
    every, values = [*a, *b], [a.new_zeros(()) for _ in a]
    for i, x in enumerate(every):
        own = i % len(a)
        pair = cosine(x, every[(i + len(a)) % len(every)])
        terms = [
            ((cosine(x, y) - pair) / WARM[own]).exp()
            for j, y in enumerate(every)
            if j % len(a) != own
        ]
        values[own] = values[own] + torch.stack(terms).mean() / 2
    return torch.stack([t * u.log() for t, u in zip(WARM, values, strict=True)]).mean()


def ours_global(a: Tensor, b: Tensor) -> Tensor:
    return global_contrast(a, b, WARM, UNSEEN).loss


def loop_groco(a: Tensor, b: Tensor) -> Tensor:
    """One positive and one negative: a comparison of two."""
    losses = []
    for own, other in ((a, b), (b, a)):
        for i, x in enumerate(own):
            unlike = [cosine(x, y.detach()) for j, y in enumerate(own) if j != i]
            difference = cosine(x, other[i].detach()) - max(unlike, key=lambda s: float(s.detach()))
            losses.append(-(torch.atan(10 * difference) / math.pi + 0.5).log())
    return torch.stack(losses).mean()


CASES: dict[str, tuple[Callable[..., Tensor], Callable[..., Tensor]]] = {
    "dcl": (lambda a, b: dcl(a, b, T).loss, loop_dcl),
    "dclw": (lambda a, b: dcl(a, b, T, sigma=0.5).loss, lambda a, b: loop_dcl(a, b, 0.5)),
    "moco": (
        lambda a, b: momentum_contrast(a, b, T, queue=QUEUE, in_batch=False, chunk=3).loss,
        lambda a, b: loop_moco(a, b, QUEUE),
    ),
    "nnclr": (
        lambda a, b: neighbour_contrast(a, b, QUEUE, T, chunk=3).loss,
        lambda a, b: loop_nnclr(a, b, QUEUE),
    ),
    "supcon": (lambda a, b: supervised_contrast([a, b], GROUPS, T, chunk=5).loss, loop_supcon),
    "groco": (lambda a, b: group_ordering([a, b], negatives=1, steepness=10.0), loop_groco),
}
every = pytest.mark.parametrize("name", CASES)


def slopes(loss: Tensor) -> list[Tensor | None]:
    return list(torch.autograd.grad(loss, (A, B), allow_unused=True))


def assert_same(ours: Tensor, theirs: Tensor) -> None:
    torch.testing.assert_close(ours, theirs)
    for x, y in zip(slopes(ours), slopes(theirs), strict=True):
        x, y = (torch.zeros_like(A) if g is None else g for g in (x, y))
        torch.testing.assert_close(x, y, rtol=1e-8, atol=1e-11)


@every
def test_value_and_gradient_are_those_of_the_loop(name: str) -> None:
    ours, theirs = CASES[name]
    assert_same(ours(A, B), theirs(A, B))


def test_a_first_global_contrast_is_the_loop_and_its_gradient() -> None:
    """One average serves both views, so that a first step is the log of their mean."""
    assert_same(ours_global(A, B), loop_global(A, B))


@every
def test_half_precision_embeddings_give_a_finite_loss_of_full_precision(name: str) -> None:
    a, b = ((100 * x).detach().bfloat16().requires_grad_() for x in (A, B))
    queue = QUEUE.float()
    if name == "nnclr":
        loss = neighbour_contrast(a, b, queue, T).loss
    elif name == "moco":
        loss = momentum_contrast(a, b, T, queue=queue, in_batch=False).loss
    else:
        loss = CASES[name][0](a, b)
    grads = [g for g in torch.autograd.grad(loss, (a, b), allow_unused=True) if g is not None]
    assert loss.dtype in (torch.float32, torch.float64)
    assert all(bool(x.isfinite().all()) for x in (loss, *grads))


@every
@pytest.mark.parametrize("kind", ["identical views", "constant"])
def test_identical_views_and_constant_embeddings_are_finite(name: str, kind: str) -> None:
    a = A.detach().clone() if kind == "identical views" else torch.ones_like(A)
    a.requires_grad_()
    loss = CASES[name][0](a, a)
    (slope,) = torch.autograd.grad(loss, a)
    assert bool(loss.isfinite())
    assert bool(slope.isfinite().all())


@pytest.mark.parametrize("temperature", [1e-3, 1e3])
def test_no_temperature_overflows(temperature: float) -> None:
    """Exponentials without a shift overflow in float32 below about 0.011."""
    a, b = (x.detach().float().requires_grad_() for x in (A, B))
    own = torch.full((N,), temperature)
    queue = QUEUE.float()
    losses = [
        dcl(a, b, temperature, sigma=0.5).loss,
        momentum_contrast(a, b, temperature, queue=queue).loss,
        neighbour_contrast(a, b, queue, temperature).loss,
        supervised_contrast([a, b], GROUPS, temperature).loss,
        global_contrast(a, b, own, UNSEEN.float()).loss,
    ]
    for loss in losses:
        found = [g for g in torch.autograd.grad(loss, (a, b), allow_unused=True) if g is not None]
        assert bool(loss.isfinite())
        assert found
        assert all(bool(slope.isfinite().all()) for slope in found)


def test_dclw_weights_have_mean_one_where_the_copied_code_has_two_minus_one_over_n() -> None:
    weights = von_mises_fisher_weights(A, B)
    assert float(weights.mean()) == pytest.approx(1)
    alike = torch.stack([cosine(x, y) for x, y in zip(A, B, strict=True)]).detach() / 0.5
    copied = 2 - alike.softmax(0)
    assert float(copied.mean()) == pytest.approx(2 - 1 / N)
    assert int(weights.argmax()) == int(alike.argmin())
    assert not weights.requires_grad


def test_dcl_is_info_nce_less_the_positives_share_of_the_denominator() -> None:
    whole, without = nt_xent(A, B, T).anchors, dcl(A, B, T).anchors
    assert bool((whole > without).all())
    torch.testing.assert_close(whole, without + (-without).exp().log1p())


def test_one_instance_has_nothing_to_be_told_from() -> None:
    assert float(dcl(A[:1], B[:1], T, sigma=0.5).loss.detach()) == 0
    for loss in (
        lambda: global_contrast(A[:1], B[:1], WARM[:1], UNSEEN[:1]),
        lambda: group_ordering([A[:1], B[:1]]),
    ):
        with pytest.raises(ValueError, match="at least 2 instances"):
            loss()


def test_keys_queue_and_neighbours_get_no_gradient() -> None:
    queue = QUEUE.clone().requires_grad_()
    moco = momentum_contrast(A, B, T, queue=queue).loss
    assert torch.autograd.grad(moco, (B, queue), allow_unused=True) == (None, None)
    nnclr = neighbour_contrast(A, B, queue, T).loss
    assert torch.autograd.grad(nnclr, (A, queue), allow_unused=True) == (None, None)


def test_momentum_contrast_without_negatives_is_refused() -> None:
    with pytest.raises(ValueError, match="no negatives"):
        momentum_contrast(A, B, T, in_batch=False)


def test_groups_of_one_make_supervised_contrast_simclrs() -> None:
    torch.testing.assert_close(
        supervised_contrast([A, B], torch.arange(N), T).loss, nt_xent(A, B, T).loss
    )


def test_with_equal_temperatures_and_no_past_global_contrast_follows_dcl() -> None:
    """With identical views, whose averages are equal: a shared one else weighs the views."""
    own = torch.full((N,), T, dtype=torch.float64)
    found = global_contrast(A, A, own, UNSEEN, share=1.0)
    wanted = T * (dcl(A, A, T).loss - math.log(2 * N - 2))
    assert_close_slope(found.loss, wanted)


def assert_close_slope(ours: Tensor, theirs: Tensor) -> None:
    torch.testing.assert_close(ours, theirs)
    (x,), (y,) = torch.autograd.grad(ours, A), torch.autograd.grad(theirs, A)
    torch.testing.assert_close(x, y)


def test_a_running_average_is_kept_and_divides_the_gradient() -> None:
    first = global_contrast(A, B, WARM, UNSEEN, share=0.9)
    twice = global_contrast(A, B, WARM, first.log_average + math.log(3), share=0.25)
    wanted = (0.75 * 3 + 0.25) * first.log_average.exp()
    torch.testing.assert_close(twice.log_average.exp(), wanted)
    (x,), (y,) = (torch.autograd.grad(f.loss, A) for f in (first, twice))
    torch.testing.assert_close(y * 2.5, x)


def test_the_slope_of_a_temperature_is_the_derivative_of_its_term() -> None:
    step = 1e-6
    found = global_contrast(A, B, WARM, UNSEEN)
    up, down = (global_contrast(A, B, WARM + s, UNSEEN).log_average for s in (step, -step))
    wanted = ((WARM + step) * up - (WARM - step) * down) / (2 * step)
    torch.testing.assert_close(found.slope, wanted, rtol=1e-5, atol=1e-6)


def test_soft_ranks_of_three_are_those_of_a_network_by_hand() -> None:
    def keep(x: float) -> float:
        return math.atan(2 * x) / math.pi + 0.5

    def layer(v: list[float], p: list[list[float]], i: int) -> None:
        s = keep(v[i] - v[i + 1])
        v[i], v[i + 1] = s * v[i] + (1 - s) * v[i + 1], (1 - s) * v[i] + s * v[i + 1]
        p[i], p[i + 1] = (
            [s * x + (1 - s) * y for x, y in zip(p[i], p[i + 1], strict=True)],
            [(1 - s) * x + s * y for x, y in zip(p[i], p[i + 1], strict=True)],
        )

    values, shares = [0.2, 0.9, -0.4], [[1.0, 0, 0], [0, 1.0, 0], [0, 0, 1.0]]
    scores = torch.tensor([values], dtype=torch.float64)
    for start in (0, 1, 0):
        layer(values, shares, start)
    wanted = torch.tensor([shares], dtype=torch.float64)
    torch.testing.assert_close(soft_ranks(scores, steepness=2.0), wanted)


def test_soft_ranks_are_doubly_stochastic_and_sharpen_to_the_permutation() -> None:
    ranks = soft_ranks(A.detach(), steepness=3.0)
    ones = torch.ones(N, WIDTH, dtype=torch.float64)
    torch.testing.assert_close(ranks.sum(1), ones)
    torch.testing.assert_close(ranks.sum(2), ones)
    sharp = soft_ranks(A.detach(), steepness=1e9)
    assert torch.equal(sharp.argmax(2), A.detach().argsort(1, descending=True))
    assert float(sharp.max(2).values.min()) > 0.999
    assert gradcheck(lambda x: soft_ranks(x, steepness=3.0), (A[:2],))


def test_a_right_order_costs_nothing_as_the_comparison_steepens() -> None:
    a = torch.eye(5, dtype=torch.float64)
    assert float(group_ordering([a, a], negatives=3, steepness=1e8)) < 1e-6
    with pytest.raises(ValueError, match="at least 2"):
        group_ordering([a])


@every
def test_gradients_pass_a_numeric_check(name: str) -> None:
    if name in ("dclw", "nnclr"):  # weights and choices are constants to the gradient alone
        assert gradcheck(lambda b: neighbour_contrast(A, b, QUEUE, T).loss, (B,))
        return
    if name == "groco":
        return  # the other views are constants to the gradient alone; see soft_ranks
    wanted = (A,) if name == "moco" else (A, B)
    assert gradcheck(lambda *x: CASES[name][0](x[0], x[1] if len(x) > 1 else B), wanted)
