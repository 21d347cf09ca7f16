"""The stack of layers all graph encoders are, under the contract of encoders."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from typing import Any, ClassVar, Literal, TypeAlias

import torch
from jaxtyping import Float
from torch import Tensor, nn

from tacit.contract import Encoder, EncoderSpec, Encoding, Mask, Tokens
from tacit_graph.encoders.edges import Readout, pool, tokens_of
from tacit_graph.encoders.inputs import Inputs, Remembered
from tacit_graph.modality import Preprocessing

Activation: TypeAlias = Literal["prelu", "relu", "elu"]
Norm: TypeAlias = Literal["batch", "layer", "none"]

ACTIVATIONS: dict[str, Callable[[], nn.Module]] = {
    "prelu": nn.PReLU,
    "relu": nn.ReLU,
    "elu": nn.ELU,
}


@dataclass(frozen=True, kw_only=True)
class GnnConfig:
    """Settings all graph encoders share.

    Args:
        features: of a node; the data decide if not set. Graphs without features have one, which
            is 1 everywhere.
        width: features of the last layer, and of `pooled` unless layers are joined.
        hidden: features of the layers before; none for `width`.
        layers: how many; each lets a node see one step further.
        activation: after every layer.
        last_activation: whether after the last one too; CCA-SSG's encoder has none there.
        norm: before each activation: of the batch, of each node's features, or none.
        norm_last: the norm comes after each activation instead, as in the authors' encoders of
            InfoGraph and GraphCL.
        dropout: share of the features set to zero before each layer and before a decoder of the
            encoder's own kind, in training.
        readout: how the nodes of a graph become one vector; without effect on single nodes.
        join: concatenate the answers of all layers, as GIN does for graphs, instead of the last.

    Raises:
        ValueError: numbers out of range.
    """

    features: int = 1
    width: int = 256
    hidden: int | None = None
    layers: int = 2
    activation: Activation = "prelu"
    last_activation: bool = True
    norm: Norm = "none"
    norm_last: bool = False
    dropout: float = 0.0
    readout: Readout = "mean"
    join: bool = False

    def __post_init__(self) -> None:
        for name in ("features", "width", "hidden", "layers"):
            number = getattr(self, name)
            if number is not None and number < 1:
                raise ValueError(f"{name}: wanted at least 1; got {number}")
        if not 0 <= self.dropout < 1:
            raise ValueError(f"dropout: wanted at least 0 and less than 1; got {self.dropout}")
        if self.hidden is not None and self.layers == 1:
            raise ValueError("hidden: no effect with a single layer; leave it out or set layers=2")
        if self.norm_last and self.norm == "none":
            raise ValueError("norm_last: there is no norm: set norm='batch' or 'layer'")

    def widths(self) -> list[int]:
        """Features before the first layer and after each."""
        return [self.features, *[self.hidden or self.width] * (self.layers - 1), self.width]


class Gnn(Encoder):
    """Layers of messages, each followed by a normalisation and an activation.

    Tokens are nodes, packed; a hidden node enters as one learned vector of features, which begins
    at zero as in GraphMAE. `pooled` is a vector for each node of one graph, or for each graph.

    Args:
        config: settings.
        layer: makes one, of the features before and after it.
        decoder: makes a network of one such layer, of the width of embeddings and the features it
            is to answer; for objectives that predict what nodes held, or what they are.
    """

    Config: ClassVar[type[GnnConfig]] = GnnConfig

    def __init__(
        self,
        config: GnnConfig,
        layer: Callable[[int, int], nn.Module],
        decoder: Callable[[int, int], nn.Module],
    ) -> None:
        super().__init__()
        self.config = config
        widths = config.widths()
        self.spec = _spec(config, decoder)
        self.token = nn.Parameter(torch.zeros(config.features))
        self.layers, self.norms = nn.ModuleList(), nn.ModuleList()
        self.activations = nn.ModuleList()
        for number, (before, after) in enumerate(pairwise(widths), start=1):
            last = number == config.layers
            self.layers.append(layer(before, after))
            self.norms.append(_norm(config.norm, after))
            silent = last and not config.last_activation
            self.activations.append(nn.Identity() if silent else ACTIVATIONS[config.activation]())
        self._sparse = Remembered()

    def no_weight_decay(self) -> frozenset[str]:
        """The learned token."""
        return frozenset({"token"})

    def tokenize(self, value: Any) -> Tokens:
        """A graph as one token a node, with its raw features."""
        return tokens_of(value)

    def token_targets(self, value: Any) -> Float[Tensor, "nodes features"]:
        """The raw features of every node."""
        x: Tensor = value.x
        return x

    def forward(
        self, value: Any | Tokens, *, mask: Mask | None = None, taps: Sequence[int] = ()
    ) -> Encoding:
        """Encode a graph or graphs.

        Raises:
            ValueError: not a graph, another number of features, or a mask of other tokens.
        """
        self.check_mask(mask)
        tokens = value if isinstance(value, Tokens) else self.tokenize(value)
        self._check(tokens, mask, taps)
        every = self._run(tokens, None if mask is None else mask.hidden)
        nodes = torch.cat(every, dim=1) if self.config.join else every[-1]
        return Encoding(
            pooled=pool(nodes, tokens, self.config.readout),
            tokens=nodes,
            owner=tokens.owner,
            layers={tap: every[tap - 1] for tap in taps},
        )

    def _run(self, tokens: Tokens, hidden: Tensor | None) -> list[Tensor]:
        """The answer of every layer."""
        x, edges = tokens.values, tokens.relations
        dropout = self.config.dropout if self.training else 0.0
        inputs = Inputs(
            x=x, sparse=self._sparse(x), hidden=hidden, token=self.token, dropout=dropout
        )
        every: list[Tensor] = []
        for layer, norm, activation in zip(self.layers, self.norms, self.activations, strict=True):
            x = layer(inputs, edges)
            x = norm(activation(x)) if self.config.norm_last else activation(norm(x))
            every.append(x)
            inputs = Inputs(x=x, dropout=dropout)
        return every

    def _check(self, tokens: Tokens, mask: Mask | None, taps: Sequence[int]) -> None:
        nodes, features = tokens.values.shape
        if features != self.config.features:
            raise ValueError(
                f"{type(self).__name__}: wanted {self.config.features} features a node; got "
                f"{features}: set features={features}"
            )
        if mask is not None and tuple(mask.hidden.shape) != (nodes,):
            raise ValueError(
                f"mask: wanted one entry for each of {nodes} nodes; got {tuple(mask.hidden.shape)}"
            )
        self.check_taps(taps)


def _norm(kind: str, width: int) -> nn.Module:
    if kind == "batch":
        return nn.BatchNorm1d(width)
    return nn.LayerNorm(width) if kind == "layer" else nn.Identity()


def _spec(config: GnnConfig, decoder: Callable[[int, int], nn.Module]) -> EncoderSpec:
    width = sum(config.widths()[1:]) if config.join else config.width
    return EncoderSpec(
        modality="graph",
        width=width,
        tokens="packed",
        mask_modes=frozenset({"replace"}),
        layers=config.layers,
        target_width=config.features,
        positions=False,
        decoder=partial(decoder, width),
        preprocessing=Preprocessing(features=config.features),
    )
