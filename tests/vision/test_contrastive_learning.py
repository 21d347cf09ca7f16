"""Contrastive and clustering methods learn: on digits they beat the encoder they began as."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import Tensor

import tacit
from tacit.contract import Batch, Encoder
from tacit.data import Loader, Source
from tacit.evaluation import embed, knn_predict
from tacit_vision.data import Digits

pytestmark = pytest.mark.learning

VIEWS = {
    "scale": (0.4, 1.0),
    "flip_probability": 0.0,
    "jitter_strength": 0.5,
    "blur_probability": (0.0, 0.0),
}
RESNET = {"name": "vision/resnet", "width": 8, "blocks": (1, 1)}
METHODS = ("moco", "moco-v3", "nnclr", "dcl", "dclw", "sogclr", "isogclr", "groco", "swav")
LEAST_GAIN = 0.1


class ByClass(Source):
    """Digits whose classes are their groups."""

    modalities = ("image",)

    def __init__(self, of: Source) -> None:
        self.of = of

    def __len__(self) -> int:
        return len(self.of)

    def fetch(self, indices: Sequence[int]) -> Batch:
        batch = self.of.fetch(indices)
        return replace(batch, group=batch.label)

    def groups(self) -> Tensor | None:
        return self.of.labels()


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


def trained(name: str, source: Source, out: Path, steps: int = 80) -> tacit.Run:
    training = {"steps": steps, "batch": 128, "watch_every": 0, "optimizer": {"lr": 3e-3}}
    settings = {"encoder": RESNET, "views": {"image": VIEWS}, "training": training}
    return tacit.pretrain(name, data=source, out=out, settings=settings)


def gained(run: tacit.Run, train: Source) -> tuple[float, float]:
    random = run.plan.fitted(train).build_encoders()["image"]
    return neighbours(random, train), neighbours(run.encoders["image"], train)


@pytest.mark.parametrize("name", METHODS)
def test_a_method_beats_the_random_encoder_it_started_from(
    name: str, train: Source, tmp_path: Path
) -> None:
    before, after = gained(trained(name, train, tmp_path / "run"), train)
    assert after > before + LEAST_GAIN, f"kNN {before:.3f} before, {after:.3f} after"


def test_groups_teach_supervised_contrast_more_than_views_teach_simclr(
    train: Source, tmp_path: Path
) -> None:
    told = trained("supcon", ByClass(train), tmp_path / "told", steps=160)
    untold = trained("simclr", train, tmp_path / "untold", steps=160)
    (before, with_groups), (_, without) = gained(told, train), gained(untold, train)
    assert with_groups > without > before
    (score, *_) = told.evaluate(data="vision/digits", probes=["linear"], seeds=[0])
    assert score.value > 0.9


def test_supervised_contrast_without_groups_is_refused(train: Source, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="needs groups"):
        trained("supcon", train, tmp_path / "run")
