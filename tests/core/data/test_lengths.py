"""Batches of instances of like length."""

from __future__ import annotations

import torch

from tacit.data import EpochOrder

LENGTHS = torch.randint(5, 100, (103,), generator=torch.Generator().manual_seed(0))


def padding(order: EpochOrder) -> int:
    """What is lost where every batch is padded to its longest."""
    return sum(int((LENGTHS[rows].max() - LENGTHS[rows]).sum()) for rows in order.batches(0))


def test_sorting_pools_by_length_saves_padding() -> None:
    plain = EpochOrder(size=103, batch=10, seed=0)
    alike = EpochOrder(size=103, batch=10, seed=0, lengths=LENGTHS, pool=5)
    assert padding(alike) < 0.5 * padding(plain)


def test_every_instance_comes_once_and_every_epoch_otherwise() -> None:
    alike = EpochOrder(size=103, batch=10, seed=0, lengths=LENGTHS, pool=5)
    assert sorted(alike.permutation(0).tolist()) == list(range(103))
    assert not torch.equal(alike.permutation(0), alike.permutation(1))
    assert torch.equal(alike.permutation(1), alike.permutation(1))


def test_an_epoch_goes_on_where_it_stopped() -> None:
    alike = EpochOrder(size=103, batch=10, seed=0, lengths=LENGTHS, pool=3)
    whole = torch.stack(list(alike.batches(2)))
    assert torch.equal(torch.stack(list(alike.batches(2, start=4))), whole[4:])
