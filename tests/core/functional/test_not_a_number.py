"""A loss of embeddings that are no numbers is no number: a run must stop, not go on at 0."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from tacit.functional import barlow_twins, dino, negative_cosine, nt_xent, vicreg

LOSSES: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    "nt_xent": lambda a, b: nt_xent(a, b, 0.1).loss,
    "barlow_twins": lambda a, b: barlow_twins(a, b).loss,
    "vicreg": lambda a, b: vicreg(a, b).loss,
    "negative_cosine": negative_cosine,
    "dino": lambda a, b: dino([a, b], [b.softmax(1), a.softmax(1)]),
}


@pytest.mark.parametrize("name", LOSSES)
@pytest.mark.parametrize("rows", [1, 6], ids=["one row", "all rows"])
def test_nan_is_not_left_out_of_the_mean(name: str, rows: int) -> None:
    a, b = torch.randn(2, 6, 4, generator=torch.Generator().manual_seed(0))
    a[:rows] = torch.nan
    assert LOSSES[name](a, b).isnan()
