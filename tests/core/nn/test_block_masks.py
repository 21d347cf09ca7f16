"""Blocks, spans, tubes, disjoint masks and targets apart from their context keep their promises."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from tacit.contract import MaskMode
from tacit.nn import (
    BlockMask,
    DisjointMask,
    MaskConfig,
    MultiBlockMask,
    RandomMask,
    SpanMask,
    SubsetMask,
    TubeMask,
)

GRIDS: list[tuple[MaskConfig, tuple[int, ...]]] = [
    (RandomMask(), (6, 6)),
    (BlockMask(ratio=0.7, sides=(0.1, 0.3)), (8, 8)),
    (BlockMask(ratio=0.4), (50,)),
    (BlockMask(ratio=0.5), (4, 6, 5)),
    (SpanMask(length=5), (50,)),
    (TubeMask(), (3, 4, 5)),
    (TubeMask(axis=1, ratio=0.5), (4, 9)),
    (DisjointMask(), (8, 8)),
    (DisjointMask(ratio=0.5, block=2), (8, 4)),
    (MultiBlockMask(), (8, 8)),
    (MultiBlockMask(), (40,)),
    (SubsetMask(), (13,)),
]
every = pytest.mark.parametrize(("sampler", "grid"), GRIDS, ids=lambda value: str(value)[:40])


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def sides(ends: Tensor) -> int:
    """Runs of hidden tokens in a row."""
    padded = torch.nn.functional.pad(ends.int(), (1, 1))
    return int((padded.diff() == 1).sum())


@every
def test_every_row_hides_the_same_number_and_the_mask_says_which(
    sampler: MaskConfig, grid: tuple[int, ...]
) -> None:
    for hiding in sampler.hidings(40, grid, mode="drop", generator=generator()):
        assert hiding.mask.hidden.shape == (40, torch.tensor(grid).prod())
        assert set(hiding.mask.hidden.sum(1).tolist()) == {hiding.mask.hidden_per_row}
        assert 0 < hiding.mask.hidden_per_row < hiding.mask.hidden.shape[1]  # type: ignore[operator]


@every
def test_only_hidden_tokens_are_asked_for_and_in_every_row_some(
    sampler: MaskConfig, grid: tuple[int, ...]
) -> None:
    for hiding in sampler.hidings(40, grid, mode="drop", generator=generator()):
        assert not (hiding.asked & ~hiding.mask.hidden).any()
        assert hiding.asked.any(1).all()


@every
def test_rows_differ_and_the_generator_alone_decides(
    sampler: MaskConfig, grid: tuple[int, ...]
) -> None:
    def sample(seed: int) -> Tensor:
        torch.manual_seed(seed + 100)
        return sampler(8, grid, mode="replace", generator=generator(seed)).hidden

    assert torch.equal(sample(1), sample(1))
    assert not torch.equal(sample(1), sample(2))
    assert len({tuple(row.tolist()) for row in sample(1)}) > 1


@every
def test_a_sampler_of_grids_says_so_of_packed_tokens(
    sampler: MaskConfig, grid: tuple[int, ...]
) -> None:
    if sampler.packs:
        hidden = sampler.packed(40, mode="replace", generator=generator()).hidden
        assert hidden.shape == (40,)
        assert 0 < hidden.sum() < 40
        return
    with pytest.raises(ValueError, match="wanted kind='random' or 'block'"):
        sampler.packed(9, mode="replace", generator=generator())


def test_blocks_hide_neighbours_together() -> None:
    block = BlockMask(ratio=0.5, sides=(0.3, 0.5))(200, (30,), mode="drop", generator=generator())
    one_by_one = RandomMask(ratio=0.5)(200, (30,), mode="drop", generator=generator())
    runs = [sum(sides(row) for row in mask.hidden) / 200 for mask in (block, one_by_one)]
    assert runs[0] < 3 < 6 < runs[1]
    assert set(block.hidden.sum(1).tolist()) == {15}


def test_a_single_block_is_a_rectangle() -> None:
    hidden = BlockMask(ratio=0.25, sides=(0.5, 0.5))(
        400, (8, 8), mode="drop", generator=generator()
    ).hidden.view(400, 8, 8)
    for row in hidden:
        down, across = row.any(1), row.any(0)
        assert int(down.sum()) == int(across.sum()) == 4
        assert torch.equal(row, down[:, None] & across[None, :])
    assert hidden.any(0).all(), "blocks lie everywhere"


def test_spans_have_their_length_where_they_do_not_meet() -> None:
    hidden = SpanMask(ratio=0.1, length=10)(60, (100,), mode="drop", generator=generator()).hidden
    assert all(sides(row) == 1 for row in hidden)
    assert set(hidden.sum(1).tolist()) == {10}


@pytest.mark.parametrize("sampler", [SpanMask(ratio=0.5, length=8), BlockMask(ratio=0.5)])
def test_padded_rows_hide_their_own_share_together_and_no_padding(sampler: MaskConfig) -> None:
    valid = torch.arange(40) < torch.tensor([[40], [20], [6], [1]])
    mask = sampler(4, (40,), mode="replace", generator=generator(), valid=valid)
    assert mask.hidden.sum(1).tolist() == [20, 10, 3, 0]
    assert not (mask.hidden & ~valid).any()
    assert max(sides(row) for row in mask.hidden) <= 4


@pytest.mark.parametrize(
    "sampler", [SpanMask(ratio=0.5, length=8), BlockMask(ratio=0.5), RandomMask(ratio=0.5)]
)
def test_padded_rows_keep_equally_many_tokens_where_the_hidden_are_dropped(
    sampler: MaskConfig,
) -> None:
    valid = torch.arange(40) < torch.tensor([[40], [20], [6], [1]])
    mask = sampler(4, (40,), mode="drop", generator=generator(), valid=valid)
    assert mask.hidden.sum(1).tolist() == [20] * 4
    assert mask.hidden_per_row == 20
    assert (~mask.hidden & valid).sum(1).tolist() == [20, 10, 3, 1]


def test_blocks_of_a_padded_row_have_their_share_of_its_own_length() -> None:
    valid = (torch.arange(60) < 20).repeat(300, 1)
    block = BlockMask(ratio=0.25, sides=(0.25, 0.25))
    hidden = block(300, (60,), mode="replace", generator=generator(), valid=valid).hidden
    assert all(sides(row) == 1 for row in hidden)
    assert set(hidden.sum(1).tolist()) == {5}
    assert hidden.any(0).tolist() == [True] * 20 + [False] * 40


@pytest.mark.parametrize("mode", ["drop", "replace"])
def test_what_is_asked_of_padded_rows_is_hidden_and_no_padding(mode: MaskMode) -> None:
    valid = torch.arange(60) < torch.tensor([[60], [30], [9]])
    sampler = MultiBlockMask(kept=0.3)
    (task,) = sampler.hidings(3, (60,), mode=mode, generator=generator(), valid=valid)
    assert not (task.asked & ~(task.mask.hidden & valid)).any()
    assert task.asked.any(1).all()
    assert (~task.mask.hidden & valid).sum(1).tolist() == [18, 9, 3]
    if mode == "drop":
        assert task.mask.hidden.sum(1).tolist() == [42] * 3


def test_padded_rows_have_one_axis() -> None:
    valid = torch.ones(2, 16, dtype=torch.bool)
    for sampler in (BlockMask(), MultiBlockMask()):
        with pytest.raises(ValueError, match="lie in a line; got 4 x 4"):
            sampler.hidings(2, (4, 4), mode="replace", generator=generator(), valid=valid)


def test_tubes_run_all_along_their_axis() -> None:
    hidden = TubeMask(ratio=0.5)(9, (4, 3, 5), mode="drop", generator=generator()).hidden
    hidden = hidden.view(9, 4, 3, 5)
    assert torch.equal(hidden.all(1), hidden.any(1))
    bands = TubeMask(ratio=0.5, axis=1)(9, (6, 7), mode="drop", generator=generator()).hidden
    assert set(bands.view(9, 6, 7).sum(2).unique().tolist()) == {0, 7}


@pytest.mark.parametrize(("ratio", "masks"), [(0.5, 2), (0.6, 2), (0.25, 4), (0.4, 3)])
def test_disjoint_masks_together_hide_everything_and_as_little_twice_as_can_be(
    ratio: float, masks: int
) -> None:
    sampler = DisjointMask(ratio=ratio, masks=masks)
    hidings = sampler.hidings(30, (6, 6), mode="drop", generator=generator())
    alone = sampler(30, (6, 6), mode="drop", generator=generator())
    assert torch.equal(alone.hidden, hidings[0].mask.hidden)
    assert alone.hidden_per_row is not None
    times = torch.stack([hiding.mask.hidden for hiding in hidings]).sum(0)
    assert times.min() == 1
    assert set(times.sum(1).tolist()) == {masks * alone.hidden_per_row}
    assert times.max() == (1 if ratio * masks == 1 else 2)


def test_context_and_targets_of_blocks_are_apart_and_the_context_is_of_one_size() -> None:
    sampler = MultiBlockMask(kept=0.3)
    (hiding,) = sampler.hidings(300, (8, 8), mode="drop", generator=generator())
    assert hiding.mask.visible_index().shape == (300, 20)
    share = hiding.asked.double().mean()
    assert 0.35 < share < 0.6  # four blocks of 0.15 to 0.2, which overlap
    assert hiding.asked.any(0).all()


def test_subsets_are_apart_and_of_the_sizes_set() -> None:
    (hiding,) = SubsetMask(kept=0.4, asked=0.3).hidings(
        50, (10,), mode="drop", generator=generator()
    )
    assert set((~hiding.mask.hidden).sum(1).tolist()) == {4}
    assert set(hiding.asked.sum(1).tolist()) == {3}


def test_what_cannot_be_masked_is_refused() -> None:
    with pytest.raises(ValueError, match="need a line of more tokens; got 4 x 4"):
        SpanMask().check((4, 4), "drop")
    with pytest.raises(ValueError, match="need it and another; the tokens lie 9"):
        TubeMask().check((9,), "drop")
    with pytest.raises(ValueError, match="divides the grid, 5 x 4; got 2"):
        DisjointMask(block=2).check((5, 4), "drop")
    for made in (
        lambda: BlockMask(sides=(0.5, 0.2)),
        lambda: MultiBlockMask(share=(0.0, 0.1)),
        lambda: SubsetMask(kept=0.6, asked=0.6),
        lambda: DisjointMask(masks=1),
        lambda: SpanMask(length=0),
        lambda: TubeMask(axis=-1),
        lambda: MultiBlockMask(aspect=(2.0, 1.0)),
        lambda: MultiBlockMask(blocks=0),
    ):
        with pytest.raises(ValueError, match="wanted"):
            made()
