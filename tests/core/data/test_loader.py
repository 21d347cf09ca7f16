from __future__ import annotations

from itertools import islice

import pytest
import torch
from data_toys import Excerpts, Noise, Numbers, Short

from tacit.contract import Batch
from tacit.data import EpochOrder, Loader, auto_workers, batches, sequential


def content(given: list[Batch]) -> list[tuple[list[int], list[float]]]:
    return [(b.index.tolist(), b.values["number"].flatten().tolist()) for b in given]


ORDER = EpochOrder(20, 6, seed=3)


@pytest.mark.parametrize(
    ("context", "workers"), [("fork", 2), pytest.param("spawn", 1, marks=pytest.mark.slow)]
)
def test_workers_give_the_same_batches_as_none(context: str, workers: int) -> None:
    here = content(list(batches(Excerpts(), ORDER, epoch=1)))
    with Loader(Excerpts(), workers=workers, context=context) as loader:
        assert content(list(loader.batches(ORDER, epoch=1))) == here


def test_workers_outlive_an_epoch_and_an_abandoned_one() -> None:
    with Loader(Excerpts(), workers=2, context="fork") as loader:
        next(loader.batches(ORDER, epoch=0))
        for epoch in (1, 2):
            there = content(list(loader.batches(ORDER, epoch=epoch)))
            assert there == content(list(batches(Excerpts(), ORDER, epoch=epoch)))
        assert len(list(loader.sequential(8))) == 3


@pytest.mark.parametrize("workers", [0, 2])
def test_a_resumed_epoch_goes_on_exactly(workers: int) -> None:
    whole = content(list(batches(Excerpts(), ORDER, epoch=1)))
    rest = content(list(batches(Excerpts(), ORDER, epoch=1, start=2, workers=workers)))
    assert rest == whole[2:]


@pytest.mark.parametrize("world", [2, 3])
def test_global_batches_do_not_depend_on_the_number_of_processes(world: int) -> None:
    alone = content(list(batches(Excerpts(), ORDER, epoch=0)))
    parts = [
        content(list(batches(Excerpts(), ORDER, epoch=0, rank=rank, world=world)))
        for rank in range(world)
    ]
    for whole, *shares in zip(alone, *parts, strict=True):
        assert [i for share in shares for i in share[0]] == whole[0]
        assert [v for share in shares for v in share[1]] == whole[1]


def test_what_reading_draws_depends_on_seed_epoch_and_index_alone() -> None:
    def drawn(order: EpochOrder, epoch: int) -> torch.Tensor:
        given = list(batches(Excerpts(), order, epoch=epoch))
        index = torch.cat([b.index for b in given])
        values = torch.cat([b.values["number"] for b in given])
        return values[index.argsort()] - torch.arange(20)[:, None]

    first = drawn(EpochOrder(20, 4, seed=3), 0)
    assert torch.equal(first, drawn(EpochOrder(20, 10, seed=3), 0))
    assert not torch.equal(first, drawn(EpochOrder(20, 4, seed=3), 1))
    assert not torch.equal(first, drawn(EpochOrder(20, 4, seed=4), 0))
    assert len({tuple(row) for row in first.tolist()}) == 20


def test_an_order_may_be_any_batches_of_indices() -> None:
    order = [torch.tensor([3, 1]), torch.tensor([2, 2]), torch.tensor([0, 5])]
    given = list(batches(Numbers(), order, epoch=0, start=1, seed=0))
    assert [b.index.tolist() for b in given] == [[2, 2], [0, 5]]
    with pytest.raises(ValueError, match="give seed="):
        next(batches(Numbers(), order, epoch=0))


@pytest.mark.parametrize("workers", [0, 2])
def test_a_sequential_pass_reads_everything_once_in_order(workers: int) -> None:
    given = list(sequential(Excerpts(), 8, workers=workers))
    assert [len(b) for b in given] == [8, 8, 4]
    assert torch.equal(torch.cat([b.index for b in given]), torch.arange(20))
    values = torch.cat([b.values["number"] for b in given])
    assert torch.equal(values[:, 0], torch.arange(20.0))  # and draws nothing


@pytest.mark.parametrize("world", [1, 3, 7])
def test_processes_share_a_sequential_pass_without_overlap(world: int) -> None:
    parts = [list(sequential(Numbers(), 4, rank=rank, world=world)) for rank in range(world)]
    seen = [i for part in parts for b in part for i in b.index.tolist()]
    assert seen == list(range(20))
    sizes = [sum(len(b) for b in part) for part in parts]
    assert max(sizes) - min(sizes) <= 1


def test_a_sequential_pass_over_some_instances() -> None:
    given = list(sequential(Numbers(), 2, indices=[7, 3, 5]))
    assert [b.index.tolist() for b in given] == [[7, 3], [5]]


@pytest.mark.parametrize("workers", [0, 2])
def test_an_error_keeps_its_type_and_message(workers: int) -> None:
    source = Numbers(broken=13)
    with pytest.raises(ValueError, match=r"^row 13 cannot be read: remove it$"):
        list(sequential(source, 4, workers=workers))


def test_a_source_that_answers_with_fewer_instances_is_caught() -> None:
    with pytest.raises(ValueError, match=r"Short.fetch: wanted 4 instances; got 3"):
        next(sequential(Short(), 4))


def test_loading_leaves_the_global_generator_alone() -> None:
    before = torch.get_rng_state()
    list(batches(Excerpts(), ORDER, epoch=0, workers=2))
    assert torch.equal(before, torch.get_rng_state())


@pytest.mark.parametrize("workers", [0, 2])
def test_generated_data_resumes_at_any_step(workers: int) -> None:
    whole = content(list(islice(Loader(Noise()).generated(4, seed=1), 6)))
    assert len({values[1][0] for values in whole}) == 6
    with Loader(Noise(), workers=workers, context="fork" if workers else None) as loader:
        rest = content(list(islice(loader.generated(4, seed=1, start=3), 3)))
    assert rest == whole[3:]


def test_processes_generate_different_instances() -> None:
    one, two = (next(Loader(Noise()).generated(4, seed=1, rank=rank, world=2)) for rank in range(2))
    assert len(one) == 2
    assert not torch.equal(one.values["number"], two.values["number"])
    with pytest.raises(ValueError, match="multiple of the 3 processes; got 4"):
        Loader(Noise()).generated(4, seed=1, world=3)


@pytest.mark.parametrize(("workers", "prefetch"), [(-1, 2), (1, 0)])
def test_impossible_settings_are_refused(workers: int, prefetch: int) -> None:
    with pytest.raises(ValueError, match=r"wanted at least"):
        Loader(Numbers(), workers=workers, prefetch=prefetch)


def test_data_in_memory_gets_no_workers_and_data_to_decode_some() -> None:
    source = Numbers()
    assert auto_workers(source) == 0
    source.decodes = True
    assert auto_workers(source) >= 1
    assert auto_workers(Noise()) == 0


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs CUDA")
@pytest.mark.parametrize("pin", [True, False])
def test_batches_arrive_whole_on_the_device_while_it_is_busy(pin: bool) -> None:
    device = torch.device("cuda")
    heavy = torch.randn(2048, 2048, device=device)
    sums = []
    order = EpochOrder(200_000, 50_000, seed=0)
    with Loader(Numbers(200_000), device=device, pin=pin) as loader:
        for batch in loader.batches(order, epoch=0):
            for _ in range(20):  # the reader is still waiting while the next copy is queued
                heavy = torch.tanh(heavy @ heavy)
            sums.append(batch.values["number"].double().sum() / 3 - batch.index.sum())
            del batch
    assert torch.stack(sums).abs().max() == 0
