"""Decoders of a graph encoder's own kind: one layer of messages from embeddings back to features.

Messages are added up first and mapped to features after: embeddings are narrower than bags of words,
and only the nodes that are asked for need the map. Both orders give the same sums.
"""

from __future__ import annotations

import math

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn
from torch.nn import functional
from torch_geometric.nn import GCNConv
from torch_geometric.utils import softmax

from tacit.contract import Tokens
from tacit_graph.encoders.convolutions import Passed


class Decoder(nn.Module):
    """Adds up over neighbours, then maps the nodes asked for; no activation, no normalisation.

    Args:
        width: of the embeddings.
        out: features answered for every node.
        gain: of the normal Glorot initialisation of the map.

    Source: Hou et al. 2022 (arXiv 2205.10803) section 3.2: a decoder of a single layer.
    """

    def __init__(self, width: int, out: int, *, gain: float = 1.0) -> None:
        super().__init__()
        self.gain = gain
        self.weight, self.bias = nn.Parameter(torch.empty(out, width)), nn.Parameter(torch.empty(out))
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw new weights."""
        nn.init.xavier_normal_(self.weight, gain=self.gain)
        nn.init.zeros_(self.bias)

    def summed(self, x: Float[Tensor, "nodes width"], tokens: Tokens) -> Tensor:
        """The messages each node gets, added up."""
        raise NotImplementedError

    def forward(
        self, tokens: Tokens, asked: Bool[Tensor, " nodes"] | None = None
    ) -> Float[Tensor, "nodes out"]:
        """Features of every node; 0 where they are not asked for."""
        summed = self.summed(tokens.values, tokens)
        if asked is None or asked.device.type != "cpu":  # other devices would wait for the number
            return functional.linear(summed, self.weight, self.bias)
        rows = asked.nonzero()[:, 0]
        found = functional.linear(summed[rows], self.weight, self.bias)
        return found.new_zeros(len(summed), found.shape[1]).index_copy(0, rows, found)


class GcnDecoder(Decoder):
    """The sums of a graph convolution."""

    def __init__(self, width: int, out: int) -> None:
        super().__init__(width, out)
        self.convolution = GCNConv(width, width, add_self_loops=False, bias=False)
        self.convolution.lin = Passed()

    def summed(self, x: Float[Tensor, "nodes width"], tokens: Tokens) -> Tensor:
        """See `Decoder.summed`."""
        out: Tensor = self.convolution(x, tokens.relations.looped(len(x)))
        return out


class GatDecoder(Decoder):
    """The sums of graph attention with one head.

    The attention scores are those of mapped embeddings, `a (W x)`, computed as `(a W) x`.

    Args:
        width: of the embeddings.
        out: features answered for every node.
        dropout: of the embeddings.
        attention_dropout: of the attention weights.
    """

    def __init__(
        self, width: int, out: int, *, dropout: float = 0.0, attention_dropout: float = 0.0
    ) -> None:
        super().__init__(width, out, gain=math.sqrt(2))
        self.dropout, self.attention_dropout = dropout, attention_dropout
        self.attention = nn.Parameter(nn.init.xavier_normal_(torch.empty(2, out), gain=self.gain))

    def reset_parameters(self) -> None:
        """Draw new weights."""
        super().reset_parameters()
        if hasattr(self, "attention"):
            nn.init.xavier_normal_(self.attention, gain=self.gain)

    def summed(self, x: Float[Tensor, "nodes width"], tokens: Tokens) -> Tensor:
        """See `Decoder.summed`."""
        x = functional.dropout(x, self.dropout, self.training)
        source, target = tokens.relations.looped(len(x))
        weights = self._attention(x, source, target)
        return torch.zeros_like(x).index_add(0, target, weights[:, None] * x[source])

    def _attention(
        self,
        x: Float[Tensor, "nodes width"],
        source: Int[Tensor, " edges"],
        target: Int[Tensor, " edges"],
    ) -> Float[Tensor, " edges"]:
        sent, received = functional.linear(x, self.attention @ self.weight).unbind(1)
        scores = functional.leaky_relu(sent[source] + received[target], 0.2)
        weights: Tensor = softmax(scores, target, num_nodes=len(x))
        return functional.dropout(weights, self.attention_dropout, self.training)


class SumDecoder(Decoder):
    """The sums of GIN: a node and its neighbours, then a network of two layers.

    Source: Xu et al. 2019 (arXiv 1810.00826) eq. 4.1.
    """

    def __init__(self, width: int, out: int) -> None:
        super().__init__(width, out)
        self.hidden = nn.Sequential(nn.Linear(width, width), nn.BatchNorm1d(width), nn.ReLU())

    def summed(self, x: Float[Tensor, "nodes width"], tokens: Tokens) -> Tensor:
        """See `Decoder.summed`."""
        source, target = tokens.relations.index
        found: Tensor = self.hidden(x.index_add(0, target, x[source]))
        return found
