"""Pretext and generative methods learn: on digits they beat the random encoder."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

import tacit
from tacit.contract import Encoder
from tacit.data import Loader, Source
from tacit.evaluation import embed, knn_predict
from tacit_vision.data import Digits
from tacit_vision.views import Related

pytestmark = pytest.mark.learning

PLAIN: dict[str, Any] = {"scale": (0.6, 1.0), "flip_probability": 0.0}
RESNET = {"name": "vision/resnet", "width": 8, "blocks": (1, 1)}
VIT = {"name": "vision/vit", "patch": 2, "width": 48, "depth": 2, "heads": 2}
METHODS = {
    "rotnet": (RESNET, 0.03),
    "jigsaw": (RESNET, 0.03),
    "sie": (RESNET, 0.1),
    "sit": (VIT, 0.05),
    "dae": (VIT, 0.02),
    "rcae": (VIT, 0.03),
    "bigan": (VIT, 0.02),
    "cmim": (VIT, 0.02),
}
"""Encoder, and what kNN must gain at least."""


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def train() -> Source:
    return Digits(Digits.Config(split="train"))


def neighbours(encoder: Encoder, train: Source) -> float:
    found = []
    for source in (train, Digits(Digits.Config(split="test"))):
        with Loader(source) as loader:
            found.append(embed(encoder, loader.sequential(512)))
    bank, queries = found
    assert bank.label is not None
    assert queries.label is not None
    predicted = knn_predict(bank.values, bank.label, queries.values, classes=10)
    return float((predicted == queries.label).float().mean())


def trained(name: str, train: Source, out: Path, steps: int = 80) -> tacit.Run:
    settings = {
        "encoder": METHODS[name][0],
        "views": {"image": PLAIN},
        "training": {
            "steps": steps,
            "batch": 128,
            "watch_every": 0,
            "optimizer": {"lr": 3e-3},
        },
    }
    return tacit.pretrain(name, data=train, out=out, settings=settings)


@pytest.mark.parametrize("name", METHODS)
def test_a_method_beats_the_random_encoder_it_started_from(
    name: str, train: Source, tmp_path: Path
) -> None:
    run = trained(name, train, tmp_path / "run")
    random = run.plan.fitted(train).build_encoders()["image"]
    before, after = (neighbours(e, train) for e in (random, run.encoders["image"]))
    assert after > before + METHODS[name][1], f"kNN {before:.3f} before, {after:.3f} after"


def told(features: Tensor, wanted: Tensor, chosen: Tensor) -> float:
    """The share of the variance a ridge regression tells, fitted on the other rows."""
    own = torch.cat([features, torch.ones(len(features), 1)], 1).double()
    fitted, held = own[~chosen], own[chosen]
    gram = fitted.T @ fitted + 1e-2 * torch.eye(own.shape[1]).double()
    answer = held @ torch.linalg.solve(gram, fitted.T @ wanted[~chosen].double())
    away = (answer - wanted[chosen]).square().sum()
    return float(1 - away / (wanted[chosen] - wanted[chosen].mean(0)).square().sum())


def test_the_steered_half_knows_the_angle_better_than_the_invariant_half(
    train: Source, tmp_path: Path
) -> None:
    run = trained("sie", train, tmp_path / "run", steps=120)
    (images,) = train.fetch(range(1200)).values.values()
    views = Related(Related.Config(**PLAIN))(images, torch.Generator().manual_seed(3))
    encoder = run.encoders["image"].eval()
    with torch.no_grad():
        first, second = (encoder(view.value).pooled for view in views)
    half, chosen = first.shape[1] // 2, torch.arange(1200) % 4 == 0
    halves = slice(half), slice(half, None)
    pairs = [torch.cat([first[:, part], second[:, part]], 1) for part in halves]
    still, steered = (told(pair, views[1].meta["relation"], chosen) for pair in pairs)
    assert steered > still + 0.1
