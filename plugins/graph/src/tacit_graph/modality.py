"""Graphs as a modality: what an instance is, what raw features it has, what fits an encoder.

A value is a `torch_geometric.data.Data`. Where it has a `batch` vector (as `Batch` has), it holds
several graphs and these are the instances; else it is one graph and its nodes are.

What sources guarantee of a value, so that nothing below needs to look: `x` is `(nodes, features)`,
finite and floating; `edge_index` is `(2, edges)` within the nodes, without self-loops or repeated
edges, and holds both directions of an undirected edge.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch_geometric.data import Batch as GraphBatch
from torch_geometric.data import Data, HeteroData

from tacit.contract import Modality


@dataclass(frozen=True, kw_only=True)
class Preprocessing:
    """What a graph encoder takes.

    Args:
        features: of every node.

    Raises:
        ValueError: fewer than 1.
    """

    features: int

    def __post_init__(self) -> None:
        if self.features < 1:
            raise ValueError(f"features: wanted at least 1; got {self.features}")


class Graph(Modality):
    """Nodes of one graph, or many graphs, as PyG's `Data`."""

    name = "graph"
    default_encoder = "graph/gcn"

    def collate(self, samples: Sequence[Any]) -> Any:
        """Graphs as one value with a `batch` vector.

        Raises:
            ValueError: no graph, not a graph, or graphs that differ in their number of features.
        """
        if not samples:
            raise ValueError("graph: wanted at least one graph to collate; got none")
        for position, sample in enumerate(samples):
            check_type(sample, f"graph {position}")
        widths = [sample.num_node_features for sample in samples]
        if len(set(widths)) > 1:
            raise ValueError(
                f"graph: graphs of one batch differ in their features: {widths[:5]}: give all "
                "nodes the same columns"
            )
        return GraphBatch.from_data_list(list(samples))

    def size(self, value: Any) -> int:
        """Graphs where there are several, else nodes."""
        count = graphs_in(value)
        return int(value.num_nodes) if count is None else count

    def concatenate(self, values: Sequence[Any]) -> Any | None:
        """Nothing: batch statistics of two views are kept apart, as in all papers on graphs."""
        return None

    def raw_features(self, value: Any) -> Float[Tensor, "instances features"]:
        """A node's features; of a graph, the sum of its nodes' and their number."""
        x: Tensor = value.x.float()
        count = graphs_in(value)
        if count is None:
            return x
        with_one = torch.cat([x, x.new_ones(len(x), 1)], dim=1)
        return x.new_zeros(count, with_one.shape[1]).index_add_(0, value.batch, with_one)

    def suggest(self, value: Any) -> Mapping[str, object]:
        """The number of node features."""
        return {"features": int(value.x.shape[1])}

    def fit(self, preprocessing: object | None, value: Any) -> None:
        """Refuse graphs with another number of node features than the encoder is made for.

        Raises:
            ValueError: wanted and got, and which setting mends it.
        """
        check_type(value, "a value")
        if preprocessing is None:
            return
        if not isinstance(preprocessing, Preprocessing):
            raise ValueError(
                "graph: wanted an encoder with tacit_graph.modality.Preprocessing; "
                f"got {type(preprocessing).__name__}"
            )
        if value.x.shape[1] != preprocessing.features:
            raise ValueError(
                f"graph: the encoder takes {preprocessing.features} features a node; got "
                f"{value.x.shape[1]}: give the encoder features={value.x.shape[1]}, or other data"
            )


def check_type(value: object, what: str) -> None:
    """Refuse what is no homogeneous graph.

    Raises:
        ValueError: `HeteroData`, or something else entirely.
    """
    if isinstance(value, HeteroData):
        raise ValueError(
            f"{what}: HeteroData (several types of nodes or edges) is not supported: give one "
            "graph of one type, such as data.to_homogeneous()"
        )
    if not isinstance(value, Data):
        raise ValueError(f"{what}: wanted a torch_geometric.data.Data; got {type(value).__name__}")


def graphs_in(value: Any) -> int | None:
    """How many graphs a value holds; None where it is one graph whose nodes are the instances."""
    if getattr(value, "batch", None) is None:
        return None
    return int(value.ptr.numel()) - 1  # known on the host: nothing waits for the device


def owners(value: Any) -> Int[Tensor, " nodes"]:
    """The instance each node belongs to."""
    if graphs_in(value) is None:
        return torch.arange(value.num_nodes, device=value.x.device)
    batch: Tensor = value.batch
    return batch
