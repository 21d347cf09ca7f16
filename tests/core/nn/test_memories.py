"""Queues and per-instance state remember what they are told, on one process."""

from __future__ import annotations

import pytest
import torch

from tacit.nn import EmbeddingQueue, SampleState


def test_state_is_read_back_by_index() -> None:
    state = SampleState(6, (2,), fill=-1.0)
    state.write(torch.tensor([4, 1]), torch.tensor([[1.0, 2.0], [3.0, 4.0]]))
    assert state.read(torch.tensor([1, 0, 4])).tolist() == [[3, 4], [-1, -1], [1, 2]]


def test_state_keeps_no_graph_and_is_saved() -> None:
    state = SampleState(3)
    state.write(torch.tensor([0]), torch.ones(1, requires_grad=True) * 2)
    assert not state.values.requires_grad
    assert state.state_dict()["values"].tolist() == [2, 0, 0]
    with pytest.raises(ValueError, match="at least 1; got 0"):
        SampleState(0)


def test_a_queue_overwrites_its_oldest_rows_and_wraps_around() -> None:
    queue = EmbeddingQueue(5, 1)
    for start in (1, 4, 7):
        queue.push(torch.arange(start, start + 3.0)[:, None])
    assert sorted(queue.values.flatten().tolist()) == [5, 6, 7, 8, 9]
    assert int(queue.at) == 9 % 5


def test_a_queue_smaller_than_the_batch_keeps_the_last_rows() -> None:
    queue = EmbeddingQueue(3, 1)
    queue.push(torch.arange(7.0)[:, None])
    assert sorted(queue.values.flatten().tolist()) == [4, 5, 6]


def test_a_resumed_queue_goes_on_where_it_was() -> None:
    first, second = EmbeddingQueue(5, 2), EmbeddingQueue(5, 2)
    first.push(torch.randn(3, 2))
    second.load_state_dict(first.state_dict())
    rows = torch.randn(4, 2)
    for queue in (first, second):
        queue.push(rows)
    assert torch.equal(first.values, second.values)


def test_a_queue_begins_with_random_directions() -> None:
    before = torch.get_rng_state()
    queue = EmbeddingQueue(5, 4, seed=3)
    assert torch.equal(before, torch.get_rng_state())
    torch.testing.assert_close(queue.values.norm(dim=1), torch.ones(5))
    with pytest.raises(ValueError, match="got 0 and 4"):
        EmbeddingQueue(0, 4)
