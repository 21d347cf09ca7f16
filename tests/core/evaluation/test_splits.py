from __future__ import annotations

import pytest
import torch

from tacit.evaluation import grouped_split, random_split, stratified_split


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def everything(split: object) -> list[int]:
    return sorted(torch.cat([split.train, split.held_out]).tolist())  # type: ignore[attr-defined]


def test_every_position_is_in_exactly_one_part() -> None:
    labels = torch.arange(37) % 5
    groups = torch.arange(37) // 4
    assert everything(random_split(37, share=0.3, generator=seeded())) == list(range(37))
    assert everything(stratified_split(labels, share=0.3, generator=seeded())) == list(range(37))
    assert everything(grouped_split(groups, share=0.3, generator=seeded())) == list(range(37))


def test_stratified_split_keeps_the_share_of_every_class() -> None:
    labels = torch.tensor([0] * 50 + [1] * 30 + [2] * 20)[torch.randperm(100, generator=seeded(9))]
    split = stratified_split(labels, share=0.2, generator=seeded())
    assert labels[split.held_out].bincount().tolist() == [10, 6, 4]


def test_stratified_split_takes_missing_instances_from_the_largest_remainders() -> None:
    labels = torch.tensor([0] * 9 + [1] * 6 + [2] * 5)  # shares of 2.25, 1.5 and 1.25: 5 in all
    split = stratified_split(labels, share=0.25, generator=seeded())
    assert labels[split.held_out].bincount().tolist() == [2, 2, 1]


def test_a_class_never_gives_its_last_instance() -> None:
    labels = torch.tensor([0, 1, 2, 3, 3, 3, 3, 3])
    split = stratified_split(labels, share=0.5, generator=seeded())
    assert set(labels[split.train].tolist()) == {0, 1, 2, 3}
    with pytest.raises(ValueError, match="second instance to give"):
        stratified_split(torch.arange(8), share=0.5, generator=seeded())


def test_a_group_is_never_on_both_sides() -> None:
    groups = torch.tensor([7, 7, 7, 3, 3, 9, 9, 9, 9, 1, 1, 5])
    for seed in range(20):
        split = grouped_split(groups, share=0.3, generator=seeded(seed))
        assert not set(groups[split.train].tolist()) & set(groups[split.held_out].tolist())
        assert len(split.train)
        assert len(split.held_out)


def test_the_generator_alone_decides_the_split() -> None:
    labels = torch.arange(100) % 4
    first = stratified_split(labels, share=0.2, generator=seeded(1)).held_out
    torch.manual_seed(5)
    assert torch.equal(first, stratified_split(labels, share=0.2, generator=seeded(1)).held_out)
    assert not torch.equal(first, stratified_split(labels, share=0.2, generator=seeded(2)).held_out)


@pytest.mark.parametrize("share", [0.0, 1.0, 0.01, -1.0])
def test_an_empty_part_is_refused(share: float) -> None:
    with pytest.raises(ValueError, match="both parts"):
        random_split(10, share=share, generator=seeded())


def test_one_group_cannot_be_split() -> None:
    with pytest.raises(ValueError, match="at least two groups"):
        grouped_split(torch.zeros(10, dtype=torch.long), share=0.5, generator=seeded())
