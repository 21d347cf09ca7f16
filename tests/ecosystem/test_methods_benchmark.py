"""The quality table of the methods: its script runs, goes on where it was, and judges honestly."""

from __future__ import annotations

import importlib
import json
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

FOLDER = Path(__file__).parents[2] / "benchmarks"


@pytest.fixture(scope="module")
def methods() -> ModuleType:
    sys.path.insert(0, str(FOLDER))
    try:
        return importlib.import_module("methods")
    finally:
        sys.path.remove(str(FOLDER))


def measured(
    methods: ModuleType,
    monkeypatch: pytest.MonkeyPatch,
    runs: Path,
    *more: str,
    names: tuple[str, ...] = ("simclr", "mae"),
) -> dict[str, Any]:
    arguments = ["digits", "--runs", str(runs), "--methods", *names, *more]
    monkeypatch.setattr(sys, "argv", ["methods.py", *arguments])
    methods.main()
    (found,) = runs.glob("*/methods.json")
    answer: dict[str, Any] = json.loads(found.read_text())
    return answer


def test_every_method_stands_beside_the_baselines_of_its_own_encoder(
    methods: ModuleType,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    first = measured(methods, monkeypatch, tmp_path, "--validation", "--seeds", "0")
    rows = {(row["features"], row["encoder"]): row for row in first["results"]}
    for name, encoder in (("simclr", "ResNet, width 4"), ("mae", "ViT, 2 x 16")):
        assert {(name, encoder), ("random encoder", encoder), ("supervised", encoder)} <= set(rows)
        assert "beats raw features" in rows[name, encoder]
    for row in first["runs"]:
        assert 0 <= row["few labels"] <= 1
    assert "a fifth of the training images held out" in first["about"]

    capsys.readouterr()
    again = measured(methods, monkeypatch, tmp_path, "--validation", "--seeds", "0")
    assert again["runs"] == first["runs"]
    assert '"seed"' not in capsys.readouterr().out, "a finished row was measured again"


def runs(features: str, encoder: str, *scores: float) -> list[dict[str, Any]]:
    return [
        {"features": features, "encoder": encoder, "seed": seed, "linear": s, "knn": s, "rankme": 1}
        | {"few labels": s, "seconds": 1}
        for seed, s in enumerate(scores)
    ]


def test_a_lead_within_the_spread_is_none(methods: ModuleType, tmp_path: Path) -> None:
    table = methods.Results(tmp_path / "none.json", "")
    table.runs = [
        *runs("raw features", "", 0.5, 0.5),
        *runs("random encoder", "net", 0.30, 0.40),
        *runs("close", "net", 0.38, 0.42),
        *runs("good", "net", 0.48, 0.50),
    ]
    found = {row["features"]: row for row in table.summary()}
    random = "beats random by more than the spread"
    assert (found["close"][random], found["good"][random]) == (
        "no",
        "linear and knn and few labels",
    )
    assert found["good"]["beats raw features"] == "no"


def test_settings_are_tried_on_the_validation_part_alone(
    methods: ModuleType, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    with pytest.raises(SystemExit):
        measured(methods, monkeypatch, tmp_path, "--set", "optimizer.lr=0.1")


def test_a_method_that_needs_groups_is_given_the_classes(
    methods: ModuleType, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    found = measured(methods, monkeypatch, tmp_path, "--seeds", "0", names=("supcon",))
    (row,) = [row for row in found["runs"] if row["features"] == "supcon"]
    assert "problem" not in row
    assert row["linear"] > 0.2, "its probes split within classes, not between them"
    assert "supcon is given the classes" in found["note"]


def test_a_row_without_a_probe_is_probed_again_and_not_trained_again(
    methods: ModuleType, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    first = measured(methods, monkeypatch, tmp_path, "--seeds", "0", names=("simclr",))
    (path,) = tmp_path.glob("*/methods.json")
    (run,) = tmp_path.glob("*/simclr-0")
    trained = (run / "metrics.csv").read_text()
    for row in first["runs"]:
        row["seconds"] += 1000
        del row["few labels"]
    path.write_text(json.dumps(first))
    again = measured(methods, monkeypatch, tmp_path, "--seeds", "0", names=("simclr",))
    assert all("few labels" in row and row["seconds"] >= 1000 for row in again["runs"])
    assert (run / "metrics.csv").read_text() == trained
