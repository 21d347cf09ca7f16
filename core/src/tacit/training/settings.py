"""The settings of a training run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from tacit.training.optimizers import AdamW, OptimizerConfig
from tacit.training.schedules import Schedule

_COUNTS = (
    "epochs",
    "steps",
    "batch",
    "accumulate",
    "log_every",
    "keep",
    "watch_size",
    "checkpoint_every",
)


@dataclass(frozen=True, kw_only=True)
class Training:
    """How long, how large and how precise; the same for every method.

    Args:
        epochs: passes over the data; leave out when `steps` is set.
        steps: optimiser steps.
        endless: train until asked to stop, instead of `epochs` or `steps`; schedules must then not
            need an end. A run's last stage alone can be endless.
        batch: instances of a batch, over all processes together.
        accumulate: parts a batch is split into, to save memory; contrastive objectives then see
            only a part's negatives.
        precision: number format of the forward; bf16 and fp16 are autocast, fp16 with loss scaling.
        clip: largest norm of a player's gradient; none leaves it alone.
        optimizer: the optimiser of every player that has none of its own.
        optimizers: optimisers of single players, by name (`discriminator`).
        schedules: values that move, by name. `lr_factor` and `weight_decay_factor` multiply the
            optimisers' settings, `<player>.lr_factor` those of one player; `weights.<term>` is the
            weight of a loss term; `<teacher>.momentum` how slowly a teacher follows; others are
            read by the method or the views.
        weights: weight of a loss term, by name; 1 where not set.
        trainable: name patterns of parameters to train (`encoders.*.adapter.*`), or rows of one
            (`encoders.*.embed.weight[30522:]`: those from there on); all if empty.
        locked: modalities whose encoders are left as they are, in evaluation mode: towers trained
            before (see `initial` of the run). What stands behind them is trained.
        rates: factors on the learning rate, by name pattern (`encoders.first.*`); of several that
            match a parameter the last counts.
        bucket: batches whose instances are sorted by length together before they are shuffled, so
            that each batch holds little padding; 0 leaves lengths to chance. Needs a source that
            knows them.
        workers: processes that load data; 0 loads in the training process, none asks the source.
        log_every: steps between two lines of metrics.
        watch_every: steps between two looks at the embeddings (effective rank, kNN); 0 for none,
            none for once an epoch, or every 100 steps where an epoch is a single one.
        watch_size: instances looked at, from the beginning of the data.
        checkpoint_every: steps between two checkpoints; none for once an epoch (every 100 steps
            where an epoch is a single one), or, of data without epochs, at the end.
        keep: checkpoints kept.
        compile: compile the encoders with torch.compile.
        device: auto, cpu, cuda or cuda:N.

    Raises:
        ValueError: settings that contradict each other.
    """

    epochs: int | None = None
    steps: int | None = None
    endless: bool = False
    batch: int = 256
    accumulate: int = 1
    precision: Literal["float32", "bf16", "fp16"] = "float32"
    clip: float | None = None
    optimizer: OptimizerConfig = AdamW()
    optimizers: Mapping[str, OptimizerConfig] = field(default_factory=dict)
    schedules: Mapping[str, Schedule] = field(default_factory=dict)
    weights: Mapping[str, float] = field(default_factory=dict)
    trainable: tuple[str, ...] = ()
    locked: tuple[str, ...] = ()
    rates: Mapping[str, float] = field(default_factory=dict)
    bucket: int = 0
    workers: int | None = None
    log_every: int = 20
    watch_every: int | None = None
    watch_size: int = 2048
    checkpoint_every: int | None = None
    keep: int = 2
    compile: bool = False
    device: str = "auto"

    def __post_init__(self) -> None:
        if [self.epochs is not None, self.steps is not None, self.endless].count(True) != 1:
            raise ValueError(
                f"wanted either epochs or steps, or endless=true; got epochs={self.epochs}, "
                f"steps={self.steps} and endless={self.endless}"
            )
        for name in _COUNTS:
            value = getattr(self, name)
            if value is not None and value < 1:
                raise ValueError(f"{name}: wanted at least 1; got {value}")
        if self.batch % self.accumulate:
            raise ValueError(
                f"accumulate: {self.accumulate} parts do not divide a batch of {self.batch}"
            )
        for name in ("workers", "watch_every", "bucket"):
            value = getattr(self, name)
            if value is not None and value < 0:
                raise ValueError(f"{name}: wanted at least 0; got {value}")
        if self.clip is not None and self.clip <= 0:
            raise ValueError(f"clip: wanted above 0, or none; got {self.clip}")
