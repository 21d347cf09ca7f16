from __future__ import annotations

import io
from pathlib import Path

import datasets
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch
from PIL import Image

from tacit.data import Loader, Source, recognise, sequential
from tacit_vision.data import Cache, Digits, Folder, Hub, HubConfig, Images, Parquet, ParquetConfig


def png(level: int) -> bytes:
    file = io.BytesIO()
    Image.fromarray(np.full((4, 4), level, dtype=np.uint8)).save(file, format="png")
    return file.getvalue()


def rows(count: int, column: str = "image", **columns: object) -> pa.Table:
    images = [{"bytes": png(level), "path": None} for level in range(count)]
    kind = pa.struct([("bytes", pa.binary()), ("path", pa.string())])
    return pa.table({column: pa.array(images, kind), **columns})


def labels(source: Images) -> torch.Tensor:
    found = source.labels()
    assert found is not None
    return found


def levels(source: Images) -> list[int]:
    batch = next(sequential(source, len(source)))
    values: list[int] = batch.values["image"][:, 0, 0, 0].tolist()
    return values


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "data.parquet"
    pq.write_table(rows(6, label=[1, 0, 1, 0, 1, 0], site=list("abcabc")), path)
    return path


@pytest.mark.parametrize("cache", ["memory", "off"])
def test_a_file_is_read_with_labels_and_groups(file: Path, cache: Cache) -> None:
    source = Parquet(ParquetConfig(path=file, group="site", cache=cache))
    assert levels(source) == [0, 1, 2, 3, 4, 5]
    batch = source.fetch([3, 1])
    assert batch.label is not None
    assert batch.group is not None
    assert (batch.label.tolist(), batch.group.tolist()) == ([0, 0], [0, 1])
    assert source.groups() is not None
    assert "2 classes" not in source.describe()  # plain numbers have no names


def test_class_names_come_from_the_features_or_the_words(tmp_path: Path) -> None:
    pq.write_table(rows(3, label=["dog", "cat", "dog"]), tmp_path / "words.parquet")
    words = Parquet(ParquetConfig(path=tmp_path / "words.parquet"))
    assert words.label_names == ("cat", "dog")
    assert labels(words).tolist() == [1, 0, 1]
    features = datasets.Features(
        {"image": datasets.Image(), "label": datasets.ClassLabel(names=["x", "y"])}
    )
    images = [Image.fromarray(np.full((4, 4), level, dtype=np.uint8)) for level in range(2)]
    made = datasets.Dataset.from_dict({"image": images, "label": [1, 0]}, features=features)
    made.to_parquet(tmp_path / "features.parquet")
    named = Parquet(ParquetConfig(path=tmp_path / "features.parquet"))
    assert named.label_names == ("x", "y")
    assert levels(named) == [0, 1]


def test_labels_that_are_measurements_stay_numbers(tmp_path: Path) -> None:
    pq.write_table(rows(2, age=[1.5, 2.5]), tmp_path / "a.parquet")
    ages = labels(Parquet(ParquetConfig(path=tmp_path / "a.parquet", label="age")))
    assert ages.dtype == torch.float32
    assert ages.tolist() == [1.5, 2.5]


