"""Nothing here needs torchaudio, which is frozen and fails beside newer torch."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import tacit_audio

BROKEN = """
import sys

class Broken:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in ("torchaudio", "torchcodec"):
            raise RuntimeError("Detected that PyTorch and TorchAudio were compiled with different")

sys.meta_path.insert(0, Broken())
"""
RUN = """
import torch, tacit
from tacit_audio.data import SoundsInMemory
from tacit_audio.features import ConstantQ, ConstantQConfig, resample, statistics
from tacit_audio.sound import Sound

wave = 0.1 * torch.randn(12, 1, 4000, generator=torch.Generator().manual_seed(0))
sound = Sound(wave=wave, rate=8000)
assert statistics(sound).isfinite().all()
assert ConstantQ(ConstantQConfig(rate=8000, hop=160, low=110.0, bins=24))(sound).values.any()
assert resample(wave[:, 0], 8000, 16000).shape == (12, 8000)
settings = {
    "encoder": {"name": "audio/wav2vec2", "filters": 8, "width": 16, "depth": 2, "heads": 2},
    "objective": {"target": {"codes": 4}},
    "training": {"steps": 1, "batch": 6, "workers": 0, "watch_every": 0},
}
run = tacit.pretrain("audio/hubert", data=SoundsInMemory(wave, 8000), out=OUT, settings=settings)
assert run.finished
"""


def test_features_and_training_run_where_torchaudio_fails_to_import(tmp_path: Path) -> None:
    code = f"{BROKEN}\nOUT = {str(tmp_path / 'run')!r}\n{RUN}"
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


def test_no_file_of_the_package_imports_it() -> None:
    package = Path(tacit_audio.__file__).parent
    lines = [line.strip() for f in package.rglob("*.py") for line in f.read_text().splitlines()]
    assert not [line for line in lines if line.startswith(("import torchaudio", "from torchaudio"))]
