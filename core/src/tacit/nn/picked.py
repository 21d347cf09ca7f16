"""A few tokens of each row, for what is costly and needed of them alone."""

from __future__ import annotations

from dataclasses import dataclass

from jaxtyping import Bool, Int, Shaped
from torch import Tensor


@dataclass(frozen=True, eq=False)
class Picked:
    """Which tokens of each row were picked. Rows that have fewer hold others in their place.

    Args:
        index: of the tokens, those that count first.
        there: False where a row has no more that count.
    """

    index: Int[Tensor, "batch picked"]
    there: Bool[Tensor, "batch picked"]

    def of(
        self, values: Shaped[Tensor, "batch tokens *rest"]
    ) -> Shaped[Tensor, "batch picked *rest"]:
        """The values of these tokens."""
        index = self.index.view(*self.index.shape, *[1] * (values.ndim - 2))
        return values.gather(1, index.expand(-1, -1, *values.shape[2:]))

    def into(
        self, values: Shaped[Tensor, "batch tokens"], new: Shaped[Tensor, "batch picked"]
    ) -> Shaped[Tensor, "batch tokens"]:
        """The values of all tokens, those of the picked ones that count exchanged."""
        return values.scatter(1, self.index, new.where(self.there, self.of(values)))


def pick(asked: Bool[Tensor, "batch tokens"], most: int | None) -> Picked:
    """The tokens that are asked for, found without waiting for the device.

    Args:
        asked: which are.
        most: no row asks for more; what it asks for beyond that would be left out. None: all tokens
            are taken, for nobody knows.
    """
    index = (~asked).byte().argsort(dim=1, stable=True)[:, :most]
    return Picked(index, asked.gather(1, index))
