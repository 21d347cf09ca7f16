"""The layers of graph encoders.

GCN and GAT map first and then pass messages: both are written here so that sparse features stay
sparse and no message is written down; they equal PyG's `GCNConv` and `GATConv`. GIN and GraphSAGE
pass messages first and are PyG's own.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional
from torch_geometric.nn import GINConv, SAGEConv
from torch_geometric.utils import softmax

from tacit_graph.encoders.edges import Edges
from tacit_graph.encoders.inputs import Inputs

SLOPE = 0.2
"""Of the attention scores below 0, as the paper has it."""


class Convolution(nn.Module):
    """Kipf and Welling's convolution: symmetric normalisation, self-loops.

    Args:
        before: features that come in.
        after: features that go out.

    Source: Kipf and Welling 2017 (arXiv 1609.02907) eq. 2.
    """

    def __init__(self, before: int, after: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.empty(after, before))
        self.bias = nn.Parameter(torch.empty(after))
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw new weights."""
        nn.init.xavier_uniform_(self.weight)
        nn.init.zeros_(self.bias)

    def forward(self, inputs: Inputs, edges: Edges) -> Float[Tensor, "nodes width"]:
        """Map, and add up over neighbours and the node itself."""
        return edges.incoming.add_up(inputs.times(self.weight), edges.normalised) + self.bias


class Attention(nn.Module):
    """Graph attention over neighbours and the node itself; the heads' answers are concatenated.

    Args:
        before: features that come in.
        after: features that go out, of all heads together.
        heads: must divide them.
        attention_dropout: share of the attention weights set to zero, in training.

    Source: Velickovic et al. 2018 (arXiv 1710.10903) eq. 1 to 5; initialised by the rule of
    GraphMAE's layers (THUDM/GraphMAE, graphmae/models/gat.py).
    """

    def __init__(self, before: int, after: int, *, heads: int, attention_dropout: float) -> None:
        super().__init__()
        self.heads, self.attention_dropout = heads, attention_dropout
        self.weight = nn.Parameter(torch.empty(after, before))
        self.attention = nn.Parameter(torch.empty(2, heads, after // heads))
        self.bias = nn.Parameter(torch.empty(after))
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw new weights."""
        nn.init.xavier_normal_(self.weight, gain=math.sqrt(2))
        draw_attention(self.attention)
        nn.init.zeros_(self.bias)

    def forward(self, inputs: Inputs, edges: Edges) -> Float[Tensor, "nodes width"]:
        """Map, and add up by attention."""
        mapped = inputs.times(self.weight)
        sent, received = functional.linear(mapped, self._scores()).chunk(2, dim=1)
        dropout = self.attention_dropout if self.training else 0.0
        weights = attention_weights(sent, received, edges, dropout=dropout)
        return edges.incoming.add_up(mapped, weights) + self.bias

    def _scores(self) -> Float[Tensor, "scores width"]:
        """Both attention vectors of every head, beside zeros for the features of other heads.

        One narrow matrix product, where a batched one head by head took a third of a step.
        """
        own = torch.eye(self.heads, dtype=self.attention.dtype, device=self.attention.device)
        return (own[None, :, :, None] * self.attention[:, :, None]).view(2 * self.heads, -1)


def draw_attention(vectors: Float[Tensor, "2 heads width"]) -> None:
    """Draw the vectors of those who send and of those who receive, each for itself."""
    for one in vectors.detach():
        nn.init.xavier_normal_(one[None], gain=math.sqrt(2))


def attention_weights(
    sent: Float[Tensor, "nodes heads"],
    received: Float[Tensor, "nodes heads"],
    edges: Edges,
    *,
    dropout: float,
) -> Float[Tensor, "edges heads"]:
    """How much each node attends to each of its neighbours and to itself; 1 in all.

    Args:
        sent: a node's part of the score of edges that begin at it.
        received: likewise, of those that end at it.
        edges: the graph.
        dropout: share set to zero, the others scaled up.
    """
    own = edges.incoming
    scores = functional.leaky_relu(sent[own.sources] + received[own.targets], SLOPE)
    weights: Tensor = softmax(scores, own.targets, num_nodes=edges.nodes)
    return functional.dropout(weights, dropout) if dropout else weights


class Summed(nn.Module):
    """PyG's messages on the features as they are, without self-loops."""

    def __init__(self, convolution: Any) -> None:
        super().__init__()
        self.convolution = convolution

    def forward(self, inputs: Inputs, edges: Edges) -> Float[Tensor, "nodes width"]:
        """Add up over neighbours, and map."""
        out: Tensor = self.convolution(inputs.dense(), edges.index)
        return out


def gin(before: int, after: int, *, activation: Callable[[], nn.Module]) -> nn.Module:
    """Graph isomorphism network: a sum, then two linear layers with batch norm between."""
    layers = nn.Sequential(
        nn.Linear(before, after), nn.BatchNorm1d(after), activation(), nn.Linear(after, after)
    )
    return Summed(GINConv(layers))


def sage(before: int, after: int) -> nn.Module:
    """GraphSAGE: the mean of the neighbours beside the node itself."""
    return Summed(SAGEConv(before, after))
