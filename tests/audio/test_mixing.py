"""Recordings mix as sounds do: added, and as long as the longer of the two."""

from __future__ import annotations

import pytest
import torch

from tacit_audio.modality import Audio
from tacit_audio.sound import Sound, join

QUARTER = torch.tensor(0.25)


def test_waves_are_added_by_their_shares() -> None:
    value = Sound(wave=torch.ones(2, 1, 3), rate=8)
    other = Sound(wave=torch.tensor([[[4.0, 4, 4]], [[8.0, 8, 8]]]), rate=8)
    mixed = Audio().mix(value, other, order=torch.tensor([1, 0]), share=QUARTER)
    torch.testing.assert_close(mixed.wave[:, 0, 0], torch.tensor([6.25, 3.25]))
    assert mixed.lengths is None


def test_padding_is_not_heard_and_the_longer_decides_the_length() -> None:
    value = join([torch.ones(1, 2), torch.ones(1, 5)], 8)
    spoilt = value.wave.clone()
    spoilt[0, :, 2:] = 9.0
    value = Sound(wave=spoilt, rate=8, lengths=value.lengths)
    other = join([torch.ones(1, 3), torch.ones(1, 1)], 8)
    mixed = Audio().mix(value, other, order=torch.tensor([0, 1]), share=QUARTER)
    assert mixed.lengths is not None
    assert mixed.lengths.tolist() == [3, 5]
    torch.testing.assert_close(mixed.wave[0, 0], torch.tensor([1, 1, 0.75, 0, 0]))
    torch.testing.assert_close(mixed.wave[1, 0], torch.tensor([1, 0.25, 0.25, 0.25, 0.25]))


def test_recordings_of_different_rates_are_refused() -> None:
    value, other = (Sound(wave=torch.ones(1, 1, 3), rate=rate) for rate in (8, 16))
    with pytest.raises(ValueError, match=r"one .rate, channels. to mix"):
        Audio().mix(value, other, order=torch.tensor([0]), share=QUARTER)
