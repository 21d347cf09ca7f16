from __future__ import annotations

from multiprocessing.reduction import ForkingPickler
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

import tacit
from tacit_tabular.data import Files, FilesConfig, Large, LargeConfig
from tacit_tabular.data.large import Cells, pieces

FRAME = pd.DataFrame(
    {
        "late": [None, None, None, 4.0, 1e6, 2.0, 7.0],
        "far": 1e9 + np.arange(7.0),
        "job": ["cook", None, "nurse", "cook", "judge", None, "nurse"],
        "zip": [10, 20, 10, None, 20, 10, 30],
        "on": [True, False, None, True, True, False, True],
        "since": pd.to_datetime(["2020-01-01", "NaT", *["2021-05-05"] * 5]),
        "empty": [None] * 7,
        "constant": [3] * 7,
        "rich": ["no", "yes", "no", "yes", "yes", "no", "no"],
    }
)


def folder(at: Path) -> Path:
    FRAME.to_parquet(at / "train.parquet", row_group_size=3)
    FRAME.iloc[[1, 4]].to_parquet(at / "test.parquet")
    return at


@pytest.mark.parametrize("rows", [1, 2, 100])
@pytest.mark.parametrize("split", ["train", "test"])
def test_piece_by_piece_is_as_all_at_once(rows: int, split: str, tmp_path: Path) -> None:
    told = {"path": folder(tmp_path), "split": split, "label": "rich", "categorical": ("zip",)}
    ours = Large(LargeConfig(**told, rows=rows))
    theirs = Files(FilesConfig(**told))
    for mine, other in zip(ours.columns, theirs.columns, strict=True):
        assert (mine.name, mine.kind, mine.categories) == (other.name, other.kind, other.categories)
        assert mine.mean == pytest.approx(other.mean, rel=1e-12)
        assert mine.std == pytest.approx(other.std, rel=1e-9)
    order = [*range(len(theirs))][::-1]
    a, b = ours.fetch(order), theirs.fetch(order)
    assert len(ours) == len(theirs)
    torch.testing.assert_close(
        a.values["table"].cells, b.values["table"].cells, rtol=0, atol=0, equal_nan=True
    )
    assert torch.equal(a.index, b.index)
    assert a.label is not None
    assert b.label is not None
    assert torch.equal(a.label, b.label)
    assert ours.label_names == theirs.label_names


def test_no_more_rows_are_held_than_asked_for(tmp_path: Path) -> None:
    found = [*pieces(folder(tmp_path) / "train.parquet", ["job", "far"], 2)]
    assert max(map(len, found)) == 2
    assert sum(map(len, found)) == 7
    assert all(list(piece.columns) == ["job", "far"] for piece in found)


def test_cells_are_read_in_any_order_and_leave_no_file(tmp_path: Path) -> None:
    cells = Cells(3, tmp_path)
    whole = torch.randn(10, 3, dtype=torch.float64)
    for part in whole.split(4):
        cells.append(part)
    assert torch.equal(cells.read([9, 0, 0, 5]), whole[[9, 0, 0, 5]])
    assert cells.read([]).shape == (0, 3)
    assert not [*tmp_path.iterdir()]


def test_another_process_opens_the_table_itself(tmp_path: Path) -> None:
    source = Large(LargeConfig(path=folder(tmp_path), drop=("rich",)))
    copy = ForkingPickler.loads(ForkingPickler.dumps(source))
    a, b = (each.fetch([3, 1]).values["table"].cells for each in (source, copy))
    torch.testing.assert_close(a, b, rtol=0, atol=0, equal_nan=True)


def test_what_pandas_kept_as_index_is_no_column(tmp_path: Path) -> None:
    path = tmp_path / "t.parquet"
    FRAME.set_index("job").iloc[::2].to_parquet(path)
    assert [c.name for c in Large(LargeConfig(path=path)).columns] == [
        name for name in FRAME.columns if name != "job"
    ]


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"path": "none.parquet"}, "no such file"),
        ({"path": "t.csv"}, "tabular/files reads other formats"),
        ({"path": "bad.parquet"}, "cannot be read"),
        ({"path": "no-rows.parquet"}, "wanted rows"),
        ({"path": ".", "split": "other"}, "wanted one of train, test"),
        ({"path": ".", "drop": ("nothing",)}, "no .'nothing'"),
        ({"path": ".", "label": "nothing"}, "no column 'nothing'"),
        ({"path": ".", "label": "job"}, "lacks 2 values"),
        ({"path": ".", "drop": tuple(FRAME.columns)}, "wanted rows and columns"),
    ],
)
def test_what_cannot_be_read_is_refused(
    settings: dict[str, object], said: str, tmp_path: Path
) -> None:
    folder(tmp_path)
    (tmp_path / "t.csv").write_text("a,b\n1,2\n")
    (tmp_path / "bad.parquet").write_text("nothing of the kind")
    FRAME.iloc[:0].to_parquet(tmp_path / "no-rows.parquet")
    given = {**settings, "path": tmp_path / str(settings["path"])}
    with pytest.raises(ValueError, match=said):
        Large(LargeConfig(**given))  # type: ignore[arg-type]


def test_a_run_trains_on_it(tmp_path: Path) -> None:
    run = tacit.pretrain(
        "tabular/scarf",
        data="tabular/large",
        encoder="tabular/mlp",
        out=tmp_path / "run",
        settings={
            "data": {"path": str(folder(tmp_path)), "label": "rich"},
            "training": {"steps": 2, "batch": 4, "watch_every": 0},
        },
    )
    assert run.finished
