"""A multi-layer perceptron over all cells of a row."""

from __future__ import annotations

from dataclasses import dataclass

from jaxtyping import Float
from torch import Tensor, nn

from tacit_tabular.encoders.pooling import RowEncoder
from tacit_tabular.schema import Column


@dataclass(frozen=True, kw_only=True)
class MlpConfig:
    """Settings of the perceptron.

    Args:
        columns: of the table; a run takes them from its data.
        cell: features of a cell.
        width: features of hidden layers and of the answer.
        depth: layers.
    """

    columns: tuple[Column, ...] = ()
    cell: int = 8
    width: int = 128
    depth: int = 2


class Mlp(RowEncoder):
    """Rows to one vector; it only pools."""

    Config = MlpConfig

    def __init__(self, config: MlpConfig) -> None:
        super().__init__(config.columns, config.cell, config.width)
        layers: list[nn.Module] = []
        width = self.entering
        for _ in range(config.depth):
            layers += [nn.Linear(width, config.width), nn.ReLU()]
            width = config.width
        self.layers = nn.Sequential(*layers)

    def vector(self, cells: Float[Tensor, "rows entering"]) -> Float[Tensor, "rows width"]:
        """The last layer's answer."""
        answer: Tensor = self.layers(cells)
        return answer
