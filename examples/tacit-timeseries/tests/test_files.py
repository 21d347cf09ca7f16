"""What is true of series in files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as parquet
import pytest
import torch
from tacit_timeseries.files import Files, FilesConfig

SIGNAL = np.random.default_rng(0).normal(3.0, 2.0, size=(6, 2, 10))


def opened(path: Path, **settings: Any) -> Files:
    return Files(FilesConfig(path=path, **settings))


def test_npz_and_parquet_hold_the_same(tmp_path: Path) -> None:
    words = ["walk", "run"] * 3
    np.savez(tmp_path / "a.npz", signal=SIGNAL, label=words)
    table = pa.table({"signal": SIGNAL.tolist(), "label": words})
    parquet.write_table(table, tmp_path / "a.parquet")
    a, b = (opened(tmp_path / f"a.{kind}", label="label") for kind in ("npz", "parquet"))
    assert a.fingerprint() == b.fingerprint()
    assert a.label_names == ("run", "walk")
    assert a.fetch([1, 0]).label.tolist() == [0, 1]


def test_a_list_of_numbers_is_one_channel(tmp_path: Path) -> None:
    parquet.write_table(pa.table({"signal": SIGNAL[:, 0].tolist()}), tmp_path / "a.parquet")
    assert opened(tmp_path / "a.parquet").fetch([0]).values["series"].shape == (1, 1, 10)


def test_a_test_split_is_standardised_as_train(tmp_path: Path) -> None:
    np.savez(tmp_path / "train.npz", signal=SIGNAL)
    np.savez(tmp_path / "test.npz", signal=SIGNAL + 2)
    train, test = (opened(tmp_path, split=split).series for split in ("train", "test"))
    assert Files.splits(FilesConfig(path=tmp_path)) == ("train", "test")
    torch.testing.assert_close(train.mean((0, 2)), torch.zeros(2), atol=1e-5, rtol=0)
    shift = 2 / torch.from_numpy(SIGNAL).float().std((0, 2), correction=0)
    torch.testing.assert_close((test - train).mean((0, 2)), shift)


def test_a_channel_that_never_moves_stays_finite(tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", signal=np.ones((3, 2, 10)))
    assert not opened(tmp_path / "a.npz").series.any()


def test_groups_come_with_the_series(tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", signal=SIGNAL, patient=[1, 1, 2, 2, 3, 3])
    source = opened(tmp_path / "a.npz", group="patient")
    assert source.groups().tolist() == source.fetch(range(6)).group.tolist() == [1, 1, 2, 2, 3, 3]


@pytest.mark.parametrize(
    ("arrays", "settings", "says"),
    [
        ({"x": SIGNAL}, {}, "no 'signal'; it has x"),
        ({"signal": SIGNAL[0, 0]}, {}, r"wanted \(instances, channels, time\)"),
        ({"signal": np.where(SIGNAL > 4, np.nan, SIGNAL)}, {}, "NaN or infinity, the first is"),
        ({"signal": SIGNAL, "y": [0, 1]}, {"label": "y"}, "wanted one for each of 6 series"),
        ({"signal": SIGNAL, "y": np.zeros(6)}, {"label": "y"}, "whole numbers or words"),
        ({"signal": SIGNAL}, {"split": "test"}, "has no split 'test'"),
    ],
)
def test_files_that_are_wrong_say_how(
    arrays: dict[str, Any], settings: dict[str, Any], says: str, tmp_path: Path
) -> None:
    np.savez(tmp_path / "a.npz", **arrays)
    with pytest.raises(ValueError, match=says):
        opened(tmp_path / "a.npz", **settings)


def test_series_of_two_lengths_are_refused(tmp_path: Path) -> None:
    parquet.write_table(pa.table({"signal": [[1.0], [1.0, 2.0]]}), tmp_path / "a.parquet")
    with pytest.raises(ValueError, match="one length"):
        opened(tmp_path / "a.parquet")


def test_a_class_unseen_in_train_is_refused(tmp_path: Path) -> None:
    np.savez(tmp_path / "train.npz", signal=SIGNAL, label=["a", "b"] * 3)
    np.savez(tmp_path / "test.npz", signal=SIGNAL, label=["a", "c"] * 3)
    with pytest.raises(ValueError, match="not in train: c"):
        opened(tmp_path, split="test", label="label")
