"""A learner is a plain module: it trains in a loop of one's own and in other people's trainers."""

from __future__ import annotations

import pytest
import torch

from tacit.contract import Augmentation, Batch, DataInfo, Modality, PooledEncoder, View
from tacit.methods import Learner, simclr


class Signal(Modality):
    name = "signal"
    default_encoder = "signal/none"


class TwoNoisyViews(Augmentation):
    roles = ("global", "global")

    def __call__(self, value: torch.Tensor, generator: torch.Generator) -> tuple[View, ...]:
        noise = (torch.randn(value.shape, generator=generator) for _ in self.roles)
        return tuple(View(value=value + 0.1 * each, role="global") for each in noise)


def make_learner() -> Learner:
    torch.manual_seed(0)
    stage = simclr().stages[0]
    network = torch.nn.Sequential(torch.nn.Linear(8, 32), torch.nn.ReLU(), torch.nn.Linear(32, 16))
    return Learner(
        encoders={"signal": PooledEncoder(network, modality="signal", width=16)},
        objective=stage.objective(stage.config),
        augmentations={"signal": TwoNoisyViews()},
        modalities={"signal": Signal()},
        data=DataInfo(instances=64),
    )


def fell(losses: list[float]) -> bool:
    return sum(losses[-10:]) < sum(losses[:10]) - 0.5


def batches(steps: int) -> list[Batch]:
    data = torch.randn(64, 8, generator=torch.Generator().manual_seed(1))
    index = torch.arange(64)
    return [Batch(values={"signal": data}, index=index)] * steps


def test_a_loop_of_ones_own_needs_four_lines() -> None:
    learner = make_learner()
    optimizer = torch.optim.AdamW(learner.parameters(), lr=1e-2)
    losses = []
    for batch in batches(50):
        loss = learner(batch).total()
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()
        learner.after_step()
        losses.append(float(loss.detach()))
    assert fell(losses)


@pytest.mark.filterwarnings("ignore")
def test_a_learner_trains_in_lightning() -> None:
    lightning = pytest.importorskip("lightning")

    class Wrapped(lightning.LightningModule):
        def __init__(self) -> None:
            super().__init__()
            self.learner = make_learner()
            self.losses: list[float] = []

        def training_step(self, batch: Batch, _: int) -> torch.Tensor:
            loss = self.learner(batch).total()
            self.losses.append(float(loss.detach()))
            return loss

        def on_train_batch_end(self, *_: object) -> None:
            self.learner.after_step()

        def transfer_batch_to_device(self, batch: Batch, device: torch.device, _: int) -> Batch:
            return batch.to(device)

        def configure_optimizers(self) -> torch.optim.Optimizer:
            return torch.optim.AdamW(self.parameters(), lr=1e-2)

    module = Wrapped()
    trainer = lightning.Trainer(
        max_epochs=1,
        accelerator="cpu",
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
    )
    trainer.fit(module, torch.utils.data.DataLoader(batches(50), batch_size=None))
    assert fell(module.losses)


@pytest.mark.filterwarnings("ignore")
def test_a_learner_trains_in_fabric() -> None:
    fabric_module = pytest.importorskip("lightning.fabric")
    fabric = fabric_module.Fabric(accelerator="cpu", devices=1)
    learner = make_learner()
    module, optimizer = fabric.setup(learner, torch.optim.AdamW(learner.parameters(), lr=1e-2))
    losses = []
    for batch in batches(50):
        loss = module(batch).total()
        fabric.backward(loss)
        optimizer.step()
        optimizer.zero_grad()
        learner.after_step()
        losses.append(float(loss.detach()))
    assert fell(losses)
