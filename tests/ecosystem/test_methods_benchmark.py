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
    methods: ModuleType, monkeypatch: pytest.MonkeyPatch, runs: Path, *more: str
) -> dict[str, Any]:
    arguments = ["--digits", "--runs", str(runs), "--methods", "simclr", "mae", *more]
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
    assert "a fifth of the training images held out" in first["about"]

    capsys.readouterr()
    again = measured(methods, monkeypatch, tmp_path, "--validation", "--seeds", "0")
    assert again["runs"] == first["runs"]
    assert '"seed"' not in capsys.readouterr().out, "a finished row was measured again"


def runs(features: str, encoder: str, *scores: float) -> list[dict[str, Any]]:
    return [
        {"features": features, "encoder": encoder, "seed": seed, "linear": s, "knn": s, "rankme": 1}
        | {"seconds": 1}
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
    assert (found["close"][random], found["good"][random]) == ("no", "linear and knn")
    assert found["good"]["beats raw features"] == "no"


def test_settings_are_tried_on_the_validation_part_alone(
    methods: ModuleType, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    with pytest.raises(SystemExit):
        measured(methods, monkeypatch, tmp_path, "--set", "optimizer.lr=0.1")