def test_splits_are_told_by_file_names(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    pq.write_table(rows(2), tmp_path / "data" / "train-00000-of-00002.parquet")
    pq.write_table(rows(3), tmp_path / "data" / "train-00001-of-00002.parquet")
    pq.write_table(rows(4), tmp_path / "data" / "test.parquet")
    sizes = {
        split: len(Parquet(ParquetConfig(path=tmp_path, split=split)))
        for split in (None, "train", "test", "all")
    }
    assert sizes == {None: 5, "train": 5, "test": 4, "all": 9}
    with pytest.raises(ValueError, match="no split 'val'; there are: test, train"):
        Parquet(ParquetConfig(path=tmp_path, split="val"))
    (tmp_path / "data" / "train-00000-of-00002.parquet").unlink()
    (tmp_path / "data" / "train-00001-of-00002.parquet").rename(tmp_path / "data" / "dev.parquet")
    with pytest.raises(ValueError, match='name a split: dev, test, or "all"'):
        Parquet(ParquetConfig(path=tmp_path))


def test_arrow_files_of_datasets_are_read(tmp_path: Path) -> None:
    datasets.Dataset(rows(3, label=[0, 1, 2])).save_to_disk(tmp_path / "saved")
    source = Parquet(ParquetConfig(path=tmp_path / "saved"))
    assert levels(source) == [0, 1, 2]
    assert Parquet.recognises(str(tmp_path / "saved"))


def test_images_may_be_plain_bytes_or_paths(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(png(7))
    pq.write_table(pa.table({"photo": [str(tmp_path / "a.png")]}), tmp_path / "p.parquet")
    assert levels(Parquet(ParquetConfig(path=tmp_path / "p.parquet", image="photo"))) == [7]
    pq.write_table(pa.table({"photo": [png(8)]}), tmp_path / "b.parquet")
    assert levels(Parquet(ParquetConfig(path=tmp_path / "b.parquet", image="photo"))) == [8]


def test_a_table_travels_to_workers(file: Path) -> None:
    with Loader(Parquet(ParquetConfig(path=file, cache="off")), workers=2) as loader:
        batches = list(loader.sequential(4))
    assert torch.cat([b.values["image"][:, 0, 0, 0] for b in batches]).tolist() == list(range(6))


def test_wrong_columns_are_named_with_the_nearest(file: Path, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"no column 'lable'; did you mean 'label'\? \(columns: "):
        Parquet(ParquetConfig(path=file, label="lable"))
    pq.write_table(pa.table({"text": ["a"]}), tmp_path / "text.parquet")
    with pytest.raises(ValueError, match=r"no column of images; name it .*\(columns: text\)"):
        Parquet(ParquetConfig(path=tmp_path / "text.parquet"))
    both = rows(1).append_column("other", rows(1).column("image"))
    pq.write_table(both, tmp_path / "both.parquet")
    with pytest.raises(ValueError, match=r"several columns of images: \['image', 'other'\]"):
        Parquet(ParquetConfig(path=tmp_path / "both.parquet"))
    with pytest.raises(ValueError, match=r"column 'label' holds no images"):
        Parquet(ParquetConfig(path=file, image="label"))


def test_empty_cells_are_counted(tmp_path: Path) -> None:
    pq.write_table(rows(3, label=[0, None, None]), tmp_path / "a.parquet")
    with pytest.raises(ValueError, match=r"column 'label': 2 of 3 rows are empty"):
        Parquet(ParquetConfig(path=tmp_path / "a.parquet"))
    hole = pa.table({"image": pa.array([{"bytes": png(1), "path": None}, None])})
    pq.write_table(hole, tmp_path / "b.parquet")
    with pytest.raises(ValueError, match=r"1 of 2 images cannot be read:\n  row 1: empty cell"):
        Parquet(ParquetConfig(path=tmp_path / "b.parquet"))


def test_a_split_without_labels_has_none_and_says_so_when_asked(tmp_path: Path) -> None:
    features = datasets.Features(
        {"image": datasets.Image(), "label": datasets.ClassLabel(names=["x", "y"])}
    )
    cells = [{"bytes": png(0), "path": None}]
    made = datasets.Dataset.from_dict({"image": cells, "label": [-1]}, features=features)
    made.to_parquet(tmp_path / "a.parquet")
    assert Parquet(ParquetConfig(path=tmp_path / "a.parquet")).labels() is None
    with pytest.raises(ValueError, match="all of column 'label' is -1: there are no labels"):
        Parquet(ParquetConfig(path=tmp_path / "a.parquet", label="label"))


def test_missing_empty_and_broken_files_are_named(tmp_path: Path, file: Path) -> None:
    with pytest.raises(ValueError, match=r"no such file or folder: .*nowhere"):
        Parquet(ParquetConfig(path=tmp_path / "nowhere"))
    empty = tmp_path / "empty"
    empty.mkdir()
    with pytest.raises(ValueError, match=r"empty: no .parquet or .arrow files"):
        Parquet(ParquetConfig(path=empty))
    (tmp_path / "bad.parquet").write_text("not parquet at all")
    with pytest.raises(ValueError, match=r"bad.parquet: broken, or no parquet file"):
        Parquet(ParquetConfig(path=tmp_path / "bad.parquet"))
    content = bytearray(file.read_bytes())
    content[4:400] = bytes(396)
    file.write_bytes(content)
    with pytest.raises(ValueError, match=r"data.parquet: broken: "):
        Parquet(ParquetConfig(path=file))
    pq.write_table(rows(0), tmp_path / "none.parquet")
    with pytest.raises(ValueError, match="holds no images"):
        Parquet(ParquetConfig(path=tmp_path / "none.parquet"))


def test_files_with_other_columns_are_refused(tmp_path: Path) -> None:
    pq.write_table(rows(1), tmp_path / "a.parquet")
    pq.write_table(rows(1, label=[1]), tmp_path / "b.parquet")
    with pytest.raises(ValueError, match=r"b.parquet: other columns than a.parquet: image, label"):
        Parquet(ParquetConfig(path=tmp_path))


def test_the_hub_loads_what_datasets_loads(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path / "cache")
    (tmp_path / "named").mkdir()
    pq.write_table(rows(3, "img", label=[2, 1, 0]), tmp_path / "named" / "train-0.parquet")
    source = Hub(HubConfig(path=str(tmp_path / "named")))
    assert levels(source) == [0, 1, 2]
    assert labels(source).tolist() == [2, 1, 0]
    assert "named (train)" in source.describe()
    with pytest.raises(ValueError, match=r"cannot be loaded: .*test.* Check the name"):
        Hub(HubConfig(path=str(tmp_path / "named"), split="test"))


def test_a_bare_text_finds_its_source(tmp_path: Path, file: Path) -> None:
    sources: dict[str, type[Source]] = {
        "vision/digits": Digits,
        "vision/folder": Folder,
        "vision/hub": Hub,
        "vision/parquet": Parquet,
    }
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "a.png").write_bytes(png(1))
    assert recognise(str(file), sources) == "vision/parquet"
    assert recognise(str(tmp_path / "photos"), sources) == "vision/folder"
    assert recognise("owner/name", sources) == "vision/hub"
    with pytest.raises(ValueError, match="several sources can read it"):
        recognise(str(tmp_path), sources)
    with pytest.raises(ValueError, match="no such path"):
        recognise(str(tmp_path / "nowhere"), sources)
    pq.write_table(pa.table({"text": ["a"]}), tmp_path / "text.parquet")
    assert not Parquet.recognises(str(tmp_path / "text.parquet"))
