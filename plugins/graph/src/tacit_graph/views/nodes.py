"""Graphs without some of their nodes."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate
from typing import Any

import torch
from jaxtyping import Bool, Int
from torch import Tensor
from torch_geometric.data import Data

from tacit_graph.modality import graphs_in


def starts_of(value: Any) -> Int[Tensor, " more"]:
    """Position of each graph's first node, and after the last the number of nodes."""
    if graphs_in(value) is None:
        return torch.tensor([0, value.num_nodes], device=value.x.device)
    starts: Tensor = value.ptr
    return starts


def graph_of_nodes(value: Any) -> Int[Tensor, " nodes"]:
    """The graph of each node; 0 where there is one."""
    if graphs_in(value) is None:
        return torch.zeros(value.num_nodes, dtype=torch.int64, device=value.x.device)
    owner: Tensor = value.batch
    return owner


def isolated(value: Any, dropped: Bool[Tensor, " nodes"]) -> Any:
    """The graph with some nodes cut off: no edges, features 0. Rows stay as they are.

    For graphs whose nodes are the instances: a view must keep a row for each.
    """
    left = ~dropped[value.edge_index].any(0)
    return edited(value, x=value.x * ~dropped[:, None], edge_index=value.edge_index[:, left])


def without(value: Any, dropped: Bool[Tensor, " nodes"]) -> Any:
    """Graphs without some nodes and their edges, the others numbered anew.

    How many are left is known on the device alone, so this waits for it, once a view.
    """
    kept = ~dropped
    number = kept.cumsum(0) - 1
    left = kept[value.edge_index].all(0)
    counts = torch.zeros(graphs_in(value) or 1, dtype=torch.int64, device=kept.device)
    counts.index_add_(0, value.batch, kept.long())
    starts = torch.cat([counts.new_zeros(1), counts.cumsum(0)])
    return edited(
        value,
        x=value.x[kept],
        edge_index=number[value.edge_index[:, left]],
        batch=value.batch[kept],
        ptr=starts,
    )


def edited(value: Any, **changed: Tensor) -> Any:
    """A value with the same graphs and other content; what is not edited is not carried along."""
    kept = {"x": value.x, "edge_index": value.edge_index}
    if graphs_in(value) is not None:
        kept |= {"batch": value.batch, "ptr": value.ptr}
    return Data(**{**kept, **changed})


def joined(values: Sequence[Any]) -> Any:
    """Several values of many graphs as one, the graphs of the first before those of the next.

    For objectives that encode views as one batch, which `Graph.concatenate` leaves to them.
    """
    nodes = list(accumulate((len(value.x) for value in values), initial=0))
    graphs = list(accumulate((len(value.ptr) - 1 for value in values), initial=0))
    shifted = [value.ptr[1:] + n for value, n in zip(values, nodes, strict=False)]
    return Data(
        x=torch.cat([value.x for value in values]),
        edge_index=torch.cat(
            [value.edge_index + n for value, n in zip(values, nodes, strict=False)], dim=1
        ),
        batch=torch.cat([value.batch + n for value, n in zip(values, graphs, strict=False)]),
        ptr=torch.cat([values[0].ptr[:1], *shifted]),
    )
