"""What the tokens of a graph are joined by, and how nodes become graphs."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal, TypeAlias

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.nn import functional
from torch_geometric.nn import global_add_pool, global_max_pool, global_mean_pool

from tacit.contract import Tokens
from tacit_graph.modality import check_type, graphs_in, owners

Readout: TypeAlias = Literal["mean", "sum", "max"]

_READOUTS = {"mean": global_mean_pool, "sum": global_add_pool, "max": global_max_pool}


@dataclass(frozen=True, kw_only=True, eq=False)
class Incoming:
    """The edges into each node, node by node.

    Args:
        sources: where each edge begins.
        targets: where it ends, rising.
        starts: position of each node's first edge.
    """

    sources: Int[Tensor, " edges"]
    targets: Int[Tensor, " edges"]
    starts: Int[Tensor, " nodes"]

    @classmethod
    def of(cls, index: Int[Tensor, "2 edges"], nodes: int) -> Incoming:
        """The edges sorted by target."""
        targets, order = index[1].sort(stable=True)
        ends = torch.arange(nodes, device=index.device)
        return cls(
            sources=index[0][order], targets=targets, starts=torch.searchsorted(targets, ends)
        )

    def add_up(
        self, x: Float[Tensor, "nodes width"], weights: Float[Tensor, "edges heads"]
    ) -> Float[Tensor, "nodes width"]:
        """The weighted sum of what each node's neighbours hold, head by head.

        `embedding_bag` adds up as it reads: no message is ever written down, where a gather and a
        scatter write and read `(edges, width)` several times.
        """
        nodes, heads = len(x), weights.shape[1]
        by_head = x.view(nodes, heads, -1).transpose(0, 1).reshape(heads * nodes, -1)
        shift = torch.arange(heads, device=x.device)[:, None]
        summed = functional.embedding_bag(
            (self.sources + shift * nodes).flatten(),
            by_head,
            (self.starts + shift * len(self.sources)).flatten(),
            mode="sum",
            per_sample_weights=weights.t().flatten().to(x.dtype),
        )
        return summed.view(heads, nodes, -1).transpose(0, 1).reshape(nodes, -1)


@dataclass(frozen=True, kw_only=True, eq=False)
class Edges:
    """The relations of a graph's tokens.

    Args:
        index: source and target node of every directed edge, without self-loops.
        nodes: how many there are.
        graphs: how many graphs there are; None where the nodes are the instances.
    """

    index: Int[Tensor, "2 edges"]
    nodes: int
    graphs: int | None = None

    @cached_property
    def incoming(self) -> Incoming:
        """The edges into each node, and one from every node to itself."""
        loops = torch.arange(self.nodes, device=self.index.device).expand(2, -1)
        return Incoming.of(torch.cat([self.index, loops], dim=1), self.nodes)

    @cached_property
    def normalised(self) -> Float[Tensor, "edges 1"]:
        """The weights of a graph convolution, of `incoming`: one over the root of both degrees.

        Source: Kipf and Welling 2017 (arXiv 1609.02907) eq. 2.
        """
        own = self.incoming
        degree = torch.zeros(self.nodes, device=self.index.device)
        degree.index_add_(0, own.targets, torch.ones_like(own.targets, dtype=degree.dtype))
        root = degree.rsqrt()
        return (root[own.sources] * root[own.targets])[:, None]


def tokens_of(value: Any) -> Tokens:
    """A graph as tokens: one a node, with its raw features.

    Raises:
        ValueError: not a graph.
    """
    check_type(value, "graph encoder")
    edges = Edges(index=value.edge_index, nodes=len(value.x), graphs=graphs_in(value))
    return Tokens(values=value.x, owner=owners(value), relations=edges)


def pool(
    nodes: Float[Tensor, "nodes width"], tokens: Tokens, readout: Readout
) -> Float[Tensor, "instances width"]:
    """One vector for each instance: the node's own, or the readout of a graph's nodes."""
    count = tokens.relations.graphs
    if count is None:
        return nodes
    pooled: Tensor = _READOUTS[readout](nodes, tokens.owner, size=count)
    return pooled
