"""Probes tap a run where they are told, and are fitted on as many labels as they are told."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from torch import nn

import tacit
from tacit.api.taps import Headed, place
from tacit.cli import main

SETTINGS = (
    "steps=3 batch=32 watch_every=0 workers=0 encoder.patch=4 encoder.width=16 encoder.depth=2 "
    "encoder.heads=2 objective.projector.widths=[8,4]"
)


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> tacit.Run:
    out = tmp_path_factory.mktemp("tap") / "run"
    arguments = ["simclr", "--data", "vision/digits", "--out", str(out), "--no-evaluate"]
    assert main(["pretrain", *arguments, *SETTINGS.split()]) == 0
    return tacit.load(out)


def test_behind_a_head_is_what_the_trained_head_makes_of_the_pooled_vector(run: tacit.Run) -> None:
    headed = run.probed(tap="projector").encoder
    assert isinstance(headed, Headed)
    value = torch.rand(5, 1, 8, 8, generator=torch.Generator().manual_seed(0))
    assert headed(value).pooled.shape == (5, 4)
    learned = run._learned()  # what the run trained, read back by name
    first = headed.head.get_submodule("layers.0")
    assert isinstance(first, nn.Linear)
    assert torch.equal(first.weight, learned["objective.projector.image.layers.0.weight"])
    assert not headed.head.training


@pytest.mark.parametrize("tap", ["pooled", "tokens", 1, "2", "projector"])
def test_every_place_is_probed_beside_a_random_encoder_tapped_there(
    run: tacit.Run, tap: str | int
) -> None:
    scores = run.evaluate(probes=["knn", "rankme"], seeds=(0,), tap=tap)
    found = {(score.probe, score.features) for score in scores}
    assert {("knn", "encoder"), ("knn", "random"), ("rankme", "encoder")} <= found


def test_a_head_that_is_not_there_is_named_beside_those_that_are(run: tacit.Run) -> None:
    with pytest.raises(ValueError, match=r"simclr has no head 'predictor'.*one of: projector"):
        run.evaluate(probes=["knn"], seeds=(0,), tap="predictor")
    with pytest.raises(ValueError, match="wanted a layer from 1 to 2, got tap 7"):
        run.evaluate(probes=["knn"], seeds=(0,), tap=7)


def test_the_command_line_taps_too(run: tacit.Run, capsys: pytest.CaptureFixture[str]) -> None:
    path: Path = run.folder.path
    arguments = ["--probes", "rankme", "--seeds", "1", "--tap", "projector"]
    assert main(["evaluate", str(path), *arguments]) == 0
    assert "rankme" in capsys.readouterr().out
    assert not run.folder.scores.is_file(), "scores of a run are those of its encoder"


def test_a_number_is_a_layer_and_another_word_a_head() -> None:
    assert [place(x) for x in ("pooled", "tokens", "3", 3, "projector")] == [
        ("pooled", None),
        ("tokens", None),
        (3, None),
        (3, None),
        ("pooled", "projector"),
    ]


def test_the_command_line_counts_labels(run: tacit.Run, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["--probes", "knn,rankme", "--seeds", "2", "--labels", "50,all", "--json"]
    assert main(["evaluate", str(run.folder.path), *arguments]) == 0
    scores = json.loads(capsys.readouterr().out)
    counts = {s["labels"] for s in scores if s["probe"] == "knn"}
    assert counts == {50, None}
    assert {s["seeds"] for s in scores if s["labels"] == 50} == {2}


@pytest.mark.parametrize("wrong", ["many", "50,-1", "50,", "5000"])
def test_labels_that_cannot_be_counted_are_refused(
    run: tacit.Run, wrong: str, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["--probes", "knn", "--seeds", "1", "--labels", wrong]
    assert main(["evaluate", str(run.folder.path), *arguments]) != 0
    assert "labels: wanted" in capsys.readouterr().err
