"""Augmentations: from a batch of values to views."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, ClassVar, Literal, Protocol, TypeAlias, runtime_checkable

import torch

from tacit.contract.batch import View
from tacit.contract.encoder import Encoding, Tokens
from tacit.contract.task import Task

Scope: TypeAlias = Literal["instance", "batch"]
"""`instance`: what happens to an instance does not depend on the others of its batch.
`batch`: it may (mixing, donors, style statistics)."""


class Augmentation(ABC):
    """Batched tensor code that makes views of a value, on the value's device.

    Randomness comes from the generator alone: the same value and generator state give the same
    views. What was done goes into each view's `meta`.

    Attributes:
        roles: the role of each view it makes, in order; their number is the number of views.
        meta: the keys every view's `meta` holds.
        tasks: those of the keys that an objective may be asked to predict, and how.
        follows: names of scheduled values it reads (a strength, a size), given to `follow`.
        scope: whether instances see each other.
    """

    roles: tuple[str, ...]
    meta: frozenset[str] = frozenset()
    tasks: Mapping[str, Task] = MappingProxyType({})
    follows: frozenset[str] = frozenset()
    scope: ClassVar[Scope] = "instance"

    def follow(self, values: Mapping[str, float]) -> None:
        """Take, before each step, those of the values it `follows` that are scheduled."""
        assert not self.follows, f"{type(self).__name__} follows values: it needs a follow()"

    @abstractmethod
    def __call__(self, value: Any, generator: torch.Generator) -> tuple[View, ...]:
        """The views of one modality's value."""


@runtime_checkable
class Encode(Protocol):
    """How a model-scope augmentation reaches the encoder it attacks or consults."""

    def __call__(self, value: Any | Tokens) -> Encoding:
        """Encode with gradient to the value, and none kept on the encoder's parameters."""


class ModelAugmentation(ABC):
    """An augmentation that may call the encoder or take gradients through it.

    Declared apart because it costs forwards and backwards of its own, and because it cannot run
    in a loader.
    """

    roles: tuple[str, ...]
    meta: frozenset[str] = frozenset()
    tasks: Mapping[str, Task] = MappingProxyType({})
    follows: frozenset[str] = frozenset()

    def follow(self, values: Mapping[str, float]) -> None:
        """Take, before each step, those of the values it `follows` that are scheduled."""
        assert not self.follows, f"{type(self).__name__} follows values: it needs a follow()"

    @abstractmethod
    def __call__(self, value: Any, generator: torch.Generator, encode: Encode) -> tuple[View, ...]:
        """The views of one modality's value."""
