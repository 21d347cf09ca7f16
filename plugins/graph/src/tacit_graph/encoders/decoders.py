"""Decoders of a graph encoder's own kind: one layer of messages from embeddings to what is asked.

Messages are added up first and mapped after: embeddings are narrower than bags of words,
and only the nodes that are asked for need the map. Both orders give the same sums.
"""

from __future__ import annotations

import math
from abc import abstractmethod

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from tacit.contract import Tokens
from tacit_graph.encoders.convolutions import attention_weights, draw_attention
from tacit_graph.encoders.edges import Edges


class Decoder(nn.Module):
    """Adds up over neighbours, then maps the nodes asked for; no activation, no normalisation.

    Args:
        width: of the embeddings.
        out: features answered for every node.
        dropout: share of the embeddings' features set to zero first, in training, as before every
            layer of an encoder.
        gain: of the normal Glorot initialisation of the map.

    Source: Hou et al. 2022 (arXiv 2205.10803) section 3.2: a decoder of a single layer.
    """

    def __init__(self, width: int, out: int, *, dropout: float = 0.0, gain: float = 1.0) -> None:
        super().__init__()
        self.dropout, self.gain = dropout, gain
        self.weight = nn.Parameter(torch.empty(out, width))
        self.bias = nn.Parameter(torch.empty(out))
        Decoder.reset_parameters(self)

    def reset_parameters(self) -> None:
        """Draw new weights."""
        nn.init.xavier_normal_(self.weight, gain=self.gain)
        nn.init.zeros_(self.bias)

    @abstractmethod
    def summed(self, x: Float[Tensor, "nodes width"], edges: Edges) -> Float[Tensor, "nodes width"]:
        """The messages each node gets, added up."""

    def forward(self, tokens: Tokens) -> Float[Tensor, "nodes out"]:
        """Features of every node, or of those alone whose positions are asked for."""
        x = functional.dropout(tokens.values, self.dropout, self.training)
        summed, asked = self.summed(x, tokens.relations), tokens.asked
        if asked is not None and asked.dtype != torch.bool:
            summed = summed.index_select(0, asked)
        return functional.linear(summed, self.weight, self.bias)


class GcnDecoder(Decoder):
    """The sums of a graph convolution."""

    def summed(self, x: Float[Tensor, "nodes width"], edges: Edges) -> Float[Tensor, "nodes width"]:
        """See `Decoder.summed`."""
        return edges.incoming.add_up(x, edges.normalised)


class GatDecoder(Decoder):
    """The sums of graph attention with one head.

    The attention scores are those of mapped embeddings, `a (W x)`, computed as `(a W) x`.

    Args:
        width: of the embeddings.
        out: features answered for every node.
        dropout: as of `Decoder`.
        attention_dropout: of the attention weights.
    """

    def __init__(
        self, width: int, out: int, *, dropout: float = 0.0, attention_dropout: float = 0.0
    ) -> None:
        super().__init__(width, out, dropout=dropout, gain=math.sqrt(2))
        self.attention_dropout = attention_dropout
        self.attention = nn.Parameter(torch.empty(2, out))
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw new weights."""
        super().reset_parameters()
        draw_attention(self.attention[:, None])

    def summed(self, x: Float[Tensor, "nodes width"], edges: Edges) -> Float[Tensor, "nodes width"]:
        """See `Decoder.summed`."""
        sent, received = functional.linear(x, self.attention @ self.weight).split(1, dim=1)
        dropout = self.attention_dropout if self.training else 0.0
        weights = attention_weights(sent, received, edges, dropout=dropout)
        return edges.incoming.add_up(x, weights)


class SumDecoder(Decoder):
    """The sums of GIN: a node and its neighbours, then a network of two layers.

    Source: Xu et al. 2019 (arXiv 1810.00826) eq. 4.1.
    """

    def __init__(self, width: int, out: int, *, dropout: float = 0.0) -> None:
        super().__init__(width, out, dropout=dropout)
        self.hidden = nn.Sequential(nn.Linear(width, width), nn.BatchNorm1d(width), nn.ReLU())

    def summed(self, x: Float[Tensor, "nodes width"], edges: Edges) -> Float[Tensor, "nodes width"]:
        """See `Decoder.summed`."""
        source, target = edges.index
        found: Tensor = self.hidden(x.index_add(0, target, x[source]))
        return found
