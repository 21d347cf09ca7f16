"""What sources guarantee of a graph, made or refused when it is opened."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch_geometric.data import Data
from torch_geometric.utils import coalesce, remove_self_loops, to_undirected

from tacit_graph.modality import check_type

Missing: TypeAlias = Literal["constant", "degree", "refuse"]


@dataclass(frozen=True, kw_only=True)
class GraphConfig:
    """How any graph is made ready.

    Args:
        missing_features: what nodes without features get: `constant` (one feature, 1 everywhere),
            `degree` (their degree, one-hot, larger ones than `most_degrees` together), or `refuse`.
        most_degrees: classes of degrees.
        undirected: add the other direction of every edge. False keeps directed edges as they are.
        normalise_features: divide each node's features by their sum, as papers do with bags of
            words.
    """

    missing_features: Missing = "constant"
    most_degrees: int = 64
    undirected: bool = True
    normalise_features: bool = False

    def __post_init__(self) -> None:
        if self.most_degrees < 1:
            raise ValueError(f"most_degrees: wanted at least 1; got {self.most_degrees}")


def ready(graph: Any, config: GraphConfig, what: str = "the graph") -> Data:
    """A graph with what `tacit_graph.modality` promises.

    Self-loops and repeated edges are removed: encoders add the loops they want. Isolated nodes
    stay; they are embedded from their own features.

    Raises:
        ValueError: no nodes, edges out of range, features missing, not finite or of another number
            of nodes. Names the first offending ones.
    """
    check_type(graph, what)
    x, count = graph.x, _nodes(graph, what)
    index = _edges(graph.edge_index, count, what)
    index = remove_self_loops(index)[0]
    if config.undirected:
        index = to_undirected(index, num_nodes=count)  # sorted and without repetition
    else:
        index = coalesce(index, num_nodes=count)
    if x is None:
        x = _made_up(index, count, config, what)
    x = _features(x, count, what)
    if config.normalise_features:
        x = x / x.sum(1, keepdim=True).clamp(min=1.0)
    return Data(x=x, edge_index=index, **_kept(graph))


def _kept(graph: Any) -> Mapping[str, Tensor]:
    names = ("y", "train_mask", "val_mask", "test_mask")
    found = {name: getattr(graph, name, None) for name in names}
    return {name: value for name, value in found.items() if isinstance(value, Tensor)}


def _nodes(graph: Any, what: str) -> int:
    if graph.x is not None:
        count = len(graph.x)
    elif "num_nodes" in graph:
        count = int(graph.num_nodes)
    else:
        edges = graph.edge_index
        count = int(edges.max()) + 1 if edges is not None and edges.numel() else 0
    if count < 1:
        raise ValueError(f"{what} has no nodes: leave it out of the data")
    return count


def _edges(index: Tensor | None, nodes: int, what: str) -> Int[Tensor, "2 edges"]:
    if index is None:
        return torch.empty(2, 0, dtype=torch.int64)
    if index.ndim != 2 or index.shape[0] != 2 or index.is_floating_point():
        raise ValueError(
            f"{what}: edge_index: wanted integers of shape (2, edges); got {index.dtype} of shape "
            f"{tuple(index.shape)}"
        )
    wrong = ((index < 0) | (index >= nodes)).any(0).nonzero()[:, 0]
    if len(wrong):
        first = ", ".join(f"{index[0, i]} to {index[1, i]}" for i in wrong[:3].tolist())
        raise ValueError(
            f"{what}: {len(wrong)} edges out of range: wanted nodes 0 to {nodes - 1}; got {first}"
        )
    return index.long()


def _features(x: Tensor, nodes: int, what: str) -> Float[Tensor, "nodes features"]:
    if x.is_sparse or x.layout != torch.strided:
        x = x.to_dense()
    x = x[:, None] if x.ndim == 1 else x
    if x.ndim != 2 or len(x) != nodes or x.shape[1] < 1:
        raise ValueError(
            f"{what}: features: wanted (nodes, features) of {nodes} nodes; got {tuple(x.shape)}"
        )
    x = x.float()
    bad = (~x.isfinite()).any(1).nonzero()[:, 0]
    if len(bad):
        raise ValueError(
            f"{what}: features of {len(bad)} nodes are NaN or infinite, the first of nodes "
            f"{bad[:5].tolist()}: fill them in, or leave those columns out"
        )
    return x.contiguous()


def _made_up(
    index: Int[Tensor, "2 edges"], nodes: int, config: GraphConfig, what: str
) -> Float[Tensor, "nodes features"]:
    if config.missing_features == "refuse":
        raise ValueError(
            f"{what} has no node features: set missing_features=constant or degree, or give some"
        )
    if config.missing_features == "constant":
        return torch.ones(nodes, 1)
    degree = index[1].bincount(minlength=nodes).clamp(max=config.most_degrees - 1)
    return torch.nn.functional.one_hot(degree, config.most_degrees).float()


def label_column(graphs: Sequence[Any]) -> Tensor | None:
    """The label of each graph, if all have one number."""
    found = [getattr(graph, "y", None) for graph in graphs]
    if any(not isinstance(y, Tensor) or y.numel() != 1 for y in found):
        return None
    return torch.stack([y.reshape(()) for y in found if isinstance(y, Tensor)])
