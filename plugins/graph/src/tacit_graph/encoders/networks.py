"""GCN, GAT, GIN and GraphSAGE by name."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import ClassVar

from tacit_graph.encoders.convolutions import Attention, Convolution, gin, sage
from tacit_graph.encoders.decoders import GatDecoder, GcnDecoder, SumDecoder
from tacit_graph.encoders.edges import Readout
from tacit_graph.encoders.gnn import ACTIVATIONS, Activation, Gnn, GnnConfig, Norm


@dataclass(frozen=True, kw_only=True)
class GcnConfig(GnnConfig):
    """Settings of a GCN."""


class Gcn(Gnn):
    """Graph convolutional network.

    Source: Kipf and Welling 2017 (arXiv 1609.02907); PyG's `GCNConv`.
    """

    Config: ClassVar[type[GcnConfig]] = GcnConfig

    def __init__(self, config: GcnConfig | None = None) -> None:
        config = config or GcnConfig()
        super().__init__(config, Convolution, partial(GcnDecoder, dropout=config.dropout))


@dataclass(frozen=True, kw_only=True)
class GatConfig(GnnConfig):
    """Settings of a GAT.

    Args:
        heads: of every layer; must divide its features.
        attention_dropout: share of the attention weights set to zero, in training.

    Raises:
        ValueError: heads that do not divide a layer's features, or a share out of range.
    """

    heads: int = 4
    attention_dropout: float = 0.0

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.heads < 1 or any(width % self.heads for width in self.widths()[1:]):
            raise ValueError(f"heads: {self.heads} do not divide the widths {self.widths()[1:]}")
        if not 0 <= self.attention_dropout < 1:
            raise ValueError(
                f"attention_dropout: wanted at least 0 and less than 1; got "
                f"{self.attention_dropout}"
            )


class Gat(Gnn):
    """Graph attention network; heads are concatenated in every layer.

    Source: Velickovic et al. 2018 (arXiv 1710.10903); PyG's `GATConv`.
    """

    Config: ClassVar[type[GatConfig]] = GatConfig

    def __init__(self, config: GatConfig | None = None) -> None:
        config = config or GatConfig()
        heads, dropout = config.heads, config.attention_dropout
        super().__init__(
            config,
            partial(Attention, heads=heads, attention_dropout=dropout),
            partial(GatDecoder, dropout=config.dropout, attention_dropout=dropout),
        )


@dataclass(frozen=True, kw_only=True)
class GinConfig(GnnConfig):
    """Settings of a GIN; graphs are told apart by sums, so that is its readout."""

    activation: Activation = "relu"
    norm: Norm = "batch"
    readout: Readout = "sum"


class Gin(Gnn):
    """Graph isomorphism network.

    Source: Xu et al. 2019 (arXiv 1810.00826); PyG's `GINConv`.
    """

    Config: ClassVar[type[GinConfig]] = GinConfig

    def __init__(self, config: GinConfig | None = None) -> None:
        config = config or GinConfig()
        activation = ACTIVATIONS[config.activation]
        super().__init__(
            config,
            partial(gin, activation=activation),
            partial(SumDecoder, dropout=config.dropout),
        )


@dataclass(frozen=True, kw_only=True)
class SageConfig(GnnConfig):
    """Settings of a GraphSAGE network."""

    activation: Activation = "relu"


class Sage(Gnn):
    """GraphSAGE with the mean over neighbours.

    Source: Hamilton et al. 2017 (arXiv 1706.02216); PyG's `SAGEConv`.
    """

    Config: ClassVar[type[SageConfig]] = SageConfig

    def __init__(self, config: SageConfig | None = None) -> None:
        config = config or SageConfig()
        super().__init__(config, sage, partial(GcnDecoder, dropout=config.dropout))
