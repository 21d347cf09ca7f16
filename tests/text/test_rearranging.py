"""Texts whose tokens change places, make room for others, or leave."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from tacit_text.objectives.rearranging import shuffled_near, swapped, with_room, without_repeats
from tacit_text.subwords import Subwords

PAD, CLASS, END = 0, 1, 2


def subwords_of(*lengths: int) -> Subwords:
    """Rows of a class token, as many tokens that are all different, and an end token."""
    width = max(lengths) + 2
    ids = torch.full((len(lengths), width), PAD)
    for row, length in enumerate(lengths):
        tokens = torch.arange(10 * (row + 1), 10 * (row + 1) + length)
        ids[row, : length + 2] = torch.cat([torch.tensor([CLASS]), tokens, torch.tensor([END])])
    content = ids > END
    words = torch.where(content, content.cumsum(1) - 1, 0)
    return Subwords(ids=ids, attended=ids != PAD, content=content, words=words)


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def test_swapped_tokens_stay_among_the_chosen_places() -> None:
    ids = subwords_of(8, 6, 1).ids
    chosen = torch.zeros_like(ids, dtype=torch.bool)
    chosen[0, [1, 3, 4, 8]] = True
    chosen[1, 2] = True
    changed = swapped(ids, chosen, seeded())
    assert torch.equal(changed[~chosen], ids[~chosen])
    assert torch.equal(changed[0, chosen[0]].sort().values, ids[0, chosen[0]])
    assert torch.equal(changed[1:], ids[1:])


def test_every_order_of_swapped_tokens_is_as_likely() -> None:
    ids = torch.tensor([[5, 6, 7, 8]]).expand(6000, 4)
    chosen = torch.tensor([[True, False, True, True]]).expand(6000, 4)
    orders = swapped(ids, chosen, seeded())[:, [0, 2, 3]]
    _, counts = orders.unique(dim=0, return_counts=True)
    assert len(counts) == 6
    assert ((counts - 1000).abs() < 120).all()  # four deviations


def test_runs_of_three_are_shuffled_whole_and_as_often_as_asked() -> None:
    tokens = 302
    ids = torch.arange(tokens).expand(40, tokens)
    free = torch.ones_like(ids, dtype=torch.bool)
    free[:, [0, 100, tokens - 1]] = False
    changed = shuffled_near(ids, free, 0.05, seeded())
    assert torch.equal(changed[~free], ids[~free])
    assert (changed - ids).abs().max() == 2
    moved = (changed != ids).double().mean()
    # A token of a shuffled run of three moves with probability 2/3.
    assert moved == pytest.approx(0.05 * 3 * 2 / 3, abs=0.01)
    assert torch.equal(shuffled_near(ids, free, 0.0, seeded()), ids)


def test_the_first_of_a_run_of_hidden_tokens_stays() -> None:
    subwords = subwords_of(6, 3)
    hidden = torch.zeros_like(subwords.content)
    hidden[0, [1, 2, 3, 5]] = True
    hidden[1, 3] = True
    left, masks = without_repeats(subwords, hidden, pad=PAD)
    assert left.ids.tolist() == [[1, 10, 13, 14, 15, 2, 0, 0], [1, 20, 21, 22, 2, 0, 0, 0]]
    assert [row.nonzero().flatten().tolist() for row in masks] == [[1, 3], [3]]
    assert torch.equal(left.attended, left.ids != PAD)
    assert torch.equal(left.content, left.ids > END)
    assert left.words[0].tolist() == [0, 0, 3, 4, 5, 0, 0, 0]


def test_new_places_are_as_many_as_asked_and_the_text_stays_around_them() -> None:
    subwords = subwords_of(9, 4, 1)
    longer, new = with_room(subwords, 0.3, longest=50, pad=PAD, generator=seeded())
    assert new.sum(1).tolist() == [3, 2, 1]
    for row in range(3):
        kept = longer.attended[row] & ~new[row]
        assert torch.equal(longer.ids[row][kept], subwords.ids[row][subwords.attended[row]])
        assert longer.ids[row][0] == CLASS
    assert torch.equal(longer.content & ~new, (longer.ids > END) & ~new)
    assert (longer.content & longer.attended)[new].all()
    assert (longer.ids[~longer.attended] == PAD).all()


def test_a_text_that_gets_too_long_loses_its_last_tokens_and_keeps_its_end() -> None:
    subwords = subwords_of(8, 3)
    longer, new = with_room(subwords, 0.3, longest=10, pad=PAD, generator=seeded(1))
    assert longer.ids.shape == (2, 10)
    assert new.sum(1).tolist() == [3, 1]
    full = longer.ids[0][~new[0]]
    assert full.tolist() == [CLASS, 10, 11, 12, 13, 14, END]
    assert longer.attended[0].all()
    assert longer.attended[1].sum() == 6


def test_new_places_come_before_any_token_of_the_text() -> None:
    many = subwords_of(*[5] * 400)
    longer, new = with_room(many, 0.2, longest=50, pad=PAD, generator=seeded())
    places: Tensor = new.nonzero()[:, 1]
    assert longer.ids.shape[1] == 9  # seven, and a fifth of them rounded up
    assert sorted(set(places.tolist())) == [1, 2, 3, 4, 5]
    assert places.bincount()[1:].min() > 50
