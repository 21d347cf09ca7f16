"""What is predicted of tokens, where one kind of features or codes does not say it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any

from jaxtyping import Bool, Float, Shaped
from torch import Tensor, nn


class TokenTarget(nn.Module, ABC):
    """The content of every token, and how far off a prediction of it is.

    For encoders whose tokens are not alike: columns of numbers beside columns of categories, each
    with a loss of its own. `EncoderSpec.own_target` makes one; objectives that predict "the
    encoder's own target" ask it and know nothing of what it holds.

    Attributes:
        width: numbers a decoder is to answer for each token; a token may leave some unused.
    """

    width: int

    @abstractmethod
    def forward(self, value: Any) -> Shaped[Tensor, "*tokens_and_content"]:
        """What was there: dense `(batch, tokens)` or packed `(tokens,)`, and any axes after.

        Called without gradient.
        """

    @abstractmethod
    def error(
        self,
        prediction: Float[Tensor, "*tokens width"],
        target: Shaped[Tensor, "*tokens_and_content"],
        hidden: Bool[Tensor, "*tokens"],
    ) -> Float[Tensor, ""]:
        """The mean error over the tokens that count, of all processes.

        See `tacit.functional.global_mean`, without which processes with more hidden tokens would
        count for less.
        """
