"""A look at the embeddings between steps: effective rank, kNN, and a warning of collapse.

Two places are looked at: the encoder's embeddings, and, through the metrics the objective reports,
what its loss compares. A loss can be at its least on embeddings that are all alike while the
encoder, one or two layers away, still looks healthy.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import ClassVar

import torch

from tacit.contract import Modality
from tacit.data import GeneratedSource, Loader, Source
from tacit.evaluation import Embeddings, KnnConfig, collapsed, embed, knn_predict
from tacit.methods.learner import Learner
from tacit.training.settings import Training


class CollapseWarning(UserWarning):
    """The embeddings have collapsed, or are about to."""


LEAST = {"deviation": 0.02, "information": 0.02}
"""An objective's metrics that say how far apart instances are, and what is too little."""


class Watch:
    """Embeds a fixed part of the training data and measures it.

    kNN is measured where there are integer labels: the second half of the part is classified by
    the first. It is a sign of life, not a score: `tacit evaluate` measures on data held out.

    Args:
        source: the training data.
        size: instances looked at, spread evenly over the data.
        batch: instances embedded at once.
        names: the modalities.
    """

    neighbours: ClassVar[int] = 20

    def __init__(self, source: Source, size: int, batch: int, names: tuple[str, ...]) -> None:
        self._source, self._batch, self._names = source, batch, names
        size = min(size, len(source))
        self._rows = torch.linspace(0, len(source) - 1, size).long().unique().tolist()
        labels = source.labels()
        self._logged: Mapping[str, float] = {}
        self._labels = None
        if labels is not None and not labels.is_floating_point():
            self._labels = labels

    @staticmethod
    def of(
        source: Source | GeneratedSource, modalities: Mapping[str, Modality], settings: Training
    ) -> Watch | None:
        """A watch over data of a known size; None over endless data."""
        if not isinstance(source, Source) or len(source) < 2 or settings.watch_every == 0:
            return None
        return Watch(source, settings.watch_size, settings.batch, tuple(modalities))

    def __call__(self, learner: Learner) -> dict[str, float]:
        """The measures, by name; warns of a collapse."""
        out: dict[str, float] = {}
        for name in self._names:
            suffix = f"/{name}" if len(self._names) > 1 else ""
            found = self._embed(learner, name)
            embeddings = found.values
            health = collapsed(embeddings)
            out[f"watch/rank{suffix}"] = health.rank
            out[f"watch/deviation{suffix}"] = health.deviation
            if self._labels is not None:
                out[f"watch/knn{suffix}"] = self._knn(found)
            if health:
                warnings.warn(
                    f"the {name} embeddings look collapsed: {health}. Such an encoder tells "
                    "instances apart badly: lower the learning rate, enlarge the batch, or check "
                    "the views",
                    CollapseWarning,
                    stacklevel=2,
                )
        self._warn_of_the_loss()
        return out

    def metrics(self, step: int, values: Mapping[str, float]) -> None:
        """Remember what the objective reported last, for the next look."""
        self._logged = {**self._logged, **values}

    def progress(self, step: int, total: int | None, instances_per_second: float) -> None:
        """Nothing to do: see `tacit.training.loop.Observer`."""

    def checkpoint(self, step: int, path: Path) -> None:
        """Nothing to do: see `tacit.training.loop.Observer`."""

    def _warn_of_the_loss(self) -> None:
        low = {
            name: value
            for name, value in self._logged.items()
            if value < LEAST.get(name.partition("/")[0], -math.inf)
        }
        if low:
            said = ", ".join(f"{name} {value:.3f}" for name, value in low.items())
            warnings.warn(
                f"what the loss compares has collapsed ({said}; 0 is all alike): the loss is low "
                "because instances are no longer told apart. Check what keeps them apart: the "
                "predictor, the stop-gradient, the centring, the learning rate",
                CollapseWarning,
                stacklevel=3,
            )

    def _embed(self, learner: Learner, name: str) -> Embeddings:
        with Loader(self._source, device=learner.device) as loader:
            batches = loader.sequential(self._batch, indices=self._rows)
            return embed(learner.encoder(name), batches, instances=len(self._rows))

    def _knn(self, found: Embeddings) -> float:
        assert self._labels is not None
        embeddings = found.values
        labels = self._labels[found.index].to(embeddings.device)  # some may lack the modality
        half = len(embeddings) // 2
        config = KnnConfig(neighbours=min(self.neighbours, half))
        predicted = knn_predict(embeddings[:half], labels[:half], embeddings[half:], config=config)
        return float((predicted == labels[half:]).float().mean())
