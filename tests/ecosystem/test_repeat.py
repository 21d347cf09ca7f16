"""A run's folder holds all it takes to repeat the run, bit for bit."""

from __future__ import annotations

import dataclasses
import json
import tomllib
from importlib import metadata
from pathlib import Path

import pytest

from tacit.cli import main
from tacit.training.settings import Training
from tacit_vision.encoders import ViTConfig
from tacit_vision.views import TwoViewsConfig

SETTINGS = (
    "steps=9 batch=32 log_every=2 watch_every=4 watch_size=64 workers=0 encoder.patch=4 "
    "encoder.width=16 encoder.depth=1 encoder.heads=2 objective.projector.widths=[8] "
    "objective.predictor.widths=[8] optimizer.lr=0.003 views.flip_probability=0.25"
)
TINY = SETTINGS.split()


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("repeat") / "run"
    data = ["--data", "vision/digits", "--seed", "3", "--no-evaluate"]
    assert main(["pretrain", "byol", *data, "--out", str(out), *TINY]) == 0
    return out


def test_a_run_file_repeats_the_run_bit_for_bit(run: Path, tmp_path: Path) -> None:
    again = tmp_path / "again"
    assert main(["pretrain", str(run / "run.toml"), "--out", str(again), "--no-evaluate"]) == 0
    for name in ("run.toml", "metrics.csv", "encoders/image.safetensors"):
        assert (run / name).read_bytes() == (again / name).read_bytes()


def test_another_seed_is_another_run(run: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    command = ["pretrain", str(run / "run.toml"), "--out", str(other), "--no-evaluate"]
    assert main([*command, "--seed", "4"]) == 0
    weights = "encoders/image.safetensors"
    assert (run / weights).read_bytes() != (other / weights).read_bytes()


def test_the_run_file_holds_every_setting(run: Path) -> None:
    held = tomllib.loads((run / "run.toml").read_text())
    assert (held["method"], held["seed"]) == ("byol", 3)
    assert held["data"]["name"] == "vision/digits"
    for table, config in (
        (held["encoder"]["image"], ViTConfig),
        (held["views"]["image"], TwoViewsConfig),
        (held["training"], Training),
    ):
        missing = [field for field in dataclasses.fields(config) if field.name not in table]
        assert all(field.default is None for field in missing)  # what TOML has no word for
    assert held["encoder"]["image"]["size"] == 8  # decided by the data
    assert held["views"]["image"]["flip_probability"] == 0.25
    assert held["training"]["optimizer"]["lr"] == 0.003
    assert held["training"]["optimizer"]["betas"] == [0.9, 0.999]  # a default


def test_the_record_says_what_the_run_was_made_with(run: Path) -> None:
    record = json.loads((run / "record.json").read_text())
    assert record["state"] == "finished"
    assert record["seed"] == 3
    assert record["processes"] == 1
    assert record["plugins"] == {n: metadata.version(n) for n in ("tacit", "tacit-vision")}
    assert record["environment"]["torch"] == metadata.version("torch")
    assert record["environment"]["tacit"] == metadata.version("tacit")
    assert len(record["data"]["fingerprint"]) == 16
    assert "1,437 instances" in record["data"]["description"]


def test_a_dotted_name_of_a_schedule_needs_no_quotes(capsys: pytest.CaptureFixture[str]) -> None:
    byol = ["pretrain", "byol", "--data", "vision/digits", "--show"]
    assert main([*byol, "schedules.teacher.momentum.start=0.5"]) == 0
    schedules = tomllib.loads(capsys.readouterr().out)["training"]["schedules"]
    assert schedules["teacher.momentum"]["start"] == 0.5
    assert "teacher" not in schedules
