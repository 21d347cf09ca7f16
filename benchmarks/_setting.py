"""The fixed settings methods are compared in: data, encoders, views and budget, the same for all.

What a method needs beyond that (a rate, a momentum that follows fast) belongs into its own
defaults, not here.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import torch

from tacit.api.choice import choose
from tacit.api.config import merge
from tacit.config import Component
from tacit.contract import Batch
from tacit.data import Source, index_tensor
from tacit.methods import Method
from tacit.plugin import Catalogue, Offer

_SMALL_VIEWS = {"scale": (0.2, 1.0), "jitter_strength": 0.5}
_NOT_OF_IT = {"teacher", "instances", "mix", "groups"}
"""What methods require of something else than the encoder."""


@dataclass(frozen=True, kw_only=True)
class Setting:
    """One data set with everything that is held fixed on it.

    Args:
        name: of the setting.
        modality: of the data.
        data: the source, where the setting names it; else `--data` does.
        options: of the source, for training.
        encoders: name to component, the plainest first: a method runs on the first that offers
            what it needs.
        views: view policy to options.
        steps: optimiser steps, over all stages of a method together.
        batch: instances of a step.
        only: the methods measured in it; empty: all.
        without: methods left out, for they have a setting of their own.
        result: the file its rows are kept in; empty: they are not.
        note: what a reader of its table should know.
    """

    name: str
    modality: str
    data: str | None = None
    options: Mapping[str, object] = field(default_factory=dict)
    encoders: Mapping[str, Mapping[str, object]]
    views: Mapping[str, Mapping[str, object]]
    steps: int
    batch: int = 128
    only: tuple[str, ...] = ()
    without: tuple[str, ...] = ()
    result: str = ""
    note: str = ""

    def encoder_of(self, offer: Offer, catalogue: Catalogue) -> str | None:
        """The name of the encoder a method runs on; None if none offers what it needs."""
        needed = {word for word in offer.requires if not word.startswith("views:")} - _NOT_OF_IT
        for name, component in self.encoders.items():
            # As it is set, not as it could be: `provides` cannot tell that it has no positions.
            wanted = Component(name=str(component["name"]), options=_but_name(component))
            made = choose(catalogue, "encoders", wanted, "encoder", "the setting").make()
            if needed <= made.spec.capabilities():
                return name
        return None

    def tree(self, method: Method, encoder: str) -> dict[str, object]:
        """The settings of a run, but for its data and seed."""
        steps = self.steps // len(method.stages)
        training = {"steps": steps, "batch": self.batch, "watch_every": 0}
        stages = {
            stage.name: {"views": {self.modality: dict(self._views(stage.views))}}
            for stage in method.stages
            if self._views(stage.views)
        }
        return {"encoder": dict(self.encoders[encoder]), "training": training, "stages": stages}

    def _views(self, policy: str) -> Mapping[str, object]:
        return self.views.get(policy, {})


_VIT: Mapping[str, object] = {
    "name": "vision/vit",
    "width": 128,
    "depth": 3,
    "heads": 4,
    "patch": 8,
}
"""Tokens of 8 x 8 pixels, chosen on the validation part: of 4 x 4 there are four times as many, and
in 400 steps labels themselves bring a linear probe little beyond that of random weights."""

_GENERATIVE = ("dae", "rcae", "bigan", "cmim")
_HIDDEN = (
    *("mae", "simmim", "gmml", "dmjd", "crop-mae", "cae", "selfie", "mp3", "best-rq"),
    *("i-jepa", "data2vec", "sit", "jigsaw"),
)

CIFAR10 = Setting(
    name="CIFAR-10",
    modality="image",
    options={"split": "train", "limit": 10_000},
    encoders={
        "ResNet, width 16": {"name": "vision/resnet", "width": 16},
        "ViT, 3 x 128": _VIT,
    },
    views={
        "two-views": {**_SMALL_VIEWS, "size": 24, "blur_probability": (0.0, 0.0)},
        "multi-crop": {
            "scale": (0.4, 1.0),
            "size": 24,
            "local_size": 16,
            "local_count": 4,
            "local_scale": (0.1, 0.4),
            "jitter_strength": 0.5,
            "blur_probability": (0.0, 0.0),
            "solarise_probability": (0.0, 0.0),
            "local_blur_probability": 0.0,
        },
        "masked": {"scale": (0.3, 1.0)},
        "whole-and-part": {"scale": (0.3, 1.0)},
    },
    steps=400,
    without=(*_HIDDEN, *_GENERATIVE),
    result="methods",
)
"""Methods that learn from whole instances: by comparing them, or from what was done to them."""

HIDDEN = replace(
    CIFAR10,
    name="CIFAR-10, parts hidden",
    encoders={
        "ViT, 3 x 128": _VIT,
        "ViT, 3 x 128, no positions": {**_VIT, "positions": "none"},
    },
    steps=1200,
    only=_HIDDEN,
    without=(),
    result="methods_hidden",
    note="Methods that predict what was hidden, or how parts lie, have three times the steps of "
    "those that learn from whole instances: of fewer some were not ahead of their random encoder",
)

GENERATIVE = Setting(
    name="Embedded digits",
    modality="image",
    data="vision/digits",
    options={"split": "train"},
    encoders={
        "ViT, 2 x 64": {"name": "vision/vit", "width": 64, "depth": 2, "heads": 4, "patch": 2},
    },
    views={},
    steps=400,
    only=_GENERATIVE,
    result="methods_generative",
    note="Methods that reconstruct or generate whole instances from one vector",
)
"""Small images, which a generator learns to make in the budget of the others."""

DIGITS = Setting(
    name="digits",
    modality="image",
    data="vision/digits",
    options={"split": "train"},
    encoders={
        "ResNet, width 4": {"name": "vision/resnet", "width": 4, "blocks": (1, 1)},
        "ViT, 2 x 16": {"name": "vision/vit", "width": 16, "depth": 2, "heads": 2, "patch": 2},
        "ViT, 2 x 16, no positions": {
            "name": "vision/vit",
            "width": 16,
            "depth": 2,
            "heads": 2,
            "patch": 2,
            "positions": "none",
        },
    },
    views={
        "two-views": {**_SMALL_VIEWS, "blur_probability": (0.0, 0.0)},
        "multi-crop": {"local_count": 2, "local_size": 6},
    },
    steps=4,
    batch=32,
)
"""Too short to learn anything: to see that every method runs."""

SETTINGS = {"whole": CIFAR10, "hidden": HIDDEN, "generative": GENERATIVE, "digits": DIGITS}


def _but_name(component: Mapping[str, object]) -> dict[str, object]:
    return {key: value for key, value in component.items() if key != "name"}


def overrides_of(pairs: Sequence[str]) -> dict[str, object]:
    """What `--set a.b=1` lays over a run's settings: `{"a": {"b": 1}}`."""
    tree: dict[str, object] = {}
    for pair in pairs:
        path, _, text = pair.partition("=")
        try:
            value = json.loads(text)
        except json.JSONDecodeError:
            value = text
        for key in reversed(path.split(".")):
            value = {key: value}
        tree = merge(tree, value)
    return tree


