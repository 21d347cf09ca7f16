"""BEATs: both iterations in one run, which goes on from a checkpoint of its last stage."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import torch

import tacit
from tacit_audio.data.memory import SoundsInMemory

STEPS, CODES = 4, 8
STAGES = {
    "random": {"objective": {"target": {"codes": CODES}}},
    "tokenizer": {"objective": {"codes": CODES}},
    "learnt": {"objective": {"target": {"codes": CODES}}},
}
SETTINGS: dict[str, Any] = {
    "encoder": {"name": "audio/spectrogram-transformer", "width": 16, "depth": 2, "heads": 2},
    "objective": {"decoder": {"width": 16, "depth": 1, "heads": 2}},
    "stages": STAGES,
    "training": {
        "steps": STEPS,
        "batch": 8,
        "checkpoint_every": 2,
        "keep": 2,
        "log_every": 1,
        "watch_every": 0,
        "workers": 0,
    },
}


def trained(out: Path) -> tacit.Run:
    wave = 0.1 * torch.randn(20, 1, 3000, generator=torch.Generator().manual_seed(0))
    data = SoundsInMemory(wave, rate=8000)
    return tacit.pretrain("audio/beats", data=data, out=out, settings=SETTINGS)


def test_both_iterations_run_and_a_run_that_lost_its_end_comes_to_the_same(tmp_path: Path) -> None:
    whole, cut = tmp_path / "whole", tmp_path / "cut"
    run = trained(whole)
    assert [stage.stage.name for stage in run.plan.stages] == list(STAGES)
    weights = {name: w.clone() for name, w in run.encoders["audio"].state_dict().items()}
    shutil.copytree(whole, cut)
    *_, last = sorted((cut / "checkpoints").iterdir())
    shutil.rmtree(last)
    shutil.rmtree(cut / "encoders")
    again = trained(cut).encoders["audio"].state_dict()
    assert all(torch.equal(again[name], weight) for name, weight in weights.items())
    assert (cut / "metrics.csv").read_text() == (whole / "metrics.csv").read_text()
