"""The quality table of text: its script runs, says the compute, and measures no row twice."""

from __future__ import annotations

import importlib
import json
import random
import sys
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

FOLDER = Path(__file__).parents[2] / "benchmarks"
WORDS = [f"name{i}" for i in range(20)]


def sentences(count: int, words: int) -> list[str]:
    draw = random.Random(count)
    return [" ".join(draw.choices(WORDS, k=words)) for _ in range(count)]


def written(folder: Path, splits: tuple[str, ...], columns: dict[str, list[object]]) -> None:
    folder.mkdir(parents=True)
    for split in splits:
        pq.write_table(pa.table(columns), folder / f"{split}.parquet")


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """Corpus, two tasks and pairs, as the script wants them."""
    both, folder = ("train", "test"), tmp_path / "data"
    written(folder / "wikitext2_small", both, {"text": [*sentences(120, 20)]})
    labelled: dict[str, list[object]] = {"text": [*sentences(40, 8)], "label": [0, 1] * 20}
    for name in ("sst2", "trec6"):
        written(folder / name, both, labelled)
    pairs: dict[str, list[object]] = {
        "sentence1": [*sentences(30, 6)],
        "sentence2": [*sentences(31, 6)[:30]],
        "score": [i / 6 for i in range(30)],
    }
    written(folder / "stsb_en", both, pairs)
    return folder


def test_objectives_stand_beside_baselines_at_the_compute_their_rows_say(
    data: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.syspath_prepend(str(FOLDER))
    text, out = importlib.import_module("text"), tmp_path / "text.json"
    given = {"--data": data, "--work": tmp_path / "work", "--out": out, "--contrast-steps": "1"}
    options = [str(word) for pair in given.items() for word in pair]
    options += ["--seconds", "0.2", "--seeds", "0", "--objectives", "mlm", "rts"]
    monkeypatch.setattr(sys, "argv", ["text.py", *options])
    text.main()
    first = json.loads(out.read_text())
    rows = {row["features"]: row for row in first["results"]}
    vectors = [f"mean of random vectors of {width}" for width in (128, 512)]
    baselines = ["majority", "TF-IDF", "random encoder", *vectors]
    assert [*rows] == [*baselines, "mlm", "rts", "mlm then simcse", "mlm then mirror-bert"]
    trained = {row["features"]: row for row in first["runs"] if "steps" in row}
    for name in ("mlm", "rts"):
        assert trained[name]["steps"] >= 1
        assert trained[name]["CPU seconds a run"] >= 0.2
        assert "STS-B" in rows[name]
    for name in ("random encoder", "mlm", "rts"):
        (row,) = (row for row in first["runs"] if row["features"] == name)
        assert 0 <= row["TREC, fine-tuned"] <= 100
    assert trained["mlm then simcse"]["STS-B before"] == trained["mlm"]["STS-B"]
    capsys.readouterr()
    text.main()
    assert json.loads(out.read_text())["runs"] == first["runs"]
    assert not capsys.readouterr().out, "a finished row was measured again"


def test_a_lead_within_the_spread_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(FOLDER))
    leads = importlib.import_module("_rows").leads
    assert leads([70.0, 72.0], [60.0, 61.0])
    assert not leads([70.0, 72.0], [69.5, 70.5])
    assert not leads([], [1.0])
