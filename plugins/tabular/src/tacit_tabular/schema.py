"""What a column holds, with the statistics an encoder keeps of the rows it was fitted on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

Kind: TypeAlias = Literal["numerical", "categorical"]


@dataclass(frozen=True, kw_only=True)
class Column:
    """One column, and what its training rows say of it.

    Args:
        name: unique in its table.
        kind: `numerical` (also times, as seconds since 1970) or `categorical` (also booleans).
        mean: of the numbers present; subtracted by the encoder.
        std: their deviation, divided by after that; 1 where all are equal or none is present.
        categories: what occurs, as strings; code i of a value is entry i.

    Raises:
        ValueError: a deviation that is not positive.
    """

    name: str
    kind: Kind = "numerical"
    mean: float = 0.0
    std: float = 1.0
    categories: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if not self.std > 0:
            raise ValueError(f"column {self.name!r}: std: wanted above 0; got {self.std}")
