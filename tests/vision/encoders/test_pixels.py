from __future__ import annotations

import pytest
import torch

from tacit_vision.encoders.normalise import Normalise
from tacit_vision.modality import Preprocessing
from tacit_vision.pixels import patches, unit


def test_bytes_and_their_floats_are_the_same_input() -> None:
    bytes_ = torch.randint(0, 256, (2, 3, 8, 8), dtype=torch.uint8)
    normalise = Normalise(Preprocessing(mean=(0.1, 0.2, 0.3), std=(0.5, 0.4, 0.3)))
    both = [normalise(value, torch.float32) for value in (bytes_, bytes_.float() / 255)]
    assert torch.equal(*both)
    expected = (bytes_[:, 2] / 255 - 0.3) / 0.3
    torch.testing.assert_close(both[0][:, 2], expected)


def test_a_scale_that_cannot_be_known_is_refused() -> None:
    with pytest.raises(ValueError, match=r"got torch\.int64"):
        unit(torch.zeros(1, 3, 8, 8, dtype=torch.int64))


def test_other_channels_are_refused() -> None:
    with pytest.raises(ValueError, match=r"wanted \(batch, 3, height, width\); got \(1, 1, 8, 8\)"):
        Normalise(Preprocessing())(torch.rand(1, 1, 8, 8), torch.float32)


def test_normalisation_is_no_part_of_the_weights() -> None:
    assert not Normalise(Preprocessing()).state_dict()


def test_patches_go_row_by_row_and_end_in_channels() -> None:
    images = torch.rand(2, 3, 4, 6)
    cut = patches(images, (2, 3))
    assert cut.shape == (2, 4, 2 * 3 * 3)
    last = images[1, :, 2:4, 3:6].permute(1, 2, 0).flatten()
    assert torch.equal(cut[1, 3], last)
