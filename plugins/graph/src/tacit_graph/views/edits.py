"""The edits views are made of, as functions of tensors that also say what they did.

Shares are of exact numbers, rounded: a tenth of 95 edges is 10 of them, at random. So the sizes of
results are known without waiting for the device, except where nodes are removed.
"""

from __future__ import annotations

import torch
from jaxtyping import Bool, Float, Int
from torch import Generator, Tensor


def drop_edges(
    index: Int[Tensor, "2 edges"], share: float, generator: Generator
) -> tuple[Int[Tensor, "2 left"], Int[Tensor, " left"]]:
    """Remove a share of the directed edges; also the positions of those that are left.

    The two directions of an edge are drawn apart.

    Source: Rong et al. 2020 (arXiv 1907.10903), as GRACE and BGRL use it. Differs: an exact number.
    """
    edges = index.shape[1]
    order = torch.randperm(edges, generator=generator, device=index.device)
    kept = order[: edges - round(share * edges)].sort().values
    return index[:, kept], kept


def add_edges(
    index: Int[Tensor, "2 edges"],
    share: float,
    generator: Generator,
    *,
    starts: Int[Tensor, " more"],
    owner: Int[Tensor, " nodes"],
) -> Int[Tensor, "2 added"]:
    """Random pairs of nodes of one graph, as many as a share of its edges; may repeat an edge.

    Args:
        index: edges, which decide how many and in which graphs.
        share: of their number.
        generator: the source of randomness.
        starts: position of each graph's first node, and after the last the number of nodes.
        owner: the graph of each node.
    """
    edges, device = index.shape[1], index.device
    order = torch.randperm(edges, generator=generator, device=device)
    graph = owner[index[0, order[: round(share * edges)]]]
    sizes = starts[graph + 1] - starts[graph]
    drawn = torch.rand(2, len(graph), generator=generator, device=device)
    return starts[graph] + (drawn * sizes).long().minimum(sizes - 1)


def mask_columns(
    x: Float[Tensor, "nodes features"], share: float, generator: Generator
) -> tuple[Float[Tensor, "nodes features"], Bool[Tensor, " features"]]:
    """Set a share of the features to zero for all nodes; also which.

    Source: Zhu et al. 2020 (arXiv 2006.04131) section 3.2.1. Differs: an exact number.
    """
    hidden = _chosen(x.shape[1], share, generator, x.device)
    return x * ~hidden, hidden


def mask_rows(
    x: Float[Tensor, "nodes features"], share: float, generator: Generator
) -> tuple[Float[Tensor, "nodes features"], Bool[Tensor, " nodes"]]:
    """Set all features of a share of the nodes to zero; also which."""
    hidden = _chosen(len(x), share, generator, x.device)
    return x * ~hidden[:, None], hidden


def ranks_within(
    order: Float[Tensor, " nodes"], starts: Int[Tensor, " more"], owner: Int[Tensor, " nodes"]
) -> Int[Tensor, " nodes"]:
    """The place of each node among those of its graph, by a number that orders them."""
    by_number = order.argsort(stable=True)
    by_graph = by_number[owner[by_number].argsort(stable=True)]
    place = torch.empty_like(by_graph)
    place[by_graph] = torch.arange(len(by_graph), device=by_graph.device)
    return place - starts[owner]


def fewest(
    order: Float[Tensor, " nodes"],
    share: float,
    starts: Int[Tensor, " more"],
    owner: Int[Tensor, " nodes"],
) -> Bool[Tensor, " nodes"]:
    """A share of each graph's nodes, rounded down, those with the smallest numbers.

    With a share below 1 at least one node of each graph is not among them.
    """
    sizes = starts.diff()
    return ranks_within(order, starts, owner) < (share * sizes).long()[owner]


def walk_order(
    index: Int[Tensor, "2 edges"],
    starts: Int[Tensor, " more"],
    owner: Int[Tensor, " nodes"],
    generator: Generator,
    *,
    hops: int,
) -> Float[Tensor, " nodes"]:
    """How far each node is from one drawn at random in its graph, ties broken at random.

    Nodes out of reach in `hops` steps come last. All graphs are walked at once.
    """
    noise = torch.rand(len(owner), generator=generator, device=index.device)
    far = float(hops + 1)
    centre = ranks_within(noise, starts, owner) == 0
    distance = torch.where(centre, 0.0, far)
    for step in range(1, hops + 1):
        near = (distance < step)[index[0]]
        reached = torch.zeros(len(owner), device=index.device).index_add_(0, index[1], near.float())
        distance = torch.where((distance == far) & (reached > 0), float(step), distance)
    shuffled = torch.rand(len(owner), generator=generator, device=index.device)
    return torch.where(centre, -1.0, distance + shuffled)


def _chosen(
    count: int, share: float, generator: Generator, device: torch.device
) -> Bool[Tensor, " count"]:
    """A share of as many things, at random."""
    order = torch.randperm(count, generator=generator, device=device)
    hidden = torch.zeros(count, dtype=torch.bool, device=device)
    return hidden.index_fill(0, order[: round(share * count)], True)
