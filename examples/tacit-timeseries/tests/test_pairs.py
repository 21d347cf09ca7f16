"""Series pair with another package's modality; neither package knows of the other."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as parquet
import pytest
import torch
from tacit_timeseries.column import SeriesColumn, SeriesColumnConfig

import tacit
from tacit.data import Column

WORDS = ("rest", "walk", "run")


def series(number: int) -> list[list[float]]:
    """Two channels of a wave; its speed is what the word says."""
    time = torch.arange(32) / 32 * 6.28 * (1 + number % 3)
    return torch.stack([time.sin(), time.cos()]).add(0.01 * number).tolist()


def table(path: Path, count: int) -> Path:
    words = [f"{WORDS[i % 3]} again" if i % 5 else None for i in range(count)]
    columns = {"sensor": [series(i) for i in range(count)], "note": words}
    parquet.write_table(pa.table(columns), path)
    return path


def test_series_and_texts_train_together_by_one_call(tmp_path: Path) -> None:
    pytest.importorskip("tacit_text")
    run = tacit.pretrain(
        "clip",
        data=f"{table(tmp_path / 'notes.parquet', 30)}:series=sensor,text=note",
        encoder={"text": "text/words"},
        out=tmp_path / "run",
        settings={"training": {"steps": 2, "batch": 15, "watch_every": 0}},
    )
    begun = run.plan.build_encoders()
    for name, encoder in run.encoders.items():
        before, after = begun[name].state_dict(), encoder.state_dict()
        assert any(not torch.equal(before[key], after[key]) for key in before)
    assert set(run.encoders) == {"series", "text"}


def test_a_column_that_holds_no_series_is_named(tmp_path: Path) -> None:
    words = pa.chunked_array([["walk", "run"]])
    column = Column(name="note", values=words, origin="notes.parquet", folder=tmp_path)
    with pytest.raises(ValueError, match=r"notes\.parquet: column 'note': wanted numbers"):
        SeriesColumn(column, SeriesColumnConfig())
