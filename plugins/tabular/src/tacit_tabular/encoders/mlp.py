"""A multi-layer perceptron over all cells of a row."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import torch
from torch import nn

from tacit.contract import Encoder, EncoderSpec, Encoding, Mask, Tokens
from tacit_tabular.encoders.target import CellTarget
from tacit_tabular.encoders.tokens import CellEmbedding
from tacit_tabular.modality import Rows
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


class Mlp(Encoder):
    """Rows to one vector; it only pools."""

    Config = MlpConfig

    def __init__(self, config: MlpConfig) -> None:
        super().__init__()
        self.spec = EncoderSpec(
            modality="table",
            width=config.width,
            own_target=partial(CellTarget, config.columns),
            preprocessing=config.columns,
        )
        self.embed = CellEmbedding(config.columns, config.cell)
        layers: list[nn.Module] = []
        width = config.cell * max(1, len(config.columns))
        for _ in range(config.depth):
            layers += [nn.Linear(width, config.width), nn.ReLU()]
            width = config.width
        self.layers = nn.Sequential(*layers)

    def forward(
        self, value: Rows | Tokens, *, mask: Mask | None = None, taps: Sequence[int] = ()
    ) -> Encoding:
        """Pool rows; masks and taps are refused."""
        self.check_mask(mask)
        if taps or isinstance(value, Tokens):
            raise ValueError("Mlp only pools: it has no tokens and no layers to tap")
        pooled: torch.Tensor = self.layers(self.embed(value).flatten(1))
        return Encoding(pooled=pooled)
