"""A supervised model of the same encoder, views and budget: what labels would have given."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import ClassVar

import torch
from torch import nn

from tacit.api.plan import Plan
from tacit.contract import Context, DataInfo, Encoder, EncoderSpec, Losses, Objective, Requirements
from tacit.contract import Views as ViewsOf
from tacit.data import Source
from tacit.methods import Learner
from tacit.training.loop import Trainer
from tacit.training.parallel import World


class Supervised(Objective):
    """Cross-entropy of a linear layer on the labels, over every view.

    Args:
        classes: how many there are.
    """

    requires: ClassVar[Requirements] = Requirements(labels=True)  # type: ignore[misc]

    def __init__(self, classes: int) -> None:
        super().__init__()
        self.classes = classes
        self.layers = nn.ModuleDict()

    def build(self, specs: Mapping[str, EncoderSpec], data: DataInfo) -> None:
        """A linear layer for each modality."""
        for name, spec in specs.items():
            self.layers[name] = nn.Linear(spec.width, self.classes)

    def forward(self, views: ViewsOf, ctx: Context) -> Losses:
        """The mean over the views."""
        labels = ctx.labels()
        losses = [
            nn.functional.cross_entropy(self.layers[view.modality](ctx.encode(view).pooled), labels)
            for view in views
        ]
        return Losses(terms={"supervised": torch.stack(losses).mean()})


def train_supervised(plan: Plan, source: Source, *, seed: int, device: torch.device) -> Encoder:
    """Train the encoder of a resolved run with labels, with all else as in that run.

    Raises:
        ValueError: data without labels.
    """
    labels = source.labels()
    if labels is None:
        raise ValueError("a supervised model needs labels: name their column at the source")
    stage = plan.stages[0]
    torch.manual_seed(seed)
    learner = Learner(
        encoders=plan.build_encoders(seed),
        objective=Supervised(int(labels.max()) + 1),
        augmentations=stage.augmentations(),
        modalities=plan.modalities,
        seed=seed,
    ).to(device)
    settings = replace(stage.training, watch_every=0)
    world = World(device=device)
    Trainer(learner=learner, source=source, settings=settings, seed=seed, world=world).run()
    return learner.encoder(next(iter(plan.modalities)))
