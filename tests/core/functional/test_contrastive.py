"""InfoNCE against sums written out pair by pair, at its limits, and in memory."""

from __future__ import annotations

import math
from collections.abc import Callable

import pytest
import torch
from torch import Tensor
from torch.autograd import gradcheck, gradgradcheck

from tacit.functional import Columns, Groups, Pairs, info_nce, nt_xent

BATCH, WIDTH = 6, 4


def embeddings(rows: int = BATCH, seed: int = 0, dtype: torch.dtype = torch.float64) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    x = torch.randn(rows, WIDTH, generator=generator, dtype=torch.float64)
    return x.to(dtype).requires_grad_()


def cosine(x: Tensor, y: Tensor) -> Tensor:
    return (x * y).sum() / ((x * x).sum().sqrt() * (y * y).sum().sqrt())


def by_pairs(
    queries: Tensor,
    keys: list[Tensor],
    temperature: Callable[[int], Tensor | float],
    positive: Callable[[int, int], float],
    candidate: Callable[[int, int], bool],
    weight: Callable[[int], float] = lambda _: 1.0,
) -> Tensor:
    """The definition, one pair at a time; `positive` gives a pair's weight, 0 for none."""
    total, count = torch.zeros((), dtype=torch.float64), 0.0
    for i, query in enumerate(queries):
        scores = [cosine(query, key) / temperature(i) for key in keys]
        own = [(positive(i, j), s) for j, s in enumerate(scores) if positive(i, j) > 0]
        among = [s for j, s in enumerate(scores) if candidate(i, j)]
        if not own or not among:
            continue
        attraction = sum(w * s for w, s in own) / sum(w for w, _ in own)
        loss = torch.stack(among).logsumexp(0) - attraction
        total, count = total + weight(i) * loss, count + weight(i)
    return total / count


