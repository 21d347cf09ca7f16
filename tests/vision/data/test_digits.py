from __future__ import annotations

import sys
from importlib.machinery import ModuleSpec

import pytest
import torch
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

from tacit_vision.data import (
    Digits,
    DigitScenes,
    DigitScenesConfig,
    DigitsConfig,
    ImagesInMemory,
    digits,
)
from tacit_vision.data.digits import bundled_bytes, bundled_digits, digit_positions


@pytest.fixture(scope="module")
def train() -> DigitScenes:
    """Drawing scenes takes seconds."""
    return DigitScenes(DigitScenesConfig())


@pytest.fixture(scope="module")
def test() -> DigitScenes:
    return DigitScenes(DigitScenesConfig(split="test"))


@pytest.fixture(scope="module")
def copied() -> DigitScenes:
    """The test part, three of each digit."""
    return DigitScenes(DigitScenesConfig(split="test", copies=3))


def test_digits_come_as_grey_bytes_with_labels() -> None:
    source = Digits(DigitsConfig())
    batch = source.fetch([5, 0])
    image = batch.values["image"]
    assert (image.dtype, tuple(image.shape)) == (torch.uint8, (2, 1, 8, 8))
    assert image.max() == 255
    labels = source.labels()
    assert labels is not None
    assert batch.label is not None
    assert batch.label.tolist() == labels[[5, 0]].tolist()
    assert source.label_names == tuple("0123456789")
    assert source.describe() == "1,437 instances of image, 10 classes, 8 x 8 in grey"


def test_digits_and_photographs_are_scikit_learns_and_do_not_wait_for_its_import(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    data = load_digits()
    _, drawn = train_test_split(
        range(len(data.target)), test_size=360, stratify=data.target, random_state=0
    )
    bundled_digits.cache_clear()
    monkeypatch.setitem(sys.modules, "sklearn.datasets", None)  # an import of it would fail
    images, labels = bundled_digits()
    levels = torch.from_numpy(data.images)
    assert torch.equal(images[:, 0], (levels * (255 / 16)).round().to(torch.uint8))
    assert labels.tolist() == data.target.tolist()
    assert digit_positions("test").tolist() == sorted(drawn)
    assert len(DigitScenes(DigitScenesConfig(split="test"))) == 360


def test_files_are_found_too_where_scikit_learn_is_installed_without_folders(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    direct = bundled_bytes("images", "china.jpg")
    monkeypatch.setattr(digits, "find_spec", lambda name: ModuleSpec(name, None))
    assert bundled_bytes("images", "china.jpg") == direct


def test_digit_splits_are_fixed_disjoint_and_stratified() -> None:
    parts = {split: Digits(DigitsConfig(split=split)) for split in ("train", "test", "all")}
    assert {split: len(part) for split, part in parts.items()} == {
        "train": 1437,
        "test": 360,
        "all": 1797,
    }
    counts = {}
    for split, part in parts.items():
        labels = part.labels()
        assert labels is not None
        counts[split] = torch.bincount(labels)
    assert set(counts["test"].tolist()) <= {35, 36, 37}
    assert torch.equal(counts["train"] + counts["test"], counts["all"])
    assert parts["train"].fingerprint() == Digits(DigitsConfig()).fingerprint()
    assert len({part.fingerprint() for part in parts.values()}) == 3


def test_digits_are_enlarged_only_when_asked() -> None:
    image = Digits(DigitsConfig(split="test", size=32)).fetch([0]).values["image"]
    assert tuple(image.shape) == (1, 1, 32, 32)
    small = Digits(DigitsConfig(split="test")).fetch([0]).values["image"]
    assert abs(image.float().mean() - small.float().mean()) < 4
    with pytest.raises(ValueError, match="at least 8"):
        DigitsConfig(size=4)


def test_scenes_are_colour_and_the_same_every_time(train: DigitScenes, test: DigitScenes) -> None:
    again = DigitScenes(DigitScenesConfig(split="test"))
    image = test.fetch([0, 359]).values["image"]
    assert (image.dtype, tuple(image.shape)) == (torch.uint8, (2, 3, 32, 32))
    assert torch.equal(image, again.fetch([0, 359]).values["image"])
    assert (len(test), len(train)) == (360, 1437)


def test_copies_are_new_scenes_of_the_same_digit(test: DigitScenes, copied: DigitScenes) -> None:
    groups = copied.groups()
    assert groups is not None
    assert groups[:6].tolist() == [groups[0]] * 3 + [groups[3]] * 3
    batch = copied.fetch([0, 1, 2])
    images = batch.values["image"]
    assert torch.equal(images[0], test.fetch([0]).values["image"][0])
    assert not torch.equal(images[0], images[1])
    assert batch.label is not None
    assert len(set(batch.label.tolist())) == 1
    with pytest.raises(ValueError, match="copies: wanted at least 1"):
        DigitScenesConfig(copies=0)


def test_no_digit_is_in_both_parts_of_the_scenes(train: DigitScenes, copied: DigitScenes) -> None:
    learnt, held = train.groups(), copied.groups()
    assert learnt is not None
    assert held is not None
    assert not set(learnt.tolist()) & set(held.tolist())


def linear_accuracy(train: ImagesInMemory, test: ImagesInMemory) -> float:
    """Of ridge regression on raw pixels to the ten classes."""

    def read(source: ImagesInMemory) -> tuple[torch.Tensor, torch.Tensor]:
        batch = source.fetch(range(len(source)))
        pixels = batch.values["image"].flatten(1).double() / 255
        assert batch.label is not None
        return torch.cat([pixels, torch.ones(len(pixels), 1)], dim=1), batch.label

    (x, y), (x_test, y_test) = read(train), read(test)
    gram = x.T @ x + 10 * torch.eye(x.shape[1])
    weights = torch.linalg.solve(gram, x.T @ torch.nn.functional.one_hot(y).double())
    return float(((x_test @ weights).argmax(dim=1) == y_test).double().mean())


def test_raw_pixels_tell_digits_but_not_digits_in_scenes(
    train: DigitScenes, test: DigitScenes
) -> None:
    plain = Digits(DigitsConfig()), Digits(DigitsConfig(split="test"))
    assert linear_accuracy(*plain) > 0.9
    assert linear_accuracy(train, test) < 0.25


def test_images_in_memory_refuse_what_does_not_fit() -> None:
    images = torch.zeros(4, 2, 8, 8, dtype=torch.uint8)
    with pytest.raises(ValueError, match=r"1 or 3.*got \(4, 2, 8, 8\)"):
        ImagesInMemory(images)
    with pytest.raises(ValueError, match="labels: wanted one for each of 4 images; got 3"):
        ImagesInMemory(images[:, :1], labels=torch.zeros(3))
