"""Methods on redundancy, correlation and clusters learn: on digits they beat the random encoder.

Those of two stages are trained through both, as a run does it.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

import tacit
from tacit.contract import Encoder
from tacit.data import Loader, Source
from tacit.evaluation import embed, knn_predict
from tacit_vision.data import Digits

pytestmark = pytest.mark.learning

VIEWS = {
    "two-views": {
        "scale": (0.4, 1.0),
        "flip_probability": 0.0,
        "jitter_strength": 0.5,
        "blur_probability": (0.0, 0.0),
    },
    "multi-crop": {
        "scale": (0.4, 1.0),
        "local_scale": (0.2, 0.4),
        "local_count": 2,
        "local_size": 6,
        "flip_probability": 0.0,
    },
}
METHODS = {
    "mixed-barlow-twins": 0.1,
    "e2mc": 0.1,
    "g-simclr": 0.1,
    "ssl-ey": 0.05,
    "lejepa": 0.1,
    "swav": 0.1,
    "deep-cluster": 0.1,
}
"""What kNN must gain at least."""


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def neighbours(encoder: Encoder, train: Source, test: Source) -> float:
    found = []
    for source in (train, test):
        with Loader(source) as loader:
            found.append(embed(encoder, loader.sequential(512)))
    bank, queries = found
    assert bank.label is not None
    assert queries.label is not None
    predicted = knn_predict(bank.values, bank.label, queries.values, classes=10)
    return float((predicted == queries.label).float().mean())


@pytest.mark.parametrize("name", METHODS)
def test_a_method_beats_the_random_encoder_it_started_from(name: str, tmp_path: Path) -> None:
    train = Digits(Digits.Config(split="train"))
    test = Digits(Digits.Config(split="test"))
    policy = "multi-crop" if name == "swav" else "two-views"
    settings = {
        "encoder": {"name": "vision/resnet", "width": 8, "blocks": (1, 1)},
        "views": {"image": VIEWS[policy]},
        "training": {"steps": 60, "batch": 128, "watch_every": 0, "optimizer": {"lr": 3e-3}},
    }
    run = tacit.pretrain(name, data=train, out=tmp_path / "run", settings=settings)
    random = run.plan.fitted(train).build_encoders()["image"]
    before, after = (neighbours(e, train, test) for e in (random, run.encoders["image"]))
    assert after > before + METHODS[name], f"kNN {before:.3f} before, {after:.3f} after"
