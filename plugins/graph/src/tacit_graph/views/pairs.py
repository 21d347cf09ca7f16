"""All pairs of nodes of each of many graphs, and edges exchanged among them."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Bool, Int
from torch import Generator, Tensor

from tacit_graph.views.edits import ranks_within


@dataclass(frozen=True, kw_only=True, eq=False)
class Pairs:
    """Every unordered pair of two nodes of one graph, once.

    Attributes:
        low: the node of a pair that comes first.
        high: the other.
        owner: the graph both are of.
        graphs: how many there are.
        joined: whether an edge joins them, in one direction or both.
        of_edge: the pair of every directed edge.
    """

    low: Int[Tensor, " pairs"]
    high: Int[Tensor, " pairs"]
    owner: Int[Tensor, " pairs"]
    graphs: int
    joined: Bool[Tensor, " pairs"]
    of_edge: Int[Tensor, " edges"]

    @classmethod
    def of(
        cls,
        index: Int[Tensor, "2 edges"],
        starts: Int[Tensor, " more"],
        owner: Int[Tensor, " nodes"],
    ) -> Pairs:
        """The pairs of a value with these edges; waits for the device, to know their number.

        Args:
            index: edges, each within one graph and none from a node to itself.
            starts: position of each graph's first node, and after the last the number of nodes.
            owner: the graph of each node.
        """
        nodes = torch.arange(len(owner), device=index.device)
        place = nodes - starts[owner]  # within its graph: a pair for each node that comes before
        first = place.cumsum(0) - place
        high = nodes.repeat_interleave(place)
        own = torch.arange(len(high), device=index.device) - first[high]
        of_edge = first[index.amax(0)] + place[index.amin(0)]
        joined = torch.zeros(len(high), dtype=torch.bool, device=index.device)
        return cls(
            low=starts[owner[high]] + own,
            high=high,
            owner=owner[high],
            graphs=len(starts) - 1,
            joined=joined.index_fill_(0, of_edge, True),
            of_edge=of_edge,
        )


def exchange(
    index: Int[Tensor, "2 edges"],
    pairs: Pairs,
    within: Bool[Tensor, " pairs"],
    share: float,
    generator: Generator,
) -> tuple[Int[Tensor, "2 changed"], Int[Tensor, " graphs"]]:
    """Edges without some, and with as many new ones; also how many of both, for each graph.

    Each graph loses a share of its edges, rounded down and at least one, and gains as many between
    nodes that were not joined; fewer where there are fewer.

    Args:
        index: edges that `pairs` were made of.
        pairs: of all graphs.
        within: those that may lose or gain an edge.
        share: of the edges within, 0 or more.
        generator: the source of randomness.
    """
    kind = torch.where(within, pairs.joined.long(), 2)  # not joined, joined, out of bounds
    group = 3 * pairs.owner + kind
    sizes = torch.zeros(3 * pairs.graphs, dtype=torch.int64, device=index.device)
    sizes.index_add_(0, group, torch.ones_like(group))
    own = sizes.view(-1, 3)
    asked = (share * own[:, 1]).long().clamp(min=1)
    done = own[:, :2].minimum(asked[:, None])
    limit = torch.cat([done, torch.zeros_like(asked)[:, None]], dim=1).flatten()
    noise = torch.rand(len(group), generator=generator, device=index.device)
    hit = ranks_within(noise, sizes.cumsum(0) - sizes, group) < limit[group]
    new = hit & ~pairs.joined
    added = torch.stack([pairs.low[new], pairs.high[new]])
    return torch.cat([index[:, ~hit[pairs.of_edge]], added, added.flip(0)], dim=1), done.sum(1)
