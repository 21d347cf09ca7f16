"""Columns of one table, each read by its own plugin, joined by the core."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as parquet
import pytest
import torch
from PIL import Image

from tacit.data import Pairs, PairsConfig

COLOURS = {"red": (220, 30, 30), "green": (30, 200, 60), "blue": (30, 60, 220)}


def square(level: tuple[int, int, int], seed: int) -> bytes:
    noise = np.random.default_rng(seed).integers(-25, 25, (16, 16, 3))
    pixels = np.clip(np.array(level) + noise, 0, 255).astype(np.uint8)
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, format="PNG")
    return file.getvalue()


def rows(count: int) -> dict[str, list[Any]]:
    names = [list(COLOURS)[i % 3] for i in range(count)]
    return {
        "photo": [square(COLOURS[name], i) for i, name in enumerate(names)],
        "title": [f"a {name} square number {i}" for i, name in enumerate(names)],
        "colour": names,
    }


def write(path: Path, columns: dict[str, list[Any]]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    parquet.write_table(pa.table(columns), path)
    return path


def config(path: Path, **others: Any) -> PairsConfig:
    return PairsConfig(path=path, columns={"image": "photo", "text": "title"}, **others)


def test_each_column_is_read_by_its_modalitys_plugin(tmp_path: Path) -> None:
    source = Pairs(config(write(tmp_path / "t.parquet", rows(6)), label="colour"))
    batch = source.fetch([4, 1])
    assert batch.values["image"].shape == (2, 3, 16, 16)
    assert list(batch.values["text"]) == ["a green square number 4", "a green square number 1"]
    assert source.label_names == ("blue", "green", "red")
    assert source.modalities == ("image", "text")
    assert len(source) == 6


def test_an_empty_cell_is_a_missing_member(tmp_path: Path) -> None:
    columns = rows(6)
    columns["photo"][2] = None
    columns["title"][5] = None
    source = Pairs(config(write(tmp_path / "t.parquet", columns)))
    batch = source.fetch(range(6))
    assert batch.present["image"].tolist() == [True, True, False, True, True, True]
    assert batch.present["text"].tolist() == [True] * 5 + [False]
    assert batch.values["text"][3] == "a red square number 3"
    assert source.complete() == 4


def test_paths_of_files_lead_from_the_folder_of_the_csv(tmp_path: Path) -> None:
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "a.png").write_bytes(square((9, 9, 9), 0))
    (tmp_path / "t.csv").write_text("photo,title\nphotos/a.png,dark\n,nothing to see\n")
    source = Pairs(config(tmp_path / "t.csv"))
    assert source.fetch([0, 1]).present["image"].tolist() == [True, False]


def test_parts_are_told_by_the_names_of_files(tmp_path: Path) -> None:
    write(tmp_path / "train-0.parquet", rows(6))
    write(tmp_path / "train-1.parquet", rows(3))
    write(tmp_path / "test.parquet", rows(4))
    assert Pairs.splits(config(tmp_path)) == ("train", "test")
    assert len(Pairs(config(tmp_path))) == 9
    assert len(Pairs(config(tmp_path, split="test"))) == 4
    assert len(Pairs(config(tmp_path, split="all"))) == 13


def test_a_column_that_some_files_lack_is_named_with_the_file(tmp_path: Path) -> None:
    write(tmp_path / "train-0.parquet", rows(3))
    other = rows(3)
    other["titles"] = other.pop("title")
    write(tmp_path / "train-1.parquet", other)
    with pytest.raises(ValueError, match=r"train-1.parquet: no column 'title'; did you mean"):
        Pairs(config(tmp_path))


def test_what_cannot_be_paired_says_why(tmp_path: Path) -> None:
    path = write(tmp_path / "t.parquet", rows(3))
    with pytest.raises(ValueError, match="columns: wanted two or more"):
        PairsConfig(path=path, columns={"image": "photo"})
    with pytest.raises(ValueError, match=r"modality: wanted one of .* got 'smell'"):
        Pairs(PairsConfig(path=path, columns={"image": "photo", "smell": "title"}))
    with pytest.raises(ValueError, match="no column is given for audio"):
        config(path, readers={"audio": {}})
    with pytest.raises(ValueError, match="column 'photo' holds no strings"):
        Pairs(PairsConfig(path=path, columns={"text": "photo", "image": "photo"}))
    nothing = write(tmp_path / "n.parquet", {"photo": [None, None], "title": ["a", "b"]})
    with pytest.raises(ValueError, match="holds no value"):
        Pairs(config(nothing))
    both: dict[str, list[Any]] = {"photo": [square((1, 1, 1), 0), None], "title": ["a", None]}
    with pytest.raises(ValueError, match="1 rows have none of the columns, the first is row 1"):
        Pairs(config(write(tmp_path / "b.parquet", both)))


def test_a_reader_takes_its_own_options(tmp_path: Path) -> None:
    path = write(tmp_path / "t.parquet", rows(3))
    smaller = Pairs(config(path, readers={"image": {"size": 8, "channels": 1}}))
    assert smaller.fetch([0]).values["image"].shape == (1, 1, 8, 8)
    with pytest.raises(ValueError, match=r"unknown key.*sise|sise.*unknown"):
        Pairs(config(path, readers={"image": {"sise": 8}}))
    with pytest.raises(ValueError, match="text/column does not read image"):
        Pairs(config(path, readers={"image": "text/column"}))
    with pytest.raises(ValueError, match="left 1 of 3 values out"):
        Pairs(config(path, readers={"image": {"limit": 2}}))


def test_pairs_are_told_in_one_word() -> None:
    given = "some/folder:image=photo,text=a title"
    assert Pairs.recognises(given)
    assert Pairs.options(given) == {
        "path": "some/folder",
        "columns": {"image": "photo", "text": "a title"},
    }
    assert not Pairs.recognises("some/folder")
    assert not Pairs.recognises("some/folder:image=photo")


def test_batches_are_the_same_whoever_fetches(tmp_path: Path) -> None:
    from tacit.data import EpochOrder, batches

    source = Pairs(config(write(tmp_path / "t.parquet", rows(8))))
    order = EpochOrder(8, 4, 0)
    here = [b.values["image"] for b in batches(source, order, epoch=0)]
    there = [b.values["image"] for b in batches(source, order, epoch=0, workers=1)]
    assert all(torch.equal(a, b) for a, b in zip(here, there, strict=True))
