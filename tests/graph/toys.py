"""Graphs a test can look through."""

from __future__ import annotations

import torch
from torch import Generator, Tensor
from torch_geometric.data import Data

from tacit_graph.data import Graphs, Nodes, NodesConfig


def seeded(seed: int = 0) -> Generator:
    return torch.Generator().manual_seed(seed)


def ring(nodes: int = 6, features: int = 3, seed: int = 0) -> Data:
    """Nodes in a circle, each joined to the next, in both directions."""
    there = torch.arange(nodes)
    index = torch.stack([there, there.roll(-1)])
    x = torch.randn(nodes, features, generator=seeded(seed))
    return Data(x=x, edge_index=torch.cat([index, index.flip(0)], dim=1))


def communities(
    count: int = 3, size: int = 20, features: int = 12, seed: int = 0
) -> tuple[Data, Tensor]:
    """Groups of nodes joined mostly among themselves, with noisy words, and who is where."""
    label = torch.arange(count).repeat_interleave(size)
    draw = seeded(seed)
    same = label[:, None] == label
    chance = torch.where(same, 0.25, 0.02)
    joined = (torch.rand(chance.shape, generator=draw) < chance).triu(1)
    own = torch.nn.functional.one_hot(label, count).repeat_interleave(features // count, dim=1)
    x = (torch.rand(own.shape, generator=draw) < 0.15 + 0.25 * own).float()
    graph = Data(x=x, edge_index=joined.nonzero().t(), y=label)
    return graph, label


def many(count: int = 12, seed: int = 0) -> list[Data]:
    """Rings and stars of several sizes; which of the two is the label."""
    graphs = []
    for i in range(count):
        size = 5 + i % 4
        if i % 2:
            graph = ring(size, seed=seed + i)
        else:
            ends = torch.stack([torch.zeros(size - 1, dtype=torch.int64), torch.arange(1, size)])
            graph = Data(x=torch.randn(size, 3, generator=seeded(seed + i)), edge_index=ends)
        graph.y = torch.tensor(i % 2)
        graphs.append(graph)
    return graphs


def nodes_of(graph: Data, **settings: object) -> Nodes:
    return Nodes(graph, NodesConfig(**settings))  # type: ignore[arg-type]


def batch_of(count: int = 4) -> Data:
    """Several graphs as one value."""
    value: Data = Graphs(many(count)).fetch(range(count)).values["graph"]
    return value
