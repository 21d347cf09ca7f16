"""Turned views: exactly the turn their meta says, and relations that compose."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch
from torch import Tensor
from torchvision.transforms.v2 import functional as reference

from tacit_vision.views import Related, RelatedConfig, Transformed, TransformedConfig
from tacit_vision.views.turned import quarter_turned, turned

PLAIN: dict[str, Any] = {
    "scale": (1.0, 1.0),
    "ratio": (1.0, 1.0),
    "flip_probability": 0.0,
    "jitter_probability": 0.0,
    "grayscale_probability": 0.0,
}


def images(batch: int = 40, height: int = 8, width: int = 8) -> Tensor:
    generator = torch.Generator().manual_seed(0)
    shape = (batch, 3, height, width)
    return torch.randint(0, 256, shape, dtype=torch.uint8, generator=generator)


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def test_the_meta_says_the_turn() -> None:
    source = images()
    views = Transformed(TransformedConfig(**PLAIN, count=4))(source, generator())
    for view in views:
        back = quarter_turned(view.value, (4 - view.meta["transformation"]) % 4)
        torch.testing.assert_close(back, source.float() / 255)


def test_no_two_views_of_an_image_are_turned_alike_and_all_turns_occur() -> None:
    views = Transformed(TransformedConfig(count=3))(images(), generator())
    turns = torch.stack([view.meta["transformation"] for view in views])
    assert all(len(set(column)) == 3 for column in turns.T.tolist())
    assert set(turns.flatten().tolist()) == {0, 1, 2, 3}


def test_no_turn_is_the_image_bit_for_bit() -> None:
    value = torch.rand(2, 3, 8, 8)
    assert torch.equal(quarter_turned(value, torch.zeros(2, dtype=torch.long)), value)


@pytest.mark.parametrize("quarter", [0, 1, 2, 3])
def test_any_angle_agrees_with_quarter_turns_where_they_meet(quarter: int) -> None:
    value = torch.rand(2, 3, 8, 8)
    by_angle = turned(value, torch.full((2,), quarter * math.pi / 2))
    torch.testing.assert_close(by_angle, value.rot90(quarter, (2, 3)), atol=1e-5, rtol=0)


def test_a_turn_is_torchvisions() -> None:
    value = torch.rand(1, 3, 33, 33)
    wanted = reference.rotate(value, 30.0, interpolation=reference.InterpolationMode.BILINEAR)
    found = turned(value, torch.tensor([math.radians(30.0)]))
    inside = slice(8, -8)  # corners are filled otherwise
    torch.testing.assert_close(
        found[..., inside, inside], wanted[..., inside, inside], atol=1e-4, rtol=0
    )


def test_the_relation_leads_from_the_first_view_to_each() -> None:
    first, second = Related(RelatedConfig(**PLAIN, degrees=60.0))(images(), generator())
    torch.testing.assert_close(first.meta["relation"], torch.tensor([[1.0, 0.0]]).expand(40, 2))
    between = second.meta["angle"] - first.meta["angle"]
    torch.testing.assert_close(
        second.meta["relation"], torch.stack([between.cos(), between.sin()], 1)
    )
    assert second.meta["angle"].abs().max() <= math.radians(60)


@pytest.mark.parametrize("policy", [Transformed(), Related()])
def test_oblong_views_are_refused(policy: Transformed | Related) -> None:
    with pytest.raises(ValueError, match="must be square; got 8 x 12: set size="):
        policy(images(2, 8, 12), generator())
    kind: Any = type(policy)
    same = kind(kind.Config(size=8))
    assert same(images(2, 8, 12), generator())[0].value.shape[2:] == (8, 8)


@pytest.mark.parametrize("policy", [Transformed(), Related()])
def test_turned_policies_keep_the_contract(policy: Transformed | Related) -> None:
    before = torch.get_rng_state()
    views, same, other = (policy(images(6), generator(seed)) for seed in (3, 3, 4))
    assert torch.equal(torch.get_rng_state(), before)
    assert policy.tasks.keys() <= policy.meta
    assert tuple(view.role for view in views) == policy.roles
    for one, two, three in zip(views, same, other, strict=True):
        assert one.meta.keys() >= policy.meta
        assert one.value.dtype == torch.float32
        assert torch.equal(one.value, two.value)
        assert not torch.equal(one.value, three.value)


def test_settings_out_of_range_are_refused() -> None:
    with pytest.raises(ValueError, match="1 to 4 views, one a turn; got 5"):
        TransformedConfig(count=5)
    with pytest.raises(ValueError, match="at most 180; got 200"):
        RelatedConfig(degrees=200.0)