def same_value_and_gradient(ours: Tensor, theirs: Tensor, *inputs: Tensor) -> None:
    torch.testing.assert_close(ours, theirs, rtol=1e-10, atol=1e-12)
    for x, y in zip(
        torch.autograd.grad(ours, inputs), torch.autograd.grad(theirs, inputs), strict=True
    ):
        torch.testing.assert_close(x, y, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("chunk", [1, 4, 512, None])
def test_nt_xent_is_the_sum_over_pairs(chunk: int | None) -> None:
    a, b = embeddings(seed=1), embeddings(seed=2)
    rows = [*a, *b]
    theirs = by_pairs(
        torch.cat([a, b]),
        rows,
        lambda _: 0.2,
        lambda i, j: float(j == (i + BATCH) % (2 * BATCH)),
        lambda i, j: i != j,
    )
    same_value_and_gradient(nt_xent(a, b, 0.2, chunk=chunk).loss, theirs, a, b)


@pytest.mark.parametrize("chunk", [4, None])
def test_key_i_belongs_to_query_i_unless_told_otherwise(chunk: int | None) -> None:
    q, k = embeddings(seed=1), embeddings(seed=2)
    theirs = by_pairs(q, [*k], lambda _: 0.1, lambda i, j: float(i == j), lambda i, j: True)
    same_value_and_gradient(info_nce(q, k, temperature=0.1, chunk=chunk).loss, theirs, q, k)


@pytest.mark.parametrize("chunk", [4, None])
def test_extra_negatives_are_candidates_and_get_a_gradient(chunk: int | None) -> None:
    q, k, extra = embeddings(seed=1), embeddings(seed=2), embeddings(5, seed=3)
    theirs = by_pairs(q, [*k, *extra], lambda _: 0.1, lambda i, j: float(i == j), lambda i, j: True)
    ours = info_nce(q, k, temperature=0.1, negatives=extra, chunk=chunk).loss
    same_value_and_gradient(ours, theirs, q, k, extra)


@pytest.mark.parametrize("chunk", [4, None])
@pytest.mark.parametrize("each", [False, True], ids=["one for all", "one each"])
def test_temperature_gets_its_gradient(each: bool, chunk: int | None) -> None:
    q, k = embeddings(seed=1), embeddings(seed=2)
    values = torch.linspace(0.1, 0.6, BATCH, dtype=torch.float64) if each else torch.tensor(0.3)
    t = values.double().requires_grad_()
    theirs = by_pairs(
        q, [*k], lambda i: t[i] if each else t, lambda i, j: float(i == j), lambda i, j: True
    )
    same_value_and_gradient(info_nce(q, k, temperature=t, chunk=chunk).loss, theirs, q, k, t)


GROUP = [0, 1, 0, 2, 1, 0]  # 2 is alone: without a positive, left out


@pytest.mark.parametrize("chunk", [4, None])
@pytest.mark.parametrize("form", ["groups", "mask", "function"])
def test_forms_of_several_positives_agree_and_loners_are_left_out(
    form: str, chunk: int | None
) -> None:
    x = embeddings(seed=1)
    groups = torch.tensor(GROUP)
    mask = groups[:, None] == groups
    forms: dict[str, Pairs] = {
        "groups": Groups(groups),
        "mask": mask,
        "function": lambda start, stop: mask[start:stop],
    }
    found = info_nce(
        x,
        x,
        temperature=0.2,
        positives=forms[form],
        exclude=Columns(torch.arange(BATCH)),
        chunk=chunk,
    )
    theirs = by_pairs(
        x,
        [*x],
        lambda _: 0.2,
        lambda i, j: float(i != j and GROUP[i] == GROUP[j]),
        lambda i, j: i != j,
    )
    same_value_and_gradient(found.loss, theirs, x)
    assert found.anchors[3] == 0


@pytest.mark.parametrize("chunk", [4, None])
def test_weights_of_pairs_and_of_anchors(chunk: int | None) -> None:
    q, k = embeddings(seed=1), embeddings(seed=2)
    generator = torch.Generator().manual_seed(3)
    pairs = torch.rand(BATCH, BATCH, generator=generator, dtype=torch.float64)
    anchors = torch.rand(BATCH, generator=generator, dtype=torch.float64)
    ours = info_nce(q, k, temperature=0.3, positives=pairs, weights=anchors, chunk=chunk)
    theirs = by_pairs(
        q,
        [*k],
        lambda _: 0.3,
        lambda i, j: float(pairs[i, j]),
        lambda i, j: True,
        lambda i: float(anchors[i]),
    )
    same_value_and_gradient(ours.loss, theirs, q, k)


@pytest.mark.parametrize("chunk", [4, None])
@pytest.mark.parametrize("several", [False, True], ids=["one positive", "several"])
def test_decoupled_leaves_positives_out_of_the_candidates(several: bool, chunk: int | None) -> None:
    q, k, extra = embeddings(seed=1), embeddings(seed=2), embeddings(3, seed=3)
    groups = GROUP if several else list(range(BATCH))
    ours = info_nce(
        q,
        k,
        temperature=0.3,
        positives=Groups(torch.tensor(groups)),
        negatives=extra,
        decoupled=True,
        chunk=chunk,
    )

    def own(i: int, j: int) -> bool:
        return j < BATCH and groups[i] == groups[j]

    theirs = by_pairs(
        q, [*k, *extra], lambda _: 0.3, lambda i, j: float(own(i, j)), lambda i, j: not own(i, j)
    )
    same_value_and_gradient(ours.loss, theirs, q, k, extra)


@pytest.mark.parametrize("form", ["groups", "mask", "columns"])
def test_excluded_pairs_are_neither_positive_nor_negative(form: str) -> None:
    q, k = embeddings(seed=1), embeddings(seed=2)
    out = torch.tensor([(i + 1) % BATCH for i in range(BATCH)])
    forms: dict[str, Pairs] = {
        "columns": Columns(out),
        "mask": out[:, None] == torch.arange(BATCH),
        "groups": Groups(out, torch.arange(BATCH)),
    }
    positives = torch.eye(BATCH, dtype=torch.bool) | torch.eye(BATCH, dtype=torch.bool).roll(1, 1)
    ours = info_nce(q, k, temperature=0.2, positives=positives, exclude=forms[form], chunk=4).loss
    theirs = by_pairs(
        q,
        [*k],
        lambda _: 0.2,
        lambda i, j: float(i == j),
        lambda i, j: j != (i + 1) % BATCH,
    )
    same_value_and_gradient(ours, theirs, q, k)


def test_gradients_survive_gradcheck_and_the_whole_form_a_second_differentiation() -> None:
    a, b, t = embeddings(3, seed=1), embeddings(3, seed=2), torch.tensor(0.4).double()
    t.requires_grad_()
    assert gradcheck(lambda a, b, t: nt_xent(a, b, t, chunk=2).loss, (a, b, t))
    assert gradgradcheck(lambda a, b, t: nt_xent(a, b, t, chunk=None).loss, (a, b, t))


def test_a_second_differentiation_of_chunks_is_refused() -> None:
    a, b = embeddings(seed=1), embeddings(seed=2)
    with pytest.raises(RuntimeError, match="pass chunk=None"):
        torch.autograd.grad(nt_xent(a, b, 0.2).loss, a, create_graph=True)


def test_backward_may_run_twice_and_scales_with_the_loss() -> None:
    a, b = embeddings(seed=1), embeddings(seed=2)
    loss = nt_xent(a, b, 0.2).loss
    (once,) = torch.autograd.grad(loss, a, retain_graph=True)
    (thrice,) = torch.autograd.grad(3 * loss, a)
    torch.testing.assert_close(3 * once, thrice)


def test_accuracy_counts_anchors_that_find_their_own() -> None:
    eye = torch.eye(4)
    assert info_nce(eye, eye, temperature=0.1).accuracy == 1
    assert info_nce(eye, eye.roll(1, 0), temperature=0.1).accuracy == 0
    assert info_nce(eye, eye[torch.tensor([0, 1, 3, 2])], temperature=0.1).accuracy == 0.5
    found = info_nce(eye, eye.roll(1, 0), temperature=0.1, negatives=eye.roll(1, 0))
    assert found.accuracy == 0


def test_orthogonal_embeddings_cost_the_logarithm_of_the_number_of_keys() -> None:
    eye = torch.eye(8, dtype=torch.float64)
    loss = info_nce(eye[:4], eye[4:], temperature=0.1).loss
    assert float(loss) == pytest.approx(math.log(4), abs=1e-12)


@pytest.mark.parametrize("temperature", [1e-3, 1e-2, 1.0])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float16])
def test_small_temperatures_stay_finite_in_any_precision(
    temperature: float, dtype: torch.dtype
) -> None:
    a, b = embeddings(seed=1, dtype=dtype), embeddings(seed=2, dtype=dtype)
    found = nt_xent(a, b, temperature)
    torch.autograd.backward(found.loss)
    exact = nt_xent(a.detach().double(), b.detach().double(), temperature).loss
    assert found.loss.dtype == torch.float32
    assert a.grad is not None
    assert a.grad.dtype == dtype
    assert a.grad.isfinite().all()
    torch.testing.assert_close(found.loss.double(), exact, rtol=1e-4, atol=1e-5)