class Subset(Source):
    """Some instances of a source, numbered anew: a training part beside one held out.

    Args:
        source: the whole.
        rows: which of its instances.
    """

    def __init__(self, source: Source, rows: Sequence[int]) -> None:
        self.source, self.rows = source, list(rows)
        self.modalities, self.decodes = source.modalities, source.decodes
        self.label_names = source.label_names

    def __len__(self) -> int:
        return len(self.rows)

    def fetch(self, indices: Sequence[int]) -> Batch:
        """See `tacit.data.Source.fetch`."""
        batch = self.source.fetch([self.rows[index] for index in indices])
        return replace(batch, index=index_tensor(indices))

    def labels(self) -> torch.Tensor | None:
        """See `tacit.data.Source.labels`."""
        labels = self.source.labels()
        return None if labels is None else labels[torch.tensor(self.rows)]

    def groups(self) -> torch.Tensor | None:
        """See `tacit.data.Source.groups`."""
        groups = self.source.groups()
        return None if groups is None else groups[torch.tensor(self.rows)]


class Classes(Source):
    """A source whose classes are its groups, for methods that are told which instances are alike.

    Args:
        source: with classes as labels.

    Raises:
        ValueError: a source without labels.
    """

    def __init__(self, source: Source) -> None:
        if source.labels() is None:
            raise ValueError("wanted labels to make groups of: name their column at the source")
        self.source = source
        self.modalities, self.decodes = source.modalities, source.decodes
        self.label_names = source.label_names

    def __len__(self) -> int:
        return len(self.source)

    def fetch(self, indices: Sequence[int]) -> Batch:
        """See `tacit.data.Source.fetch`."""
        batch = self.source.fetch(indices)
        return replace(batch, group=batch.label)

    def labels(self) -> torch.Tensor | None:
        """See `tacit.data.Source.labels`."""
        return self.source.labels()

    def groups(self) -> torch.Tensor | None:
        """The labels."""
        return self.source.labels()


class Told(Source):
    """A source with labels, for the supervised model alone.

    Args:
        source: of the instances.
        labels: of each.
    """

    def __init__(self, source: Source, labels: torch.Tensor) -> None:
        self.source, self._labels = source, labels
        self.modalities, self.decodes = source.modalities, source.decodes

    def __len__(self) -> int:
        return len(self.source)

    def fetch(self, indices: Sequence[int]) -> Batch:
        """See `tacit.data.Source.fetch`."""
        batch = self.source.fetch(indices)
        return replace(batch, label=self._labels[batch.index])

    def labels(self) -> torch.Tensor:
        """The labels."""
        return self._labels
