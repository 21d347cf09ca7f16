"""What the training loop costs on top of a bare PyTorch loop, per step, and beside Lightning.

A two-layer perceptron on small batches in memory, so that the step itself is next to nothing: the
same network, data, fused AdamW with two parameter groups and one logged value in every case. Ours
is the whole engine: source, loader, shuffle, views, learner, objective, update plan, optimiser,
recorder. One thread, CPU time, cases interleaved.

    OMP_NUM_THREADS=1 python benchmarks/loop.py
"""

from __future__ import annotations

import logging
import statistics
import time
import warnings
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from _measure import write
from torch import Tensor, nn

from tacit.contract import (
    Augmentation,
    Batch,
    Context,
    DataInfo,
    EncoderSpec,
    Losses,
    Modality,
    Objective,
    PooledEncoder,
    View,
    Views,
)
from tacit.data import Source, index_tensor
from tacit.methods import Learner
from tacit.training.loop import Trainer
from tacit.training.optimizers import AdamW
from tacit.training.parallel import World
from tacit.training.settings import Training

ROUNDS, STEPS = 11, 2000
ROWS, COLUMNS, HIDDEN, BATCH, LOG_EVERY = 4096, 16, 32, 32, 20
RATE, DECAY = 1e-3, 0.05


class Rows(Source):
    """A table in memory."""

    modalities = ("row",)

    def __init__(self, values: Tensor) -> None:
        self.values = values

    def __len__(self) -> int:
        return len(self.values)

    def fetch(self, indices: Sequence[int]) -> Batch:
        """One indexing operation."""
        index = index_tensor(indices)
        return Batch(values={"row": self.values[index]}, index=index)


class Row(Modality):
    """A row of numbers."""

    name = "row"


class AsIs(Augmentation):
    """One view: the value itself."""

    roles = ("view",)

    def __call__(self, value: Any, generator: torch.Generator) -> tuple[View, ...]:
        """The value itself."""
        return (View(value=value),)


class Square(Objective):
    """The mean square of the embedding: as cheap as a loss can be."""

    def build(self, specs: Mapping[str, EncoderSpec], data: DataInfo) -> None:
        """No heads."""
        return

    def forward(self, views: Views, ctx: Context) -> Losses:
        """One term."""
        return Losses(terms={"square": ctx.encode(views[0]).pooled.square().mean()})


def perceptron() -> nn.Sequential:
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(COLUMNS, HIDDEN), nn.ReLU(), nn.Linear(HIDDEN, HIDDEN))


def adamw(network: nn.Module) -> torch.optim.Optimizer:
    matrices = [p for p in network.parameters() if p.ndim > 1]
    vectors = [p for p in network.parameters() if p.ndim <= 1]
    groups: list[dict[str, Any]] = [{"params": matrices}, {"params": vectors, "weight_decay": 0.0}]
    return torch.optim.AdamW(groups, lr=RATE, weight_decay=DECAY, fused=True)


def bare(data: Tensor) -> Callable[[], float]:
    def run() -> float:
        network, done = perceptron(), 0
        optimizer = adamw(network)
        seen: list[Tensor] = []
        started = time.process_time()
        while done < STEPS:
            for index in torch.randperm(ROWS).view(-1, BATCH):
                loss = network(data[index]).square().mean()
                loss.backward()
                optimizer.step()
                optimizer.zero_grad()
                seen.append(loss.detach())
                done += 1
                if done % LOG_EVERY == 0:
                    torch.stack(seen).mean().item()
                    seen = []
                if done == STEPS:
                    break
        return time.process_time() - started

    return run


def ours(data: Tensor) -> Callable[[], float]:
    settings = Training(
        steps=STEPS,
        batch=BATCH,
        log_every=LOG_EVERY,
        watch_every=0,
        optimizer=AdamW(lr=RATE, weight_decay=DECAY),
    )

    def run() -> float:
        encoder = PooledEncoder(perceptron(), modality="row", width=HIDDEN)
        learner = Learner(
            encoders={"row": encoder},
            objective=Square(),
            augmentations={"row": AsIs()},
            modalities={"row": Row()},
        )
        here = World(device=torch.device("cpu"))
        trainer = Trainer(learner=learner, source=Rows(data), settings=settings, seed=0, world=here)
        started = time.process_time()
        trainer.run()
        return time.process_time() - started

    return run


def lightning(data: Tensor) -> Callable[[], float] | None:
    try:
        from lightning.pytorch import LightningModule, Trainer
    except ImportError:
        return None
    logging.getLogger("lightning.pytorch").setLevel(logging.ERROR)

    class Module(LightningModule):
        def __init__(self) -> None:
            super().__init__()
            self.network = perceptron()

        def training_step(self, batch: list[Tensor]) -> Tensor:
            loss: Tensor = self.network(batch[0]).square().mean()
            self.log("square", loss)
            return loss

        def configure_optimizers(self) -> torch.optim.Optimizer:
            return adamw(self.network)

    def loader() -> Any:
        whole = torch.utils.data.TensorDataset(data)
        order = torch.utils.data.RandomSampler(whole)
        batches = torch.utils.data.BatchSampler(order, BATCH, drop_last=True)
        return torch.utils.data.DataLoader(whole, sampler=batches, batch_size=None)

    def run() -> float:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            trainer = Trainer(
                max_steps=STEPS,
                accelerator="cpu",
                devices=1,
                logger=False,
                enable_checkpointing=False,
                enable_progress_bar=False,
                enable_model_summary=False,
                log_every_n_steps=LOG_EVERY,
            )
            started = time.process_time()
            trainer.fit(Module(), loader())
            return time.process_time() - started

    return run


def measure(name: str, case: Callable[[], float], beside: Callable[[], float]) -> dict[str, float]:
    """A case in turns with the bare loop: the median of the differences of neighbours."""
    pairs = [(beside() / STEPS * 1e6, case() / STEPS * 1e6) for _ in range(ROUNDS + 1)][1:]
    base = statistics.median(bare for bare, _ in pairs)
    over = [own - bare for bare, own in pairs]
    row = {
        "bare_microseconds_per_step": round(base, 1),
        "over_bare": round(statistics.median(over), 1),
        "over_bare_lowest": round(min(over), 1),
        "over_bare_highest": round(max(over), 1),
        "times_bare": round(statistics.median(own / bare for bare, own in pairs), 2),
    }
    print(f"{name:10s} {row}")
    return row


def main() -> None:
    torch.set_num_threads(1)
    data = torch.randn(ROWS, COLUMNS, generator=torch.Generator().manual_seed(0))
    rows = {"tacit": measure("tacit", ours(data), bare(data))}
    # Last: once it is imported, steps of any loop in this process take longer.
    if (other := lightning(data)) is not None:
        rows["lightning"] = measure("lightning", other, bare(data))
    payload = {
        "what": "microseconds of CPU time per step of a two-layer perceptron over a bare loop, "
        "each in turns with it",
        "rounds": ROUNDS,
        "steps": STEPS,
        "batch": BATCH,
        "cases": rows,
    }
    write("loop", payload)


if __name__ == "__main__":
    main()