def test_autocast_does_not_touch_the_loss() -> None:
    a, b = embeddings(seed=1, dtype=torch.float32), embeddings(seed=2, dtype=torch.float32)
    outside = nt_xent(a, b, 0.1).loss
    with torch.autocast("cpu", dtype=torch.bfloat16):
        inside = nt_xent(a, b, 0.1).loss
        (slope,) = torch.autograd.grad(inside, a)
    assert inside == outside
    assert slope.dtype == torch.float32


@pytest.mark.parametrize("chunk", [4, None])
@pytest.mark.parametrize("decoupled", [False, True])
def test_degenerate_embeddings_give_finite_losses_and_gradients(
    chunk: int | None, decoupled: bool
) -> None:
    constant = torch.ones(5, WIDTH)
    views = embeddings(5, dtype=torch.float32).detach()
    zeros = torch.zeros(5, WIDTH)
    for a, b in ((constant, constant), (views, views), (zeros, zeros), (views[:1], views[:1])):
        x, y = a.clone().requires_grad_(), b.clone().requires_grad_()
        loss = nt_xent(x, y, 0.05, decoupled=decoupled, chunk=chunk).loss
        slopes = torch.autograd.grad(loss, (x, y))
        assert loss.isfinite()
        assert all(slope.isfinite().all() for slope in slopes)


def test_one_instance_has_no_one_to_be_told_from() -> None:
    x = embeddings(1)
    assert nt_xent(x, x, 0.1).loss == 0
    assert info_nce(x, x, temperature=0.1).loss == 0


def test_constant_embeddings_cost_the_logarithm_of_the_candidates() -> None:
    ones = torch.ones(5, WIDTH)
    assert float(nt_xent(ones, ones, 0.1).loss) == pytest.approx(math.log(9), rel=1e-6)


