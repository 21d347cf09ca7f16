"""Audio values are put together, cut and moved as the core wants them."""

from __future__ import annotations

import pytest
import torch

from tacit.contract import Batch
from tacit_audio.modality import Audio
from tacit_audio.sound import Sound, join

AUDIO = Audio()


def test_clips_of_different_lengths_are_padded_and_the_lengths_kept() -> None:
    value = join([torch.ones(1, 5), torch.ones(1, 3)], 100)
    assert value.wave[:, 0].tolist() == [[1.0] * 5, [1.0] * 3 + [0.0] * 2]
    assert value.counts.tolist() == [5, 3]


def test_clips_of_one_length_need_no_lengths() -> None:
    assert join([torch.ones(1, 5), torch.ones(1, 5)], 100).lengths is None


def test_values_are_put_together_with_all_their_clips() -> None:
    parts = [join([torch.ones(1, 5)], 100), join([torch.ones(1, 3), torch.ones(1, 2)], 100)]
    value = AUDIO.collate(parts)
    assert AUDIO.size(value) == 3
    assert value.counts.tolist() == [5, 3, 2]


def test_values_of_different_rates_are_refused() -> None:
    parts = [join([torch.ones(1, 5)], rate) for rate in (100, 200)]
    assert AUDIO.concatenate(parts) is None
    with pytest.raises(ValueError, match="differ in"):
        AUDIO.collate(parts)


def test_mono_and_stereo_are_no_batch() -> None:
    with pytest.raises(ValueError, match="channels=1"):
        join([torch.ones(1, 5), torch.ones(2, 5)], 100)


def test_what_is_no_sound_is_refused() -> None:
    with pytest.raises(ValueError, match="wanted Sound values; got Tensor at 0"):
        AUDIO.collate([torch.ones(1, 5)])
    with pytest.raises(ValueError, match="at least one clip"):
        AUDIO.collate([])


def test_a_batch_of_recordings_is_split_for_accumulation() -> None:
    value = join([torch.full((1, n), float(n)) for n in (2, 3, 4, 5)], 100)
    first, second = Batch(values={"audio": value}, index=torch.arange(4)).split(2)
    assert first.values["audio"].counts.tolist() == [2, 3]
    assert second.values["audio"].counts.tolist() == [4, 5]


def test_the_data_decide_rate_and_channels() -> None:
    assert AUDIO.suggest(join([torch.ones(2, 5)], 100)) == {"rate": 100, "channels": 2}


def test_a_wrong_number_of_lengths_is_refused() -> None:
    # Where shapes are checked, as in tests, their checker is faster than the value's own message.
    with pytest.raises((ValueError, TypeError), match=r"one for each of 2 recordings|lengths"):
        Sound(wave=torch.ones(2, 1, 5), rate=100, lengths=torch.tensor([5]))
