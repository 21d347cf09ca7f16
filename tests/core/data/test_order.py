from __future__ import annotations

import pytest
import torch

from tacit.data import EpochOrder, slice_of


def test_an_epoch_holds_every_instance_once() -> None:
    order = EpochOrder(12, 4, seed=0)
    seen = torch.cat(list(order.batches(epoch=3)))
    assert sorted(seen.tolist()) == list(range(12))


def test_the_order_is_a_function_of_seed_and_epoch() -> None:
    order = EpochOrder(100, 10, seed=5)
    assert torch.equal(order.permutation(2), EpochOrder(100, 20, seed=5).permutation(2))
    assert not torch.equal(order.permutation(2), order.permutation(3))
    assert not torch.equal(order.permutation(2), EpochOrder(100, 10, seed=6).permutation(2))
    # (seed, epoch) are mixed, not added
    assert not torch.equal(order.permutation(2), EpochOrder(100, 10, seed=6).permutation(1))


def test_an_incomplete_last_batch_is_left_out_and_differs_by_epoch() -> None:
    order = EpochOrder(11, 4, seed=0)
    assert (len(order), order.left_out) == (2, 3)
    missing = []
    for epoch in range(2):
        batches = list(order.batches(epoch))
        assert [len(batch) for batch in batches] == [4, 4]
        missing.append(set(range(11)) - set(torch.cat(batches).tolist()))
    assert missing[0] != missing[1]


def test_an_epoch_resumes_at_any_batch() -> None:
    order = EpochOrder(20, 4, seed=1)
    whole = list(order.batches(epoch=1))
    for start in range(6):
        rest = list(order.batches(epoch=1, start=start))
        assert len(rest) == 5 - start
        assert all(torch.equal(a, b) for a, b in zip(rest, whole[start:], strict=True))


def test_the_order_leaves_the_global_generator_alone() -> None:
    before = torch.get_rng_state()
    list(EpochOrder(20, 4, seed=1).batches(epoch=0))
    assert torch.equal(before, torch.get_rng_state())


def test_the_parts_of_the_processes_make_up_the_global_batch() -> None:
    batch = torch.arange(12)
    parts = [slice_of(batch, rank, 3) for rank in range(3)]
    assert torch.equal(torch.cat(parts), batch)
    assert {len(part) for part in parts} == {4}


def test_a_batch_that_does_not_divide_by_the_processes_is_refused() -> None:
    with pytest.raises(ValueError, match=r"multiple of the 4 processes; got 10. Set batch to 8 or"):
        slice_of(torch.arange(10), 0, 4)


@pytest.mark.parametrize(
    ("size", "batch", "message"),
    [
        (10, 11, "at most the 10 instances of the data; got 11. Set a batch of 10"),
        (10, 0, "batch: wanted at least 1; got 0"),
        (0, 1, "holds no instances"),
    ],
)
def test_impossible_orders_are_refused_before_anything_starts(
    size: int, batch: int, message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        EpochOrder(size, batch, seed=0)


def test_negative_seeds_are_refused() -> None:
    with pytest.raises(ValueError, match="at least 0"):
        EpochOrder(4, 2, seed=-1).permutation(0)
