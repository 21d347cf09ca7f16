"""A loop of your own: a learner is encoders, views, objective and teachers as one module."""

from __future__ import annotations

import torch

from tacit.contract import derive
from tacit.data import EpochOrder, Loader
from tacit.methods import Learner, byol
from tacit_vision.data import Digits, DigitsConfig
from tacit_vision.encoders import ViT, ViTConfig
from tacit_vision.modality import IMAGE
from tacit_vision.views import TwoViews, TwoViewsConfig

EPOCHS, BATCH, SEED = 1, 128, 0


def main() -> None:
    torch.manual_seed(derive(SEED))
    source = Digits(DigitsConfig())
    (stage,) = byol().stages
    learner = Learner(
        encoders={"image": ViT(ViTConfig(size=8, patch=2, channels=1, width=64, depth=2))},
        objective=stage.objective(stage.config),
        augmentations={"image": TwoViews(TwoViewsConfig(mean=(0.5,), std=(0.5,)))},
        modalities={"image": IMAGE},
        teachers=stage.teachers,
        seed=SEED,
    )
    optimizer = torch.optim.AdamW(learner.parameters(), lr=1e-3)
    order = EpochOrder(size=len(source), batch=BATCH, seed=SEED)
    with Loader(source, device=torch.device("cpu")) as loader:
        for epoch in range(EPOCHS):
            for batch in loader.batches(order, epoch=epoch, seed=SEED):
                losses = learner(batch)
                losses.total().backward()
                optimizer.step()
                optimizer.zero_grad()
                learner.after_step()
            print(epoch, {name: round(loss.item(), 4) for name, loss in losses.terms.items()})


if __name__ == "__main__":
    main()
