"""Fine-tuning: a copy of the encoder trained on few labels, for what freezing it would not show."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import torch
from jaxtyping import Int
from torch import Tensor, nn
from torch.nn import functional

from tacit.contract import Batch, Encoder
from tacit.evaluation.embed import Tap, device_of, embed, tapped
from tacit.evaluation.embeddings import kept_rows
from tacit.evaluation.splits import few_of_each


@runtime_checkable
class Readable(Protocol):
    """Batches that can also be read in any order."""

    def __iter__(self) -> Iterator[Batch]:
        """Every instance once."""

    def read(self, indices: Sequence[int]) -> Batch:
        """The instances of these positions in the data set, on the device wanted."""


@dataclass(frozen=True, kw_only=True)
class FineTuneConfig:
    """Settings of fine-tuning on few labels.

    Attributes:
        labels: of each class; a class that has fewer gives all.
        epochs: over those; so many that small encoders have left their start, so few that the
            start still counts.
        batch: fewest instances of a step; with fewer labels than that a step takes all of them.
        lr: of Adam at its height, after a warm-up over the first tenth of the steps.

    Raises:
        ValueError: a number that is not above 0.
    """

    labels: int = 50
    epochs: int = 10
    batch: int = 50
    lr: float = 1e-3

    def __post_init__(self) -> None:
        for name in ("labels", "epochs", "batch", "lr"):
            if (number := getattr(self, name)) <= 0:
                raise ValueError(f"fine-tuning: {name}: wanted above 0; got {number}")


@dataclass(frozen=True, kw_only=True)
class Labelled:
    """The training instances and their classes.

    Attributes:
        data: where they are read.
        index: position of every instance in its data set, rising.
        codes: class of every instance, from 0.
        classes: how many there are.
    """

    data: Readable
    index: Int[Tensor, " train"]
    codes: Int[Tensor, " train"]
    classes: int

    def few(self, count: int, generator: torch.Generator) -> Int[Tensor, " few"]:
        """The positions in the data set of so many instances of each class."""
        return self.index[few_of_each(self.codes, count, generator=generator)]

    def codes_of(self, index: Int[Tensor, " rows"]) -> Int[Tensor, " rows"]:
        """The classes of instances, by their position in the data set."""
        return self.codes[torch.searchsorted(self.index, index.to(self.index.device))]


class FineTuned:
    """A fine-tuned copy of an encoder with its layer of classes.

    Args:
        encoder: the copy.
        layer: from what was tapped to a score for each class.
        tap: what that is.
    """

    def __init__(self, encoder: Encoder, layer: nn.Linear, tap: Tap) -> None:
        self.encoder, self.layer, self.tap = encoder, layer, tap

    def predict(self, data: Iterable[Batch]) -> Int[Tensor, " instances"]:
        """The likeliest class of every instance, in the order of the data set."""
        found = embed(self.encoder, data, tap=self.tap).values
        with torch.no_grad():
            scores: Tensor = self.layer(found)
        return scores.argmax(1)


def fine_tune(
    encoder: Encoder,
    train: Labelled,
    *,
    width: int,
    generator: torch.Generator,
    tap: Tap = "pooled",
    config: FineTuneConfig | None = None,
) -> FineTuned:
    """Train a copy of an encoder and a linear layer on a few labels of each class.

    Everything is trained, batch norms in training mode, on the instances as they are, without
    augmentation. The layer begins at zero, so that no encoder begins with a lucky one. The encoder
    given is left as it was.

    Args:
        encoder: trained or fresh.
        train: what the few are drawn from.
        width: features of what is tapped.
        generator: on the CPU; draws which instances have labels, their order, and the seed of what
            the encoder itself draws (dropout).
        tap: what of the encoding is classified, see `Tap`.
        config: settings.

    Raises:
        ValueError: a tap the encoder lacks.

    Source: the protocol of few-label fine-tuning, as in Chen et al. 2020 (arXiv 2002.05709)
        section 6. Differs: Adam over few epochs instead of SGD with momentum over 60, no
        augmentation, and nothing is chosen on a validation part.
    """
    config = config or FineTuneConfig()
    tuned = copy.deepcopy(encoder).requires_grad_(True).train()
    device = device_of(encoder)
    layer = nn.utils.skip_init(nn.Linear, width, train.classes, device=device)
    nn.init.zeros_(layer.weight)
    nn.init.zeros_(layer.bias)
    chosen = train.few(config.labels, generator)
    seed = int(torch.randint(2**31, (), generator=generator))
    with torch.random.fork_rng(devices=[device] if device.type == "cuda" else []):
        torch.manual_seed(seed)
        _fit(tuned, layer, train, chosen, generator, tap, config)
    return FineTuned(tuned.eval(), layer, tap)


def _fit(
    encoder: Encoder,
    layer: nn.Linear,
    train: Labelled,
    chosen: Int[Tensor, " few"],
    generator: torch.Generator,
    tap: Tap,
    config: FineTuneConfig,
) -> None:
    parts = max(1, len(chosen) // config.batch)
    adam = torch.optim.Adam([*encoder.parameters(), *layer.parameters()], lr=config.lr)
    schedule = torch.optim.lr_scheduler.LambdaLR(adam, _factor(config.epochs * parts))
    features = tapped(encoder, tap)
    for _ in range(config.epochs):
        order = chosen[torch.randperm(len(chosen), generator=generator)]
        for rows in order.tensor_split(parts):
            batch = train.data.read(rows.tolist())
            kept = kept_rows(batch, encoder.spec.modality)
            pooled = features(batch.values[encoder.spec.modality])
            index = batch.index
            if kept is not None:
                pooled, index = pooled[kept], index[kept]
            codes = train.codes_of(index).to(pooled.device)
            loss = functional.cross_entropy(layer(pooled), codes)
            adam.zero_grad()
            loss.backward()
            adam.step()
            schedule.step()


def _factor(steps: int) -> Callable[[int], float]:
    """The rate over the steps: up over a tenth of them, down along half a cosine."""
    warm = max(1, steps // 10)

    def at(step: int) -> float:
        if step < warm:
            return (step + 1) / warm
        done = (step - warm) / max(1, steps - warm)
        return (1 + math.cos(math.pi * min(1.0, done))) / 2

    return at
