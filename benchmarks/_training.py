"""What a stage's training costs, without the command around it."""

from __future__ import annotations

import time
from dataclasses import dataclass

import torch

from tacit.config import read
from tacit.contract import Augmentation, DataInfo, Encoder, Modality
from tacit.data import Source
from tacit.methods import Learner, Stage
from tacit.training.loop import Trainer
from tacit.training.parallel import World
from tacit.training.settings import Training


@dataclass(frozen=True, kw_only=True)
class Parts:
    """What a stage trains, on one modality.

    Args:
        encoder: whose modality it is.
        views: its view policy.
        modality: how its values are put together.
        source: where they come from.
    """

    encoder: Encoder
    views: Augmentation
    modality: Modality
    source: Source


def cpu_seconds(stage: Stage, parts: Parts, *, steps: int, batch: int) -> float:
    """CPU seconds of so many steps of a stage, reading and sampling included."""
    name = parts.encoder.spec.modality
    learner = Learner(
        encoders={name: parts.encoder},
        objective=stage.objective(stage.config),
        augmentations={name: parts.views},
        modalities={name: parts.modality},
        teachers=stage.teachers,
        data=DataInfo(instances=len(parts.source)),
    )
    settings = {key: value for key, value in stage.training.items() if key != "epochs"}
    settings |= {"steps": steps, "batch": batch, "watch_every": 0}
    trainer = Trainer(
        learner=learner,
        source=parts.source,
        settings=read(Training, settings),
        seed=0,
        world=World(device=torch.device("cpu")),
    )
    began = time.process_time()
    trainer.run()
    return time.process_time() - began
