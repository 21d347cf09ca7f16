"""PyG's convolutions with the linear map in front, so that sparse features stay sparse.

A convolution that first maps and then passes messages (GCN, GAT) is split there: the map is ours
and sees `Inputs`, the messages are PyG's. GIN and GraphSAGE pass messages first.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch_geometric.nn import GATConv, GCNConv, GINConv, SAGEConv

from tacit_graph.encoders.edges import Edges
from tacit_graph.encoders.inputs import Inputs


class Passed(nn.Identity):
    """In place of a convolution's own linear map, which was done before it."""

    def reset_parameters(self) -> None:
        """Nothing to reset."""


class Mapped(nn.Module):
    """A linear map, then PyG's messages.

    Args:
        before: features that come in.
        after: features that go out.
        convolution: PyG's, whose own map `lin` is taken out.
        gain: of the normal Glorot initialisation of the map.
    """

    def __init__(self, before: int, after: int, convolution: Any, *, gain: float = 1.0) -> None:
        super().__init__()
        self.gain = gain
        self.weight = nn.Parameter(torch.empty(after, before))
        convolution.lin = Passed()
        self.convolution = convolution
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw new weights."""
        nn.init.xavier_normal_(self.weight, gain=self.gain)
        self.convolution.reset_parameters()

    def forward(self, inputs: Inputs, edges: Edges) -> Float[Tensor, "nodes width"]:
        """Map, and add up over neighbours and the node itself."""
        mapped = inputs.times(self.weight)
        out: Tensor = self.convolution(mapped, edges.looped(len(mapped)))
        return out


class Summed(nn.Module):
    """PyG's messages on the features as they are, without self-loops."""

    def __init__(self, convolution: Any) -> None:
        super().__init__()
        self.convolution = convolution

    def forward(self, inputs: Inputs, edges: Edges) -> Float[Tensor, "nodes width"]:
        """Add up over neighbours, and map."""
        out: Tensor = self.convolution(inputs.dense(), edges.index)
        return out


def gcn(before: int, after: int) -> nn.Module:
    """Kipf and Welling's convolution: symmetric normalisation, self-loops."""
    return Mapped(before, after, GCNConv(after, after, add_self_loops=False))


def gat(before: int, after: int, *, heads: int, attention_dropout: float) -> nn.Module:
    """Graph attention; the heads' answers are concatenated."""
    convolution = GATConv(
        after, after // heads, heads=heads, dropout=attention_dropout, add_self_loops=False
    )
    return Mapped(before, after, convolution, gain=math.sqrt(2))


def gin(before: int, after: int, *, activation: Callable[[], nn.Module]) -> nn.Module:
    """Graph isomorphism network: a sum, then two linear layers with batch norm between."""
    layers = nn.Sequential(
        nn.Linear(before, after), nn.BatchNorm1d(after), activation(), nn.Linear(after, after)
    )
    return Summed(GINConv(layers))


def sage(before: int, after: int) -> nn.Module:
    """GraphSAGE: the mean of the neighbours beside the node itself."""
    return Summed(SAGEConv(before, after))
