"""Methods on text in the engine: what they say, that they resume, small batches, half precision."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from tacit.config import read, write
from tacit.methods import Learner, Method
from tacit.plugin import load_plugins
from tacit.testing.engine import Curve
from tacit.training import checkpoint
from tacit.training.loop import Trainer
from tacit.training.parallel import World
from tacit.training.settings import Training
from tacit_text.data import TextsInMemory
from tacit_text.encoders import Bert, BertConfig
from tacit_text.modality import Text
from tacit_text.views import Masked, Noisy

OFFERED = {offer.name: offer for offer in load_plugins().offers("methods")}
NAMES = [name for name in OFFERED if name.startswith("text/")]
OWN = ["text/c-rts", "text/electra", "text/mcl", "text/tsdae", "text/e2s2"]
VIEWS = {"masked": Masked, "noisy": Noisy}
TEXTS = [f"file {n} is read by name {n % 7} and kept" for n in range(40)]


def method(name: str) -> Method:
    made = OFFERED[name].load()()
    assert isinstance(made, Method)
    return made


def trainer(name: str, folder: Path | None = None, **settings: Any) -> Trainer:
    (stage,) = method(name).stages
    torch.manual_seed(0)
    encoder = Bert(BertConfig(width=16, depth=1, heads=2, max_tokens=24))
    learner = Learner(
        encoders={"text": encoder},
        objective=stage.objective(stage.config),
        augmentations={"text": VIEWS[stage.views]()},
        modalities={"text": Text()},
    )
    usual = {"steps": 4, "batch": 8, "log_every": 1, "watch_every": 0, "checkpoint_every": 1000}
    return Trainer(
        learner=learner,
        source=TextsInMemory(TEXTS),
        settings=read(Training, {**usual, **settings}),
        seed=0,
        world=World(device=torch.device("cpu")),
        folder=folder,
    )


def weights(made: Trainer) -> dict[str, Tensor]:
    return {name: tensor.clone() for name, tensor in made.learner.state_dict().items()}


@pytest.mark.parametrize("name", NAMES)
def test_a_method_says_what_its_offer_says(name: str) -> None:
    made, offer = method(name), OFFERED[name]
    assert (made.name, made.source) == (name, offer.source)
    assert f"views:{made.stages[0].views}" in offer.requires


@pytest.mark.parametrize("name", NAMES)
def test_settings_survive_a_run_file(name: str) -> None:
    (stage,) = method(name).stages
    assert read(type(stage.config), write(stage.config)) == stage.config


@pytest.mark.parametrize("name", OWN)
def test_a_stopped_run_goes_on_bit_for_bit(name: str, tmp_path: Path) -> None:
    whole = trainer(name)
    whole.run()
    first = trainer(name, tmp_path)
    first.observers = (Curve(stop=(2, first.stop)),)
    first.run()
    second = trainer(name, tmp_path)
    second.load_state(*checkpoint.load(checkpoint.steps(tmp_path)[-1], world=second.world))
    second.run()
    expected, found = weights(whole), weights(second)
    assert expected.keys() == found.keys()
    assert not [key for key in expected if not torch.equal(expected[key], found[key])]


@pytest.mark.parametrize("name", ["text/mcl", "text/e2s2"])
@pytest.mark.parametrize("settings", [{"precision": "bf16"}, {"batch": 1}], ids=str)
def test_half_precision_and_single_texts_train(name: str, settings: dict[str, object]) -> None:
    made = trainer(name, steps=2, **settings)
    made.run()
    assert all(bool(tensor.isfinite().all()) for tensor in weights(made).values())
