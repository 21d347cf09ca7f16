"""What the tokens of a graph are joined by, and how nodes become graphs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch_geometric.nn import global_add_pool, global_max_pool, global_mean_pool

from tacit.contract import Tokens
from tacit_graph.modality import check_type, graphs_in, owners

Readout: TypeAlias = Literal["mean", "sum", "max"]

_READOUTS = {"mean": global_mean_pool, "sum": global_add_pool, "max": global_max_pool}


@dataclass(frozen=True, kw_only=True, eq=False)
class Edges:
    """The relations of a graph's tokens.

    Args:
        index: source and target node of every directed edge, without self-loops.
        graphs: how many graphs there are; None where the nodes are the instances.
    """

    index: Int[Tensor, "2 edges"]
    graphs: int | None = None

    def looped(self, nodes: int) -> Int[Tensor, "2 more"]:
        """The edges, and one from every node to itself."""
        loops = torch.arange(nodes, device=self.index.device).expand(2, -1)
        return torch.cat([self.index, loops], dim=1)


def tokens_of(value: Any) -> Tokens:
    """A graph as tokens: one a node, with its raw features.

    Raises:
        ValueError: not a graph.
    """
    check_type(value, "graph encoder")
    edges = Edges(index=value.edge_index, graphs=graphs_in(value))
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
