"""Pairs: members of several sources, instance by instance, some of them missing."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
import torch
from tests.core.data.data_toys import Excerpts, Numbers

from tacit.contract import Batch
from tacit.data import Draw, Member, Paired


class Letters(Excerpts):
    """The same rows, of another modality."""

    modalities = ("letter",)

    def fetch(self, indices: Sequence[int]) -> Batch:
        return renamed(super().fetch(indices))

    def fetch_random(self, indices: Sequence[int], draw: Draw) -> Batch:
        index = torch.tensor(indices)
        noise = torch.stack([torch.rand(3, generator=draw.generator(i)) for i in indices])
        return Batch(values={"letter": index[:, None] + noise}, index=index)


def renamed(batch: Batch) -> Batch:
    return Batch(values={"letter": batch.values["number"]}, index=batch.index)


def with_gaps() -> Paired:
    """Numbers for all of 6 instances, letters for the 2nd and the 5th."""
    places = torch.tensor([-1, 0, -1, -1, 1, -1])
    return Paired([Numbers(6), Member(source=Letters(2), places=places)])


def test_members_stand_in_rows_of_their_instance() -> None:
    batch = Paired([Numbers(6), Letters(6)]).fetch([4, 1])
    assert batch.values["number"][:, 0].tolist() == [4, 1]
    assert batch.values["letter"][:, 0].tolist() == [4, 1]
    assert batch.index.tolist() == [4, 1]
    assert batch.present == {}


def test_a_missing_member_has_a_row_that_is_marked() -> None:
    batch = with_gaps().fetch([0, 4, 1])
    assert batch.values["letter"].shape == (3, 3)
    assert batch.present["letter"].tolist() == [False, True, True]
    assert batch.values["letter"][1:, 0].tolist() == [1, 0]
    assert "number" not in batch.present


def test_what_is_missing_is_said() -> None:
    assert "2 of letter; 2 complete" in with_gaps().describe()
    assert with_gaps().complete() == 2


def test_members_that_draw_draw_by_their_own_position() -> None:
    draw = Draw(seed=1, epoch=0)
    once = with_gaps().fetch_random([4, 1], draw).values["letter"]
    again = with_gaps().fetch_random([1, 4, 0], draw).values["letter"]
    assert torch.equal(once[0], again[1])
    assert not torch.equal(once[0], Letters(2).fetch([1]).values["letter"][0])


def test_the_same_pairs_have_the_same_fingerprint_and_others_another() -> None:
    assert with_gaps().fingerprint() == with_gaps().fingerprint()
    shifted = Member(source=Letters(2), places=torch.tensor([0, -1, -1, -1, 1, -1]))
    assert Paired([Numbers(6), shifted]).fingerprint() != with_gaps().fingerprint()


def test_unequal_or_repeated_members_are_refused() -> None:
    with pytest.raises(ValueError, match=r"6 of number, 5 of letter.*Member"):
        Paired([Numbers(6), Letters(5)])
    with pytest.raises(ValueError, match="two or more different modalities"):
        Paired([Numbers(6), Numbers(6)])
    with pytest.raises(ValueError, match="places: wanted -1 to 1"):
        Member(source=Letters(2), places=torch.tensor([0, 2]))
