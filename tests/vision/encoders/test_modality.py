from __future__ import annotations

import pytest
import torch

from tacit.contract import Modality
from tacit_vision.modality import IMAGE, Image, Preprocessing


def image(channels: int = 3, height: int = 8, width: int = 8) -> torch.Tensor:
    return torch.randint(0, 256, (channels, height, width), dtype=torch.uint8)


def test_image_is_a_modality_under_the_name_encoders_declare() -> None:
    assert isinstance(IMAGE, Modality)
    assert (Image.name, Image.default_encoder) == ("image", "vision/vit")


def test_images_of_one_size_are_stacked_unchanged() -> None:
    images = [image(), image()]
    batch = IMAGE.collate(images)
    assert batch.dtype == torch.uint8
    assert torch.equal(batch[1], images[1])
    assert IMAGE.size(batch) == 2


def test_mixed_sizes_name_the_first_offenders_and_the_setting() -> None:
    with pytest.raises(ValueError, match=r"\(3, 8, 8\) at 0 and \(3, 8, 9\) at 2.*size="):
        IMAGE.collate([image(), image(), image(width=9), image(height=4)])


def test_mixed_channels_name_the_first_offenders_and_the_setting() -> None:
    with pytest.raises(ValueError, match=r"\(3, 8, 8\) at 0 and \(1, 8, 8\) at 1.*channels="):
        IMAGE.collate([image(), image(channels=1)])


def test_mixed_types_are_refused_instead_of_promoted() -> None:
    with pytest.raises(ValueError, match=r"torch\.uint8 at 0, torch\.float32 at 1"):
        IMAGE.collate([image(), image().float()])


@pytest.mark.parametrize(
    ("samples", "message"),
    [([], "got none"), ([torch.zeros(8, 8)], r"got \(8, 8\) at 0"), (["cat.png"], "got str at 0")],
)
def test_what_is_no_image_is_refused(samples: list[object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        IMAGE.collate(samples)


def test_raw_features_are_all_pixels_over_255() -> None:
    batch = IMAGE.collate([image(), image()])
    features = IMAGE.raw_features(batch)
    assert features.shape == (2, 3 * 8 * 8)
    assert torch.equal(features[1], batch[1].flatten().float() / 255)


def test_raw_features_of_a_view_are_its_numbers() -> None:
    view = torch.rand(2, 3, 4, 4)
    assert torch.equal(IMAGE.raw_features(view), view.flatten(1))


def test_views_of_different_sizes_are_not_concatenated() -> None:
    assert IMAGE.concatenate([torch.rand(2, 3, 8, 8), torch.rand(2, 3, 4, 4)]) is None
    joined = IMAGE.concatenate([torch.rand(2, 3, 8, 8), torch.rand(1, 3, 8, 8)])
    assert joined is not None
    assert joined.shape[0] == 3


def test_what_fits_the_encoder_is_let_through() -> None:
    value = IMAGE.collate([image()])
    IMAGE.fit(None, value)
    IMAGE.fit(Preprocessing(size=(8, 8)), value)
    IMAGE.fit(Preprocessing(size=None), value)


def test_another_size_is_refused_with_both_remedies() -> None:
    with pytest.raises(ValueError, match=r"32 x 32 pixels; got 8 x 8.*size=32.*size=8"):
        IMAGE.fit(Preprocessing(size=(32, 32)), IMAGE.collate([image()]))


def test_other_channels_are_refused_with_both_remedies() -> None:
    with pytest.raises(ValueError, match=r"3 channels; got 1.*channels=3.*channels=1"):
        IMAGE.fit(Preprocessing(), IMAGE.collate([image(channels=1)]))


def test_an_encoder_of_another_kind_is_refused() -> None:
    with pytest.raises(ValueError, match="got int"):
        IMAGE.fit(16_000, IMAGE.collate([image()]))


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"channels": 0}, "channels: wanted at least 1"),
        ({"size": (0, 8)}, "size: wanted"),
        ({"mean": (0.1, 0.2)}, "mean: wanted 1 number or 3"),
        ({"std": (0.0,)}, "std: wanted positive"),
    ],
)
def test_impossible_preprocessing_is_refused(settings: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Preprocessing(**settings)  # type: ignore[arg-type]
