"""The quality table of tables: its script runs, and measures no row twice."""

from __future__ import annotations

import importlib
import json
import sys
from pathlib import Path

import pytest

FOLDER = Path(__file__).parents[2] / "benchmarks"


def test_methods_stand_beside_raw_rows_trees_and_their_own_random_encoder(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.syspath_prepend(str(FOLDER))
    monkeypatch.chdir(tmp_path)
    tabular = importlib.import_module("tabular")
    options = ["--wine", "--steps", "1", "--seeds", "0", "--methods", "vime"]
    monkeypatch.setattr(sys, "argv", ["tabular.py", *options])
    tabular.main()
    first = json.loads((tmp_path / "runs" / "tabular.json").read_text())
    kinds = {(row["labels"], row["features"]) for row in first["results"]}
    assert kinds == {
        (labels, features)
        for labels in ("50", "100", "all")
        for features in ("raw", "random mlp", "vime")
    }
    assert all(bool(row["trees"]) == (row["features"] == "raw") for row in first["results"])
    capsys.readouterr()
    tabular.main()
    assert json.loads((tmp_path / "runs" / "tabular.json").read_text())["runs"] == first["runs"]
    assert '"seed"' not in capsys.readouterr().out, "a finished row was measured again"
