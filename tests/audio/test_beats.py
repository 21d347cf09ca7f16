"""BEATs: both iterations in one run, which goes on from a checkpoint of its last stage.

And of a folder of recordings in one command, as HuBERT.
"""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
import torch

import tacit
from tacit.cli import main
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


SHORT = ("encoder.kernels=[10,3,3,3]", "encoder.strides=[5,2,2,2]")


def recorded(folder: Path) -> None:
    """Two classes of tones in a folder each, of a training and a test part."""
    draw = np.random.default_rng(0)
    for number in range(32):
        part = "test" if number % 4 == 0 else "train"
        label, hertz = (("low", 200.0), ("high", 900.0))[number // 2 % 2]
        samples = 3000 + 40 * number
        wave = np.sin(2 * np.pi * hertz / 8000 * np.arange(samples))
        file = folder / part / label / f"{number:02}.flac"
        file.parent.mkdir(parents=True, exist_ok=True)
        soundfile.write(file, 0.3 * wave + 0.05 * draw.standard_normal(samples), 8000)


@pytest.mark.parametrize(
    ("method", "encoder", "codes", "stages"),
    [
        (
            "audio/hubert",
            ["audio/wav2vec2", "encoder.filters=8", *SHORT],
            ["objective.target.codes=6", "objective.mask.length=2"],
            ["sounds", "features"],
        ),
        (
            "audio/beats",
            ["audio/spectrogram-transformer"],
            [f"stages.{name}.objective.target.codes=8" for name in ("random", "learnt")]
            + ["stages.tokenizer.objective.codes=8"],
            ["random", "tokenizer", "learnt"],
        ),
    ],
)
def test_a_folder_of_recordings_is_pretrained_on_and_probed_in_one_command(
    tmp_path: Path,
    method: str,
    encoder: list[str],
    codes: list[str],
    stages: list[str],
    capsys: pytest.CaptureFixture[str],
) -> None:
    data, out = tmp_path / "recordings", tmp_path / "run"
    recorded(data)
    sizes = ["encoder.width=16", "encoder.depth=2", "encoder.heads=2"]
    training = ["steps=2", "batch=8", "watch_every=0", "workers=0"]
    where = ["--data", str(data), "--out", str(out), "--encoder", *encoder]
    assert main(["pretrain", method, *where, *sizes, *codes, *training]) == 0
    run = tacit.load(out)
    assert run.finished
    assert [stage.stage.name for stage in run.plan.stages] == stages
    said = capsys.readouterr().out
    assert "linear" in said
    assert "random" in said