def test_keys_without_gradient_take_none() -> None:
    q, k, queue = embeddings(seed=1), embeddings(seed=2).detach(), embeddings(9, seed=3).detach()
    torch.autograd.backward(info_nce(q, k, temperature=0.1, negatives=queue).loss)
    assert q.grad is not None
    assert k.grad is None
    assert queue.grad is None


def saved_bytes(loss: Callable[[Tensor, Tensor], Tensor], rows: int) -> int:
    """Bytes that autograd keeps for the backward pass, each storage once."""
    storages: dict[int, int] = {}

    def count(x: Tensor) -> Tensor:
        storages[x.untyped_storage().data_ptr()] = x.untyped_storage().nbytes()
        return x

    a, b = (torch.randn(rows, 16).requires_grad_() for _ in range(2))
    with torch.autograd.graph.saved_tensors_hooks(count, lambda x: x):
        loss(a, b)
    return sum(storages.values())


def peak_bytes(loss: Callable[[Tensor, Tensor], Tensor], rows: int, width: int = 16) -> int:
    """Most bytes of tensors alive at once, by the allocator's own account."""
    a, b = (torch.randn(rows, width).requires_grad_() for _ in range(2))
    with torch.profiler.profile(
        activities=[torch.profiler.ProfilerActivity.CPU], profile_memory=True, acc_events=True
    ) as profile:
        torch.autograd.backward(loss(a, b))
    alive = peak = 0
    for event in profile.profiler.kineto_results.events():
        if event.name() == "[memory]":
            alive += event.nbytes()
            peak = max(peak, alive)
    return peak


MEASURED = {
    "nt_xent": lambda a, b: nt_xent(a, b, 0.1, chunk=32).loss,
    "groups": lambda a, b: (
        info_nce(a, b, temperature=0.1, positives=Groups(torch.arange(len(a)) // 2), chunk=32).loss
    ),
}


@pytest.mark.parametrize("measure", [saved_bytes, peak_bytes])
@pytest.mark.parametrize("name", MEASURED)
def test_memory_at_most_doubles_with_the_batch(
    name: str, measure: Callable[[Callable[[Tensor, Tensor], Tensor], int], int]
) -> None:
    small, large = measure(MEASURED[name], 1024), measure(MEASURED[name], 2048)
    assert 0 < large <= 2.02 * small
    whole = measure(lambda a, b: nt_xent(a, b, 0.1, chunk=None).loss, 1024)
    assert large < whole / 4


def test_wide_embeddings_are_held_three_times_at_most() -> None:
    rows, width = 64, 4096
    peak = peak_bytes(lambda a, b: nt_xent(a, b, 0.1).loss, rows, width)
    assert peak <= 3.2 * (2 * rows * width * 4)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda x: info_nce(x, x, temperature=0.0), "temperature must be above 0"),
        (lambda x: info_nce(x, x[:3], temperature=0.1), "6 queries and 3 keys"),
        (lambda x: info_nce(x, x, temperature=0.1, chunk=0), "chunk must be at least 1"),
        (
            lambda x: info_nce(x, x, temperature=0.1, weights=torch.ones(6).requires_grad_()),
            "get no gradient",
        ),
        (
            lambda x: info_nce(x, x, temperature=0.1, positives=torch.ones(6, 6).requires_grad_()),
            "get no gradient",
        ),
        (
            lambda x: info_nce(x, x, temperature=0.1, exclude=torch.eye(6, 5) > 0),
            r"\(6, 5\) where \(6, 6\) is wanted",
        ),
        (
            lambda x: info_nce(x, x, temperature=0.1, positives=Columns(torch.arange(5))),
            r"\(5,\) where \(6,\) is wanted",
        ),
        (
            lambda x: info_nce(x, x, temperature=0.1, positives=lambda i, j: torch.eye(6)[:1] > 0),
            r"\(1, 6\) where \(6, 6\) is wanted",
        ),
        (
            lambda x: info_nce(
                x, x, temperature=0.1, positives=Groups(torch.arange(6), torch.arange(4))
            ),
            r"\(6, 4\) where \(6, 6\) is wanted",
        ),
    ],
)
def test_mistakes_are_named(call: Callable[[Tensor], object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        call(embeddings())
