"""Frames of a folder of recordings are probed by a table of segments, in one command."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile

import tacit
from tacit.cli import main

RATE = 8000
ENCODER = ["encoder.width=16", "encoder.depth=1", "encoder.heads=2", "encoder.frames=4"]
TRAINING = ["steps=2", "batch=8", "watch_every=0", "workers=0"]


def recorded(folder: Path) -> None:
    """Clips of a low tone, silence and a high tone, or the other way round, in two parts."""
    draw = np.random.default_rng(0)
    lines = ["file,start,end,label"]
    for number in range(24):
        part = "test" if number % 4 == 0 else "train"
        tones = [("low", 300.0), ("high", 1500.0)][:: 1 if number % 2 else -1]
        wave, at = 0.01 * draw.standard_normal(4000), 0.0
        for name, hertz in tones:
            time = np.arange(1600) / RATE
            first = int(at * RATE)
            wave[first : first + 1600] += 0.3 * np.sin(2 * np.pi * hertz * time)
            lines.append(f"{part}/{number:02}.wav,{at},{at + 0.2},{name}")
            at += 0.3
        file = folder / part / f"{number:02}.wav"
        file.parent.mkdir(parents=True, exist_ok=True)
        soundfile.write(file, wave, RATE)
    (folder / "segments.csv").write_text("\n".join(lines))


def test_frames_are_probed_beside_their_rivals(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data, out = tmp_path / "recordings", tmp_path / "run"
    recorded(data)
    arguments = ["--data", str(data), "--out", str(out), "--no-evaluate", "data.gap=silence"]
    assert main(["pretrain", "audio/tera", *arguments, *ENCODER, *TRAINING]) == 0
    assert main(["evaluate", str(out), "--probes", "token-linear", "--seeds", "1"]) == 0
    said = capsys.readouterr().out
    assert "token-linear" in said
    run = tacit.load(out)
    scores = run.evaluate(probes=["token-knn", "token-layers"], seeds=[0])
    found = {(score.probe, score.features): score.value for score in scores}
    assert found["token-knn", "raw"] > 0.8 > 0.6 > found["token-knn", "majority"]
    assert {("token-knn", "encoder"), ("token-knn", "random")} <= found.keys()
    with pytest.raises(ValueError, match="token-linear wants labels along the instances; got none"):
        run.evaluate(data="audio/notes", probes=["linear", "token-linear"], seeds=[0])
    with pytest.raises(ValueError, match="no probe among token-linear counts its labels"):
        run.evaluate(probes=["token-linear"], labels=[5], seeds=[0])
