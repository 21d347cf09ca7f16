"""Masks hide exactly as much as they promise, at random, by the generator alone."""

from __future__ import annotations

import pytest
import torch

from tacit.nn import RandomMask


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


@pytest.mark.parametrize(
    ("ratio", "tokens", "hidden"),
    [(0.75, 196, 147), (0.6, 36, 22), (0.55, 100, 55), (0.1, 3, 1), (0.99, 3, 2)],
)
def test_every_row_hides_the_same_number_and_the_mask_says_which(
    ratio: float, tokens: int, hidden: int
) -> None:
    mask = RandomMask(ratio=ratio)(50, (tokens,), mode="drop", generator=generator())
    assert mask.hidden_per_row == hidden
    assert (mask.hidden.sum(1) == hidden).all()
    assert mask.visible_index().shape == (50, tokens - hidden)


def test_rows_differ_and_every_token_is_hidden_equally_often() -> None:
    hidden = RandomMask(ratio=0.5)(4000, (3, 4), mode="drop", generator=generator()).hidden
    assert (hidden[0] != hidden[1]).any()
    assert hidden.double().mean(0) == pytest.approx(torch.full((12,), 0.5).double(), abs=0.04)


def test_the_generator_alone_decides() -> None:
    def sample(seed: int) -> torch.Tensor:
        torch.manual_seed(seed + 100)
        return RandomMask()(8, (6, 6), mode="drop", generator=generator(seed)).hidden

    assert torch.equal(sample(1), sample(1))
    assert not torch.equal(sample(1), sample(2))
    before = torch.get_rng_state()
    RandomMask().packed(10, mode="replace", generator=generator())
    assert torch.equal(before, torch.get_rng_state())


@pytest.mark.parametrize("grid", [(8,), (4, 6), (2, 4, 6)])
def test_blocks_are_hidden_whole(grid: tuple[int, ...]) -> None:
    mask = RandomMask(ratio=0.4, block=2)(9, grid, mode="drop", generator=generator())
    cells: torch.Tensor = mask.hidden.unflatten(1, grid)  # type: ignore[no-untyped-call]
    for axis in range(1, len(grid) + 1):
        cells = cells.unfold(axis, 2, 2)
    cells = cells.flatten(1, len(grid)).flatten(2)
    assert torch.equal(cells.all(2), cells.any(2))
    assert set(mask.hidden.sum(1).tolist()) == {mask.hidden_per_row}


def test_blocks_cut_off_at_the_border_are_for_replacing_only() -> None:
    sampler = RandomMask(ratio=0.5, block=2)
    mask = sampler(20, (5, 4), mode="replace", generator=generator())
    assert mask.hidden.shape == (20, 20)
    assert mask.hidden_per_row is None
    border = mask.hidden.unflatten(1, (5, 4))[:, 4].unflatten(1, (2, 2))
    assert torch.equal(border.all(2), border.any(2))
    with pytest.raises(ValueError, match="divides the grid, 5 x 4; got 2"):
        sampler(20, (5, 4), mode="drop", generator=generator())


def test_padding_is_never_hidden_and_rows_hide_their_own_share() -> None:
    valid = torch.arange(10) < torch.tensor([[10], [4], [1]])
    mask = RandomMask(ratio=0.5)(3, (10,), mode="replace", generator=generator(), valid=valid)
    assert mask.hidden.sum(1).tolist() == [5, 2, 0]
    assert not (mask.hidden & ~valid).any()
    assert mask.hidden_per_row is None
    with pytest.raises(ValueError, match="block=1; got 2"):
        RandomMask(block=2)(3, (10,), mode="replace", generator=generator(), valid=valid)


def test_under_drop_short_rows_keep_padding_and_their_own_share_of_tokens() -> None:
    valid = torch.arange(10) < torch.tensor([[10], [4], [1]])
    mask = RandomMask(ratio=0.5)(3, (10,), mode="drop", generator=generator(), valid=valid)
    assert mask.visible_index().shape == (3, 5)
    assert (mask.hidden & valid).sum(1).tolist() == [5, 2, 0]
    assert (~mask.hidden & valid).sum(1).tolist() == [5, 2, 1]


def test_packed_tokens_share_the_ratio() -> None:
    mask = RandomMask(ratio=0.3).packed(10, mode="replace", generator=generator())
    assert mask.hidden.shape == (10,)
    assert mask.hidden.sum() == 3
    with pytest.raises(ValueError, match="block=1"):
        RandomMask(block=2).packed(10, mode="replace", generator=generator())


def test_a_single_cell_cannot_be_masked() -> None:
    with pytest.raises(ValueError, match="at least 2 cells of block=4"):
        RandomMask(block=4).check((4, 4), "replace")


@pytest.mark.parametrize("settings", [{"ratio": 0.0}, {"ratio": 1.0}, {"block": 0}])
def test_numbers_out_of_range_are_refused(settings: dict[str, float]) -> None:
    with pytest.raises(ValueError, match=f"{next(iter(settings))}: wanted"):
        RandomMask(**settings)  # type: ignore[arg-type]
