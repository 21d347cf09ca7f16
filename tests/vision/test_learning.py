"""Every method learns: on real digits its encoder beats the random one it started from."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import torch

from tacit.config import read
from tacit.contract import DataInfo, Encoder
from tacit.data import Loader, Source
from tacit.evaluation import Embeddings, collapsed, embed, knn_predict
from tacit.methods import Learner, catalogue
from tacit.training.loop import Trainer
from tacit.training.parallel import World
from tacit.training.settings import Training
from tacit_vision.data import Digits
from tacit_vision.encoders import ViT
from tacit_vision.modality import Image
from tacit_vision.views import Masked, TwoViews

STEPS, BATCH, LEAST_GAIN = 80, 128, 0.1
OTHERS = ("barlow_twins", "vicreg", "byol", "simsiam", "simmim")


@pytest.fixture(scope="module")
def train() -> Source:
    return Digits(Digits.Config(split="train"))


@pytest.fixture(scope="module")
def test() -> Source:
    return Digits(Digits.Config(split="test"))


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def embeddings(encoder: Encoder, source: Source) -> Embeddings:
    with Loader(source) as loader:
        return embed(encoder, loader.sequential(512))


def nearest_neighbour_accuracy(encoder: Encoder, train: Source, test: Source) -> float:
    bank, queries = embeddings(encoder, train), embeddings(encoder, test)
    assert bank.label is not None
    assert queries.label is not None
    predicted = knn_predict(bank.values, bank.label, queries.values, classes=10)
    return float((predicted == queries.label).float().mean())


@pytest.mark.parametrize(
    "method",
    [
        "simclr",
        "mae",
        *(pytest.param(each, marks=pytest.mark.learning) for each in OTHERS),
    ],
)
def test_a_method_beats_the_random_encoder_it_started_from(
    method: str, train: Source, test: Source
) -> None:
    (stage,) = getattr(catalogue, method)().stages
    torch.manual_seed(0)
    encoder = ViT(ViT.Config(size=8, patch=2, width=48, depth=2, heads=2, channels=1))
    before = nearest_neighbour_accuracy(encoder, train, test)
    pairs = TwoViews.Config(
        scale=(0.4, 1.0), flip_probability=0.0, jitter_strength=0.5, blur_probability=(0.0, 0.0)
    )
    single = Masked.Config(scale=(0.6, 1.0), flip_probability=0.0)
    learner = Learner(
        encoders={"image": encoder},
        objective=stage.objective(stage.config),
        augmentations={"image": TwoViews(pairs) if stage.views == "two-views" else Masked(single)},
        modalities={"image": Image()},
        teachers=stage.teachers,
        data=DataInfo(instances=len(train)),
    )
    settings = {k: v for k, v in stage.training.items() if k != "epochs"}
    settings |= {"steps": STEPS, "batch": BATCH, "optimizer": {"kind": "adamw", "lr": 3e-3}}
    Trainer(
        learner=learner,
        source=train,
        settings=read(Training, settings),
        seed=0,
        world=World(device=torch.device("cpu")),
    ).run()
    after = nearest_neighbour_accuracy(encoder, train, test)
    assert after > before + LEAST_GAIN, f"{method}: kNN {before:.3f} before, {after:.3f} after"
    assert collapsed(embeddings(encoder, train).values).kind != "not finite"
