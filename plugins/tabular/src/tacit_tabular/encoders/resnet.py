"""A residual network over all cells of a row."""

from __future__ import annotations

from dataclasses import dataclass

from jaxtyping import Float
from torch import Tensor, nn

from tacit_tabular.encoders.pooling import RowEncoder
from tacit_tabular.schema import Column


@dataclass(frozen=True, kw_only=True)
class ResNetConfig:
    """Settings of the residual network.

    Args:
        columns: of the table; a run takes them from its data.
        cell: features of a cell.
        width: features of the trunk and of the answer.
        depth: blocks.
        hidden: features within a block, as a multiple of `width`; the paper searches 1 to 4.
        dropout: within a block, in training alone; the paper searches 0 to 0.5.

    Raises:
        ValueError: fewer than 1 block, a multiple below 1, or dropout outside [0, 1).
    """

    columns: tuple[Column, ...] = ()
    cell: int = 8
    width: int = 128
    depth: int = 2
    hidden: int = 2
    dropout: float = 0.0

    def __post_init__(self) -> None:
        for name in ("depth", "hidden"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name}: wanted at least 1; got {getattr(self, name)}")
        if not 0 <= self.dropout < 1:
            raise ValueError(f"dropout: wanted at least 0 and below 1; got {self.dropout}")


class ResNet(RowEncoder):
    """Rows to one vector; it only pools.

    A linear layer, then blocks that each add to the trunk, then a norm and a ReLU: the paper's
    network without its last layer, which is the prediction's.

    Source: Gorishniy et al. 2021 (arXiv:2106.11959), section 3.2 and appendix E.3. Where we differ:
    layer norm takes the place of batch norm, so that a row's vector does not depend on its batch
    and methods that run views one by one see one network; every cell is embedded, where the paper
    embeds categories alone; one dropout a block in place of two.
    """

    Config = ResNetConfig

    def __init__(self, config: ResNetConfig) -> None:
        super().__init__(config.columns, config.cell, config.width)
        self.first = nn.Linear(self.entering, config.width)
        self.blocks = nn.ModuleList(
            _Block(config.width, config.hidden * config.width, config.dropout)
            for _ in range(config.depth)
        )
        self.last = nn.Sequential(nn.LayerNorm(config.width), nn.ReLU())

    def vector(self, cells: Float[Tensor, "rows entering"]) -> Float[Tensor, "rows width"]:
        """The trunk after all blocks."""
        trunk = self.first(cells)
        for block in self.blocks:
            trunk = trunk + block(trunk)
        answer: Tensor = self.last(trunk)
        return answer


class _Block(nn.Module):
    """What a block adds to the trunk."""

    def __init__(self, width: int, hidden: int, dropout: float) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.LayerNorm(width),
            nn.Linear(width, hidden),
            nn.ReLU(),
            nn.Dropout(dropout),
            nn.Linear(hidden, width),
        )

    def forward(self, trunk: Float[Tensor, "rows width"]) -> Float[Tensor, "rows width"]:
        added: Tensor = self.layers(trunk)
        return added
