"""Pretext tasks: a question about what was done to a view, whose answer its meta holds."""

from __future__ import annotations

from abc import ABC, abstractmethod

from jaxtyping import Float, Shaped
from torch import Tensor


class Task(ABC):
    """How an answer in a view's `meta` is predicted, and how a prediction is judged.

    The augmentation makes the answer and declares the task under the same key
    (`Augmentation.tasks`); an objective asks it without knowing what it is about.

    Attributes:
        width: numbers a head is to give for each instance.
    """

    width: int

    @abstractmethod
    def loss(
        self, predicted: Float[Tensor, "rows width"], answer: Shaped[Tensor, rows * answer]
    ) -> Float[Tensor, ""]:
        """What is minimised: a mean over the rows of all processes.

        See `tacit.functional.global_mean`.
        """

    @abstractmethod
    def score(
        self, predicted: Float[Tensor, "rows width"], answer: Shaped[Tensor, rows * answer]
    ) -> dict[str, Float[Tensor, ""]]:
        """Named measures people read, over the rows of all processes, without gradient."""
