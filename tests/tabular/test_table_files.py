from __future__ import annotations

from pathlib import Path

import datasets
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
import torch

from tacit_tabular.data import Files, FilesConfig, FrameSource

FRAME = pd.DataFrame(
    {
        "age": [20.0, 40.0, None, 60.0],
        "job": ["cook", None, "nurse", "cook"],
        "zip": [10, 20, 10, 20],
        "rich": ["no", "yes", "no", "yes"],
    }
)


def folder(at: Path, test: pd.DataFrame) -> Path:
    FRAME.to_parquet(at / "train.parquet")
    test.to_csv(at / "test.csv", index=False)
    return at


@pytest.mark.parametrize("suffix", ["csv", "parquet", "arrow", "feather"])
def test_every_format_gives_the_same_rows(suffix: str, tmp_path: Path) -> None:
    path = tmp_path / f"table.{suffix}"
    write = {
        "csv": lambda: FRAME.to_csv(path, index=False),
        "parquet": lambda: FRAME.to_parquet(path),
    }
    write.get(suffix, lambda: FRAME.to_feather(path))()
    source = Files(FilesConfig(path=path, label="rich"))
    expected = FrameSource(FRAME.drop(columns="rich"))
    assert source.columns == expected.columns
    cells = [each.fetch(range(4)).values["table"].cells for each in (source, expected)]
    torch.testing.assert_close(*cells, equal_nan=True)
    assert source.label_names == ("no", "yes")
    assert source.labels().tolist() == [0, 1, 0, 1]  # type: ignore[union-attr]


@pytest.mark.parametrize(
    "convert",
    [
        pl.DataFrame,
        lambda columns: pl.DataFrame(columns).lazy(),
        pa.table,
        datasets.Dataset.from_dict,
    ],
    ids=["polars", "lazy polars", "arrow", "datasets"],
)
def test_frames_of_other_libraries_give_the_same_rows(convert) -> None:  # type: ignore[no-untyped-def]
    columns = {"age": [20.0, None, 60.0], "job": ["cook", None, "nurse"], "on": [True, False, True]}
    ours, theirs = FrameSource(pd.DataFrame(columns)), FrameSource(convert(columns))
    assert ours.columns == theirs.columns
    cells = [each.fetch(range(3)).values["table"].cells for each in (ours, theirs)]
    torch.testing.assert_close(*cells, equal_nan=True)


def test_what_is_no_table_is_refused() -> None:
    with pytest.raises(ValueError, match="got list"):
        FrameSource([1, 2])


def test_kinds_are_shown_and_can_be_told(tmp_path: Path) -> None:
    path = folder(tmp_path, FRAME)
    assert "zip: numbers" in Files(FilesConfig(path=path)).describe()
    told = Files(FilesConfig(path=path, categorical=("zip",), drop=("rich",)))
    assert "zip: 2 categories" in told.describe()
    assert "rich" not in told.describe()


def test_statistics_of_the_test_part_are_those_of_train(tmp_path: Path) -> None:
    test = FRAME.assign(age=[1000.0, 2000.0, 3000.0, None], job=["pilot"] * 4)
    config = FilesConfig(path=folder(tmp_path, test), split="test", label="rich")
    source = Files(config)
    assert source.columns[0].mean == 40
    assert source.fetch(range(4)).values["table"].cells[:, 1].tolist() == [-1] * 4
    assert Files.splits(config) == ("train", "test")


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"label": "wealth"}, "no column 'wealth'"),
        ({"label": "job"}, "lacks 1 values"),
        ({"drop": ("nothing",)}, "no .'nothing'"),
        ({"split": "val"}, "one of train, test"),
    ],
)
def test_columns_and_splits_that_are_not_there_are_named(
    changes: dict[str, object], said: str, tmp_path: Path
) -> None:
    with pytest.raises(ValueError, match=said):
        Files(FilesConfig(path=folder(tmp_path, FRAME), **changes))  # type: ignore[arg-type]


def test_bad_test_parts_are_named(tmp_path: Path) -> None:
    config = FilesConfig(
        path=folder(tmp_path, FRAME.assign(rich="very")), split="test", label="rich"
    )
    with pytest.raises(ValueError, match=r"classes .'very'. do not occur"):
        Files(config)
    folder(tmp_path, FRAME.drop(columns="job"))
    with pytest.raises(ValueError, match=r"lacks the columns .'job'"):
        Files(config)


@pytest.mark.parametrize(
    ("text", "said"),
    [("a,a\n1,2\n", "occur twice"), ("", "cannot be read"), ("a,b\n", "wanted rows")],
)
def test_bad_files_are_refused(text: str, said: str, tmp_path: Path) -> None:
    path = tmp_path / "table.csv"
    path.write_text(text)
    with pytest.raises(ValueError, match=said):
        Files(FilesConfig(path=path))
    with pytest.raises(ValueError, match="no such file"):
        Files(FilesConfig(path=tmp_path / "no.csv"))


def test_a_column_of_mixed_types_is_categorical_unless_told() -> None:
    frame = pd.DataFrame({"mixed": [1, "two", 3.0, None]})
    (column,) = FrameSource(frame).columns
    assert column.categories == ("1", "3", "two")
    with pytest.raises(ValueError, match="'mixed': wanted numbers"):
        FrameSource(frame, kinds={"mixed": "numerical"})


def test_an_all_missing_and_a_constant_column_stay_finite() -> None:
    frame = pd.DataFrame({"none": [np.nan] * 3, "same": [7.0] * 3})
    source = FrameSource(frame)
    assert [column.std for column in source.columns] == [1.0, 1.0]
