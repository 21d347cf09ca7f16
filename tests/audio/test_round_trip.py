"""Pretrained here, exported by the command, loaded by transformers and by us: the same answers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import soundfile
import torch

import tacit
from tacit.cli import main
from tacit_audio.encoders import Transformers, TransformersConfig
from tacit_audio.sound import Sound

transformers: Any = pytest.importorskip("transformers")

RATE = 16_000
SETTINGS: dict[str, Any] = {
    "encoder": {
        "name": "audio/wav2vec2",
        "filters": 8,
        "width": 16,
        "depth": 2,
        "heads": 2,
        "position_kernel": 8,
    },
    "objective": {"target": {"codes": 4}},
    "training": {"steps": 2, "batch": 6, "workers": 0, "watch_every": 0},
}


def test_what_was_pretrained_answers_the_same_in_transformers(tmp_path: Path) -> None:
    wave, data = 0.1 * torch.randn(12, 1, 4000), tmp_path / "recordings"
    data.mkdir()
    for number, clip in enumerate(wave):
        soundfile.write(data / f"{number:02}.wav", clip[0].numpy(), RATE, subtype="FLOAT")
    run, exported = tmp_path / "run", tmp_path / "exported"
    trained = tacit.pretrain("audio/hubert", data=str(data), out=run, settings=SETTINGS)
    assert main(["export", str(run), str(exported), "--format", "transformers"]) == 0
    encoder = trained.encoder.eval()
    model = transformers.AutoModel.from_pretrained(exported).eval()
    extractor = transformers.AutoFeatureExtractor.from_pretrained(exported)
    inputs = extractor([row.numpy() for row in wave[:, 0]], sampling_rate=RATE, return_tensors="pt")
    again = Transformers(TransformersConfig(model=str(exported))).eval()
    value = Sound(wave=wave, rate=RATE)
    with torch.no_grad():
        wanted = encoder(value)
        torch.testing.assert_close(
            wanted.tokens, model(**inputs).last_hidden_state, atol=1e-5, rtol=1e-4
        )
        torch.testing.assert_close(again(value).pooled, wanted.pooled, atol=1e-5, rtol=1e-4)
