"""A part lies inside its whole, and both are cut as their records say."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from tacit_vision.views import Record, WholeAndPart, WholeAndPartConfig, render
from tacit_vision.views.nested import inner_box


def images(batch: int = 64, height: int = 32, width: int = 24) -> Tensor:
    generator = torch.Generator().manual_seed(0)
    return torch.randint(0, 256, (batch, 3, height, width), dtype=torch.uint8, generator=generator)


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def test_a_part_lies_inside_its_whole() -> None:
    whole, part = WholeAndPart()(images(), generator())
    assert (whole.role, part.role) == ("whole", "part")
    outer, inner = whole.meta["crop"], part.meta["crop"]
    assert (inner[:, :2] >= outer[:, :2]).all()
    assert (inner[:, :2] + inner[:, 2:] <= outer[:, :2] + outer[:, 2:]).all()
    assert (inner[:, 2:] >= 1).all()


def test_a_part_has_the_share_set_of_its_whole() -> None:
    config = WholeAndPartConfig(scale=(0.8, 1.0), part=(0.3, 0.6))
    whole, part = WholeAndPart(config)(images(400, 96, 96), generator())
    share = part.meta["crop"][:, 2:].prod(1) / whole.meta["crop"][:, 2:].prod(1)
    assert 0.27 < share.min() < 0.33
    assert 0.56 < share.max() < 0.64


def test_views_are_what_their_records_say_and_the_generator_decides() -> None:
    policy, source = WholeAndPart(), images()
    for view, again in zip(policy(source, generator()), policy(source, generator()), strict=True):
        assert view.meta.keys() == policy.meta
        assert torch.equal(view.value, again.value)
        replayed = render(policy.config.recipe(), source, Record.from_meta(view.meta))
        assert torch.equal(replayed, view.value)
    other = policy(source, generator(1))
    assert not torch.equal(other[0].value, policy(source, generator())[0].value)


def test_a_box_of_a_stretched_cut_is_found_in_what_it_was_cut_from() -> None:
    outer = torch.tensor([[4, 8, 16, 8], [0, 0, 32, 32], [5, 5, 1, 1]])
    inner = torch.tensor([[16, 0, 16, 16], [3, 4, 5, 6], [31, 31, 1, 1]])
    wanted = [[12, 8, 8, 4], [3, 4, 5, 6], [5, 5, 1, 1]]
    assert inner_box(outer, inner, 32, 32).tolist() == wanted


def test_shares_out_of_range_are_refused() -> None:
    with pytest.raises(ValueError, match="part must be"):
        WholeAndPartConfig(part=(0.5, 1.5))
