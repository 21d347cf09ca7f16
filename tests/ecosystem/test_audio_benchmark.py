"""The quality table of recordings: it runs, measures no row twice, and judges seed by seed."""

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
def audio() -> ModuleType:
    sys.path.insert(0, str(FOLDER))
    try:
        return importlib.import_module("audio")
    finally:
        sys.path.remove(str(FOLDER))


def test_a_method_stands_beside_plain_features_its_random_encoder_and_a_supervised_one(
    audio: ModuleType,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    options = ["--notes", "--runs", str(tmp_path), "--seeds", "0", "--steps", "2"]
    monkeypatch.setattr(sys, "argv", ["audio.py", *options, "--methods", "audio/best-rq"])
    audio.main()
    (found,) = tmp_path.rglob("audio.json")
    first = json.loads(found.read_text())
    rows = {row["features"]: row for row in first["results"]}
    assert list(rows)[:4] == list(audio.AudioResults.baselines)
    assert {"lead over random", "lead over MFCC"} <= rows["audio/best-rq"].keys()
    assert "accuracy" in rows["audio/best-rq"]["evidence"]
    capsys.readouterr()
    audio.main()
    assert json.loads(found.read_text())["runs"] == first["runs"]
    assert '"seed"' not in capsys.readouterr().out, "a finished row was measured again"


def test_training_is_told_by_the_first_and_the_last_tenth(audio: ModuleType) -> None:
    lines = [(step, name, float(step)) for step in range(20) for name in ("loss/a", "loss/b")]
    assert audio.evidence([*lines, (19, "rate", 1.0)]) == {"loss": [1.0, 37.0]}


def _rows(features: str, *scores: float) -> list[dict[str, Any]]:
    encoder = "" if "MFCC" in features else "net"
    return [
        {"set": "s", "features": features, "encoder": encoder, "seed": seed, "seconds": 1}
        | {"task": {"linear": score, "layer": "1", "validation": 0.0}}
        for seed, score in enumerate(scores)
    ]


def test_a_lead_is_taken_seed_by_seed(audio: ModuleType, tmp_path: Path) -> None:
    """What all share, an easy or a hard speaker, is no spread of a lead."""
    table = audio.AudioResults(tmp_path / "none.json", "")
    table.runs = [
        *_rows("MFCC statistics", 0.5, 0.9),
        *_rows("random encoder", 0.4, 0.8),
        *_rows("steady", 0.45, 0.84),
        *_rows("chance", 0.30, 0.95),
    ]
    found = {row["features"]: row for row in table.summary()}
    assert found["steady"]["beyond the spread"] == "yes"
    assert found["steady"]["lead over random"] == "+0.045 ± 0.007"
    assert found["steady"]["lead over MFCC"] == "-0.055 ± 0.007"
    assert found["chance"]["beyond the spread"] == "no"


def test_either_probe_is_judged_by_its_own_leads(audio: ModuleType, tmp_path: Path) -> None:
    table = audio.AudioResults(tmp_path / "none.json", "")
    table.runs = [*_rows("random encoder", 0.4, 0.8), *_rows("method", 0.3, 0.9)]
    for row, score in zip(table.runs, (0.4, 0.8, 0.5, 0.9), strict=True):
        row["task"]["with deviation"] = {"linear": score}
    (found,) = (row for row in table.summary() if row["features"] == "method")
    assert found["beyond the spread"] == "no"
    assert found["beyond the spread with deviation"] == "yes"
    assert found["lead over random with deviation"] == "+0.100 ± 0.000"
