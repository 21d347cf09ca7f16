"""Methods that predict what was hidden learn: they beat the encoder they began as, on digits."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import torch

from tacit import methods
from tacit.config import read
from tacit.contract import DataInfo, Encoder
from tacit.data import Loader, Source
from tacit.evaluation import embed, knn_predict
from tacit.methods import Learner
from tacit.training.loop import Trainer
from tacit.training.parallel import World
from tacit.training.settings import Training
from tacit_vision.data import Digits
from tacit_vision.encoders import ViT
from tacit_vision.modality import Image
from tacit_vision.views import Masked, WholeAndPart

pytestmark = pytest.mark.learning

STEPS, BATCH = 80, 128
LEAST_GAIN = {"gmml": 0.1, "selfie": 0.1, "best_rq": 0.1, "i_jepa": 0.1, "crop_mae": 0.05}


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


@pytest.mark.parametrize("name", LEAST_GAIN)
def test_a_masked_method_beats_the_random_encoder_it_started_from(name: str) -> None:
    train = Digits(Digits.Config(split="train"))
    test = Digits(Digits.Config(split="test"))
    (stage,) = getattr(methods, name)().stages
    torch.manual_seed(0)
    encoder = ViT(ViT.Config(size=8, patch=2, width=48, depth=2, heads=2, channels=1))
    before = neighbours(encoder, train, test)
    view = Masked(Masked.Config(scale=(0.6, 1.0), flip_probability=0.0))
    pair = WholeAndPart(WholeAndPart.Config(scale=(0.6, 1.0), flip_probability=0.0))
    learner = Learner(
        encoders={"image": encoder},
        objective=stage.objective(stage.config),
        augmentations={"image": view if stage.views == "masked" else pair},
        modalities={"image": Image()},
        teachers=stage.teachers,
        data=DataInfo(instances=len(train)),
    )
    settings = {k: v for k, v in stage.training.items() if k != "epochs"}
    settings |= {"steps": STEPS, "batch": BATCH, "optimizer": {"kind": "adamw", "lr": 3e-3}}
    here = World(device=torch.device("cpu"))
    Trainer(
        learner=learner, source=train, settings=read(Training, settings), seed=0, world=here
    ).run()
    after = neighbours(encoder, train, test)
    assert after > before + LEAST_GAIN[name], f"kNN {before:.3f} before, {after:.3f} after"
