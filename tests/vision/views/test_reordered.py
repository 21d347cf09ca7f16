"""Reordered views: put together from exactly their pieces, in orders far apart."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from tacit.nn import far_orders
from tacit_vision.views import Reordered, ReorderedConfig
from tacit_vision.views.reordered import put_together

PLAIN: dict[str, Any] = {
    "scale": (1.0, 1.0),
    "ratio": (1.0, 1.0),
    "flip_probability": 0.0,
    "jitter_probability": 0.0,
    "grayscale_probability": 0.0,
}


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def test_the_first_order_is_the_image_bit_for_bit() -> None:
    images = torch.rand(3, 2, 6, 9)
    assert torch.equal(put_together(images, torch.arange(9).expand(3, 9), 3), images)


def test_pieces_come_to_the_places_the_order_says() -> None:
    image = torch.arange(16.0).reshape(1, 1, 4, 4)
    mixed = put_together(image, torch.tensor([[3, 0, 1, 2]]), 2)
    wanted = [[10, 11, 0, 1], [14, 15, 4, 5], [2, 3, 8, 9], [6, 7, 12, 13]]
    assert mixed[0, 0].tolist() == wanted


def test_the_meta_says_the_order() -> None:
    source = torch.randint(0, 256, (20, 3, 8, 8), dtype=torch.uint8, generator=generator())
    whole, mixed = Reordered(ReorderedConfig(**PLAIN))(source, generator())
    torch.testing.assert_close(whole.value, source.float() / 255)
    assert not whole.meta["order"].any()
    assert mixed.meta["order"].min() > 0
    back = far_orders(4, 24)[mixed.meta["order"]].argsort(1)
    assert torch.equal(put_together(mixed.value, back, 2), whole.value)


def test_the_generator_alone_decides() -> None:
    source = torch.randint(0, 256, (6, 3, 8, 8), dtype=torch.uint8, generator=generator())
    before = torch.get_rng_state()
    policy = Reordered()
    one, two, three = (policy(source, generator(seed))[1] for seed in (3, 3, 4))
    assert torch.equal(torch.get_rng_state(), before)
    assert torch.equal(one.value, two.value)
    assert not torch.equal(one.value, three.value)
    assert one.meta.keys() >= policy.meta
    assert policy.tasks["order"].width == 24


def test_views_that_pieces_do_not_divide_are_refused() -> None:
    source = torch.zeros(2, 1, 8, 8, dtype=torch.uint8)
    with pytest.raises(ValueError, match="3 pieces a side divide; got 8 x 8: set size="):
        Reordered(ReorderedConfig(grid=3, orders=30))(source, generator())
    with pytest.raises(ValueError, match="wanted 2 to 24 of 4 pieces; got 25"):
        ReorderedConfig(orders=25)
    with pytest.raises(ValueError, match="at least 2 pieces along a side"):
        ReorderedConfig(grid=1)
