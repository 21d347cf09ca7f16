"""Whole runs on text: every method trains, is evaluated and exported; and one learns."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

import tacit
from tacit.plugin import load_plugins
from tacit_text.data import TextsInMemory
from tacit_text.encoders import Bert

SMALL = {"name": "text/bert", "width": 16, "depth": 1, "heads": 2, "max_tokens": 128}
BRIEF = {"epochs": "none", "steps": 2, "batch": 8, "watch_every": 0, "encoder": SMALL}
METHODS = [offer.name for offer in load_plugins().offers("methods") if "text" in offer.modality]


@pytest.mark.parametrize("method", [*METHODS, "simclr", "byol", "barlow-twins", "vicreg"])
def test_every_method_trains(method: str, tmp_path: Path) -> None:
    run = tacit.pretrain(method, data="text/docstrings", out=tmp_path / "run", settings=BRIEF)
    assert run.finished
    assert isinstance(run.encoder, Bert)
    run.export(tmp_path / "exported", format="transformers")
    assert (tmp_path / "exported" / "tokenizer.json").is_file()


def test_a_batch_can_be_taken_in_parts_and_by_length(tmp_path: Path) -> None:
    settings = {**BRIEF, "accumulate": 2, "bucket": 4}
    run = tacit.pretrain("text/rts", data="text/docstrings", out=tmp_path, settings=settings)
    assert run.finished


def test_texts_too_long_for_the_encoder_stop_a_run_before_it_starts(tmp_path: Path) -> None:
    source = TextsInMemory(["short"] * 20 + ["very " * 200])
    with pytest.raises(
        ValueError, match=r"1 of 21 texts have more than 128 tokens, the longest 202"
    ):
        tacit.pretrain("text/mlm", data=source, out=tmp_path / "run", settings=BRIEF)
    assert not (tmp_path / "run").exists()


@pytest.mark.learning
@pytest.mark.slow
def test_a_contrast_of_dropout_beats_the_random_encoder(tmp_path: Path) -> None:
    settings = {"epochs": 2, "batch": 64, "watch_every": 0, "encoder": {**SMALL, "width": 64}}
    run = tacit.pretrain("simclr", data="text/docstrings", out=tmp_path, settings=settings)
    scores = run.evaluate(probes=("knn",), seeds=(0,))
    by_features = {score.features: score.value for score in scores if score.probe == "knn"}
    assert by_features["encoder"] > by_features["random"] + 0.02
    assert torch.isfinite(torch.tensor(list(by_features.values()))).all()
