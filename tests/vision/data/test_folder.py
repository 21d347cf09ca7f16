from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from tacit.data import Loader, sequential
from tacit_vision.data import Cache, Folder, FolderConfig


def save(path: Path, level: int, *, size: tuple[int, int] = (8, 8), mode: str = "RGB") -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    grey = Image.fromarray(np.full(size, level, dtype=np.uint8))
    (grey if mode == "L" else grey.convert(mode)).save(path)


def truncate(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-100])


def noisy(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = np.random.default_rng(0).integers(0, 255, (32, 32, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(path)


@pytest.fixture
def animals(tmp_path: Path) -> Path:
    for position, name in enumerate(["cat/a", "cat/b", "dog/x/c", "dog/d"]):
        save(tmp_path / f"{name}.png", 50 * position)
    (tmp_path / "notes.txt").write_text("not an image")
    (tmp_path / ".hidden.png").write_text("not looked at")
    return tmp_path


@pytest.mark.parametrize("cache", ["memory", "off"])
def test_class_folders_are_labels(animals: Path, cache: Cache) -> None:
    source = Folder(FolderConfig(path=animals, cache=cache))
    assert source.label_names == ("cat", "dog")
    batch = next(sequential(source, 4))
    assert batch.label is not None
    assert batch.label.tolist() == [0, 0, 1, 1]
    assert tuple(batch.values["image"].shape) == (4, 3, 8, 8)
    assert batch.values["image"][:, 0, 0, 0].tolist() == [0, 50, 150, 100]  # dog/d before dog/x/c
    assert source.decodes is (cache == "off")
    assert "from " + str(animals) in source.describe()


def test_cached_and_decoded_images_are_the_same_in_workers_too(animals: Path) -> None:
    cached = list(sequential(Folder(FolderConfig(path=animals, size=6)), 2))
    with Loader(Folder(FolderConfig(path=animals, size=6, cache="off")), workers=2) as loader:
        decoded = list(loader.sequential(2))
    for one, other in zip(cached, decoded, strict=True):
        assert torch.equal(one.values["image"], other.values["image"])


def test_a_flat_folder_has_no_labels(tmp_path: Path) -> None:
    save(tmp_path / "a.png", 1, mode="L")
    source = Folder(FolderConfig(path=tmp_path))
    assert source.labels() is None
    assert tuple(source.fetch([0]).values["image"].shape) == (1, 1, 8, 8)
    with pytest.raises(ValueError, match=r"1 of 1 images lie in no class folder, the first is a"):
        Folder(FolderConfig(path=tmp_path, label="folder"))


def test_labels_can_be_left_off(animals: Path) -> None:
    assert Folder(FolderConfig(path=animals, label="off")).labels() is None


def test_subfolders_named_like_splits_are_splits(tmp_path: Path) -> None:
    for split, count in (("train", 3), ("test", 2)):
        for position in range(count):
            save(tmp_path / split / "cat" / f"{position}.png", position)
    sizes = {
        split: len(Folder(FolderConfig(path=tmp_path, split=split)))
        for split in (None, "train", "test", "all")
    }
    assert sizes == {None: 3, "train": 3, "test": 2, "all": 5}
    assert Folder(FolderConfig(path=tmp_path)).label_names == ("cat",)
    with pytest.raises(ValueError, match=r"no split 'dev'; there are: test, train"):
        Folder(FolderConfig(path=tmp_path, split="dev"))


def test_a_missing_path_is_named(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"path: no such folder: .*nowhere"):
        Folder(FolderConfig(path=tmp_path / "nowhere"))


def test_a_folder_without_images_says_what_it_holds(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"no image files. Wanted .bmp"):
        Folder(FolderConfig(path=tmp_path))
    (tmp_path / "a.npy").write_text("")
    with pytest.raises(ValueError, match=r"no image files \(found 1 .npy\)"):
        Folder(FolderConfig(path=tmp_path))


def test_a_folder_of_unreadable_images_is_refused(tmp_path: Path) -> None:
    for name in "ab":
        (tmp_path / f"{name}.jpg").write_text("no image")
    with pytest.raises(ValueError, match=r"none of the 2 images can be read:\n  .*a.jpg: not an"):
        Folder(FolderConfig(path=tmp_path, on_error="skip"))


@pytest.mark.parametrize("cache", ["memory", "off"])
@pytest.mark.parametrize("suffix", ["png", "jpg", "bmp"])
def test_truncated_images_are_found_on_opening(tmp_path: Path, cache: Cache, suffix: str) -> None:
    for name in "abc":
        noisy(tmp_path / f"{name}.{suffix}")
    truncate(tmp_path / f"b.{suffix}")
    with pytest.raises(ValueError, match=rf"1 of 3 images cannot be read:\n  .*b.{suffix}: "):
        Folder(FolderConfig(path=tmp_path, cache=cache))
    with pytest.warns(UserWarning, match="left out 1 of 3 images"):
        source = Folder(FolderConfig(path=tmp_path, cache=cache, on_error="skip"))
    assert len(source) == 2
    assert len(source.skipped) == 1
    assert "1 skipped" in source.describe()
    assert len(next(sequential(source, 2))) == 2


def test_damage_that_headers_do_not_show_is_found_when_decoding_once(tmp_path: Path) -> None:
    for name in "abc":
        noisy(tmp_path / f"{name}.png")
    content = bytearray((tmp_path / "b.png").read_bytes())
    content[200:900] = bytes(700)
    (tmp_path / "b.png").write_bytes(content)
    with pytest.raises(ValueError, match=r"1 of 3 images cannot be read:\n  .*b.png"):
        Folder(FolderConfig(path=tmp_path))
    with pytest.warns(UserWarning, match="left out 1 of 3"):
        source = Folder(FolderConfig(path=tmp_path, on_error="skip"))
    assert tuple(source.fetch([0, 1]).values["image"].shape) == (2, 3, 32, 32)
    decoding = Folder(FolderConfig(path=tmp_path, cache="off"))
    with pytest.raises(ValueError, match=r"b.png: .*; mend or remove it"):
        list(sequential(decoding, 3))


def test_mixed_sizes_need_a_size(tmp_path: Path) -> None:
    save(tmp_path / "a.png", 1)
    save(tmp_path / "b.png", 1, size=(8, 16))
    with pytest.raises(ValueError, match=r"differ in size: 1 8 x 8 \(.*a.png\); 1 8 x 16 .*size="):
        Folder(FolderConfig(path=tmp_path))
    image = Folder(FolderConfig(path=tmp_path, size=4)).fetch([0, 1]).values["image"]
    assert tuple(image.shape) == (2, 3, 4, 4)


def test_crop_keeps_proportions_and_stretch_does_not(tmp_path: Path) -> None:
    half = np.zeros((8, 16), dtype=np.uint8)
    half[:, 12:] = 255  # outside the central square
    Image.fromarray(half).save(tmp_path / "a.png")
    crop = Folder(FolderConfig(path=tmp_path, size=8)).fetch([0]).values["image"]
    stretch = Folder(FolderConfig(path=tmp_path, size=8, resize="stretch")).fetch([0])
    assert crop.max() == 0
    assert stretch.values["image"].max() == 255
    with pytest.raises(ValueError, match="resize='crop' has no effect without size"):
        FolderConfig(path=tmp_path, resize="crop")


def test_mixed_channels_need_a_number(tmp_path: Path) -> None:
    save(tmp_path / "a.png", 9)
    save(tmp_path / "b.png", 9, mode="L")
    save(tmp_path / "c.png", 9)
    with pytest.raises(ValueError, match=r"got 2 RGB \(.*a.png\); 1 L \(.*b.png\). Set channels=1"):
        Folder(FolderConfig(path=tmp_path))
    for channels in (1, 3):
        image = Folder(FolderConfig(path=tmp_path, channels=channels)).fetch([0, 1, 2])
        assert image.values["image"].shape[1] == channels
        assert (image.values["image"] == 9).all()


@pytest.mark.parametrize("mode", ["RGBA", "P", "LA", "1"])
def test_other_kinds_of_pixels_are_converted_only_when_told(tmp_path: Path, mode: str) -> None:
    save(tmp_path / "a.png", 255, mode=mode)
    with pytest.raises(ValueError, match=rf"1 {mode} .*Set channels"):
        Folder(FolderConfig(path=tmp_path))
    image = Folder(FolderConfig(path=tmp_path, channels=3)).fetch([0]).values["image"]
    assert (image == 255).all()


def test_deep_images_are_refused_rather_than_clipped(tmp_path: Path) -> None:
    Image.fromarray(np.full((8, 8), 40_000, dtype=np.uint16)).save(tmp_path / "a.png")
    with pytest.raises(ValueError, match="more than 8 bits a channel"):
        Folder(FolderConfig(path=tmp_path, channels=1))


def test_images_are_turned_upright(tmp_path: Path) -> None:
    wide = np.zeros((4, 8), dtype=np.uint8)
    wide[:, :2] = 255
    tags = Image.Exif()
    tags[0x0112] = 6  # turned by 90 degrees
    Image.fromarray(wide).save(tmp_path / "a.png", exif=tags)
    image = Folder(FolderConfig(path=tmp_path)).fetch([0]).values["image"][0, 0]
    assert tuple(image.shape) == (8, 4)
    assert (image[:2] == 255).all()
    assert (image[2:] == 0).all()


def test_a_limit_is_a_fixed_choice(tmp_path: Path) -> None:
    for position in range(9):
        save(tmp_path / f"{position}.png", position, mode="L")
    source = Folder(FolderConfig(path=tmp_path, limit=4))
    levels = source.fetch(range(4)).values["image"][:, 0, 0, 0].tolist()
    assert levels == sorted(levels)
    assert levels != [0, 1, 2, 3]
    again = Folder(FolderConfig(path=tmp_path, limit=4, cache="off")).fetch(range(4))
    assert again.values["image"][:, 0, 0, 0].tolist() == levels
    with pytest.raises(ValueError, match="limit: wanted at most the 9 images; got 10"):
        Folder(FolderConfig(path=tmp_path, limit=10))
    with pytest.raises(ValueError, match="limit: wanted at least 1"):
        FolderConfig(path=tmp_path, limit=0)


def test_the_fingerprint_follows_content_and_reading_not_place(animals: Path) -> None:
    first = Folder(FolderConfig(path=animals)).fingerprint()
    assert Folder(FolderConfig(path=animals, cache="off")).fingerprint() == first
    moved = animals.parent / "moved"
    animals.rename(moved)
    assert Folder(FolderConfig(path=moved)).fingerprint() == first
    assert Folder(FolderConfig(path=moved, size=4)).fingerprint() != first
    save(moved / "cat" / "a.png", 99)
    assert Folder(FolderConfig(path=moved)).fingerprint() != first


def test_a_folder_of_images_is_recognised(animals: Path) -> None:
    assert Folder.recognises(str(animals))
    assert not Folder.recognises(str(animals / "notes.txt"))
    assert not Folder.recognises(str(animals / "nowhere"))
