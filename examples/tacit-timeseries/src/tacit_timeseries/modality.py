"""The modality: time series of several channels, all of one length."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from jaxtyping import Float
from torch import Tensor

from tacit.contract import Modality

PIECES = 16


@dataclass(frozen=True, kw_only=True)
class Shape:
    """What an encoder of series takes.

    Args:
        channels: of every series.
        length: moments of every series.
    """

    channels: int
    length: int


class Series(Modality):
    """Series `(batch, channels, time)`, floats whose channels have deviations near 1."""

    name = "series"
    default_encoder = "series/transformer"
    mixes = True

    def suggest(self, value: Float[Tensor, "batch channels time"]) -> Mapping[str, object]:
        """Channels and length of the data, and the longest piece that cuts it in 16 or more."""
        _, channels, length = value.shape
        longest = max(1, length // PIECES)
        piece = next(size for size in range(longest, 0, -1) if length % size == 0)
        return {"channels": channels, "length": length, "piece": piece}

    def fit(self, preprocessing: object | None, value: Tensor) -> None:
        """Refuse series of other channels or length than the encoder is made for.

        Raises:
            ValueError: wanted and got, and what to do.
        """
        if not isinstance(preprocessing, Shape):
            return
        wanted = (preprocessing.channels, preprocessing.length)
        if tuple(value.shape[1:]) != wanted:
            raise ValueError(
                f"series: the encoder takes (channels, time) {wanted}; got "
                f"{tuple(value.shape[1:])}. Set encoder.channels and encoder.length to those of "
                "the data, or cut the data as the encoder's were"
            )
