"""Orders of pieces: different, far apart, the same in every run."""

from __future__ import annotations

import pytest
import torch

from tacit.nn import far_orders
from tacit.nn.orders import neighbours


@pytest.mark.parametrize(("pieces", "count", "apart"), [(4, 4, 4), (4, 12, 3), (9, 30, 7)])
def test_orders_differ_in_many_places(pieces: int, count: int, apart: int) -> None:
    found = far_orders(pieces, count)
    assert torch.equal(found[0], torch.arange(pieces))
    assert torch.equal(found.sort(1).values, torch.arange(pieces).expand(count, pieces))
    assert neighbours(found) >= apart


def test_all_orders_are_found_where_all_are_asked_for() -> None:
    assert len({tuple(row) for row in far_orders(4, 24).tolist()}) == 24


def test_more_orders_than_there_are_are_refused() -> None:
    with pytest.raises(ValueError, match="wanted 2 to 6 of 3 pieces; got 7"):
        far_orders(3, 7)
