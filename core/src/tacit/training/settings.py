"""The settings of a training run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from tacit.training.optimizers import AdamW, OptimizerConfig
from tacit.training.schedules import Schedule


@dataclass(frozen=True, kw_only=True)
class Training:
    """How long, how large and how precise; the same for every method.

    Args:
        epochs: passes over the data; leave out when `steps` is set.
        steps: optimiser steps; needed where the data has no end.
        batch: instances of a batch, over all processes together.
        accumulate: parts a batch is split into, to save memory; contrastive objectives then see
            only a part's negatives.
        precision: number format of the forward; bf16 and fp16 are autocast, fp16 with loss scaling.
        clip: largest norm of a player's gradient; none leaves it alone.
        optimizer: the optimiser of every player.
        schedules: values that move, by name. `lr_factor` and `weight_decay_factor` multiply the
            optimiser's settings; others are read by the method (`teacher.momentum`).
        weights: weight of a loss term, by name; 1 where not set.
        trainable: name patterns of parameters to train (`encoders.*.adapter.*`); all if empty.
        workers: processes that load data; 0 loads in the training process, none asks the source.
        log_every: steps between two lines of metrics.
        watch_every: steps between two looks at the embeddings (effective rank, kNN); 0 for none,
            none for once an epoch.
        watch_size: instances looked at, from the beginning of the data.
        checkpoint_every: steps between two checkpoints; none for once an epoch.
        keep: checkpoints kept.
        compile: compile the encoders with torch.compile.
        device: auto, cpu, cuda or cuda:N.

    Raises:
        ValueError: settings that contradict each other.
    """

    epochs: int | None = None
    steps: int | None = None
    batch: int = 256
    accumulate: int = 1
    precision: Literal["float32", "bf16", "fp16"] = "float32"
    clip: float | None = None
    optimizer: OptimizerConfig = AdamW()
    schedules: Mapping[str, Schedule] = field(default_factory=dict)
    weights: Mapping[str, float] = field(default_factory=dict)
    trainable: tuple[str, ...] = ()
    workers: int | None = None
    log_every: int = 20
    watch_every: int | None = None
    watch_size: int = 2048
    checkpoint_every: int | None = None
    keep: int = 2
    compile: bool = False
    device: str = "auto"

    def __post_init__(self) -> None:
        if (self.epochs is None) == (self.steps is None):
            raise ValueError(
                f"wanted either epochs or steps; got epochs={self.epochs} and steps={self.steps}"
            )
        for name in ("epochs", "steps", "batch", "accumulate", "log_every", "keep", "watch_size"):
            value = getattr(self, name)
            if value is not None and value < 1:
                raise ValueError(f"{name}: wanted at least 1; got {value}")
        if self.batch % self.accumulate:
            raise ValueError(
                f"accumulate: {self.accumulate} parts do not divide a batch of {self.batch}"
            )
        if self.checkpoint_every is not None and self.checkpoint_every < 1:
            raise ValueError(f"checkpoint_every: wanted at least 1; got {self.checkpoint_every}")
