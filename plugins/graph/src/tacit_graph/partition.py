"""Balanced partitions of one large graph with few edges between the parts, on tensors alone.

Multilevel: nodes are joined in pairs along heavy edges until few are left, these are divided, and
the division is carried back and mended level by level. All nodes of a level are worked on at once;
memory grows with nodes and edges, not with their square and not with nodes times parts.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float, Int
from torch import Generator, Tensor

_COARSE = 30  # nodes a part at which joining ends
_SHRINKS = 0.95  # joining ends, too, where more of the nodes are left
_TRIES = 8  # divisions of the coarsest graph, of which the best is kept; fewer where it is large
_AT_ONCE = 4000  # nodes of all those divisions together
_ROUNDS = 24  # of moves at each level, at most
_JOINS = 6  # rounds of a matching


@torch.no_grad()
def partition(
    edges: Int[Tensor, "2 edges"], nodes: int, parts: int, *, seed: int = 0, slack: float = 0.03
) -> Int[Tensor, " nodes"]:
    """The part of every node, 0 to `parts` - 1: parts of nearly one size, few edges between them.

    Edges count in both directions, and those that are repeated count more. Computed on the CPU; the
    same graph and seed give the same parts anywhere.

    Args:
        edges: between nodes 0 to `nodes` - 1; loops are without effect.
        nodes: how many there are, at least as many as parts.
        parts: how many are wanted, 1 or more.
        seed: of pairs and beginnings.
        slack: share by which a part may be larger or smaller than their mean, rounded outwards to
            whole nodes.

    Raises:
        ValueError: fewer nodes than parts, no part, or a negative slack.

    Source: Karypis and Kumar 1998, "A fast and high quality multilevel scheme for partitioning
        irregular graphs" and "Multilevel k-way partitioning scheme" (METIS); pairs of pairs by a
        common neighbour as LaSalle et al. 2015. Differs: pairs and moves are made of all nodes at
        once, moves to higher and to lower parts in turn, as the parallel METIS has them.
    """
    if not 1 <= parts <= nodes or slack < 0:
        raise ValueError(
            f"partition: wanted 1 to {nodes} parts, a node each at least, and a slack of at least "
            f"0; got {parts} parts and {slack}"
        )
    draw = torch.Generator().manual_seed(seed)
    graph = _Graph.of(edges.cpu(), nodes)
    mean = nodes / parts
    limits = (max(1, math.floor((1 - slack) * mean)), math.ceil((1 + slack) * mean))
    levels: list[tuple[_Graph, Tensor]] = []
    while graph.nodes > _COARSE * parts:
        coarse, into = graph.joined(most=max(1, nodes // (_COARSE * parts)) * 2, draw=draw)
        if coarse.nodes > _SHRINKS * graph.nodes:
            break
        levels.append((graph, into))
        graph = coarse
    tries = max(1, min(_TRIES, _AT_ONCE // graph.nodes))
    tried = [_mended(graph, _grown(graph, parts, draw), parts, limits) for _ in range(tries)]
    part = min(tried, key=lambda each: graph.cut(each))
    for finer, into in reversed(levels):
        part = _mended(finer, part[into], parts, limits)
    return part


def cut_of(edges: Int[Tensor, "2 edges"], part: Int[Tensor, " nodes"]) -> Float[Tensor, ""]:
    """The share of the edges that lie between two parts; `1 - 1 / parts` for random ones."""
    return (part[edges[0]] != part[edges[1]]).float().mean()


@dataclass(frozen=True, eq=False)
class _Graph:
    """Edges without loops, each in both directions and once, with weights; nodes with sizes."""

    source: Int[Tensor, " edges"]
    target: Int[Tensor, " edges"]
    weight: Int[Tensor, " edges"]
    size: Int[Tensor, " nodes"]

    @classmethod
    def of(cls, edges: Int[Tensor, "2 edges"], nodes: int) -> _Graph:
        both = torch.cat([edges, edges.flip(0)], dim=1)
        ones = torch.ones(both.shape[1], dtype=torch.int64)
        return cls.summed(both, ones, torch.ones(nodes, dtype=torch.int64))

    @classmethod
    def summed(cls, edges: Tensor, weight: Tensor, size: Tensor) -> _Graph:
        """Loops left out, repeated edges added up."""
        apart = edges[0] != edges[1]
        keys, which = (edges[0] * len(size) + edges[1])[apart].unique(return_inverse=True)
        total = torch.zeros_like(keys).index_add_(0, which, weight[apart])
        return cls(keys // len(size), keys % len(size), total, size)

    @property
    def nodes(self) -> int:
        return len(self.size)

    def cut(self, part: Int[Tensor, " nodes"]) -> int:
        """The weight of the edges between parts, each direction counted."""
        return int(self.weight[part[self.source] != part[self.target]].sum())

    def joined(self, *, most: int, draw: Generator) -> tuple[_Graph, Int[Tensor, " nodes"]]:
        """The graph of pairs of nodes, none larger than `most`, and the pair of each node."""
        first = torch.minimum(self._mates(most, draw), torch.arange(self.nodes))
        kept, into = first.unique(return_inverse=True)
        size = torch.zeros(len(kept), dtype=torch.int64).index_add_(0, into, self.size)
        edges = torch.stack([into[self.source], into[self.target]])
        return _Graph.summed(edges, self.weight, size), into

    def _mates(self, most: int, draw: Generator) -> Int[Tensor, " nodes"]:
        """Whom each node is joined with; itself, where nobody is left."""
        mate = torch.arange(self.nodes)
        once = self.source < self.target
        a, b = self.source[once], self.target[once]
        score = self.weight[once] + torch.rand(len(a), generator=draw, dtype=torch.float64)
        fits = self.size[a] + self.size[b] <= most
        a, b, score = a[fits], b[fits], score[fits]
        for _ in range(_JOINS):  # an edge that no edge beside it outweighs joins its ends
            best = torch.zeros(self.nodes, dtype=torch.float64)
            best.scatter_reduce_(0, a, score, "amax").scatter_reduce_(0, b, score, "amax")
            chosen = (score == best[a]) & (score == best[b])
            mate[a[chosen]], mate[b[chosen]] = b[chosen], a[chosen]
            left = (mate[a] == a) & (mate[b] == b)
            a, b, score = a[left], b[left], score[left]
        self._join_alike(mate, most)
        return mate

    def _join_alike(self, mate: Int[Tensor, " nodes"], most: int) -> None:
        """Pairs of nodes that are left and have the same heaviest neighbour, or none."""
        heaviest = torch.zeros(self.nodes, dtype=torch.int64)
        heaviest.scatter_reduce_(0, self.source, self.weight, "amax")
        top = self.weight == heaviest[self.source]
        liked = torch.full((self.nodes,), -1)
        liked.scatter_reduce_(0, self.source[top], self.target[top], "amax")
        alone = ((mate == torch.arange(self.nodes)) & (2 * self.size <= most)).nonzero()[:, 0]
        alone = alone[liked[alone].argsort(stable=True)]
        rank = _rank_within(liked[alone])
        first = ((rank % 2 == 0)[:-1] & (rank % 2 == 1)[1:]).nonzero()[:, 0]
        a, b = alone[first], alone[first + 1]
        mate[a], mate[b] = b, a

    def ties(
        self, part: Int[Tensor, " nodes"], parts: int
    ) -> tuple[Int[Tensor, " pairs"], Int[Tensor, " pairs"], Int[Tensor, " pairs"]]:
        """Each node and part that it has edges to, with their weight."""
        keys, which = (self.source * parts + part[self.target]).unique(return_inverse=True)
        weight = torch.zeros_like(keys).index_add_(0, which, self.weight)
        return keys // parts, keys % parts, weight


def _rank_within(groups: Int[Tensor, " rows"]) -> Int[Tensor, " rows"]:
    """The place of each row among those of its group, of rows sorted by group."""
    _, counts = groups.unique_consecutive(return_counts=True)
    first: Tensor = (counts.cumsum(0) - counts).repeat_interleave(counts)
    return torch.arange(len(groups)) - first


def _grown(graph: _Graph, parts: int, draw: Generator) -> Int[Tensor, " nodes"]:
    """One part after the other grows from a node by what ties to it most and elsewhere least."""
    nodes = graph.nodes
    starts = graph.source.bincount(minlength=nodes).cumsum(0).tolist()
    degree = torch.zeros(nodes, dtype=torch.int64).index_add_(0, graph.source, graph.weight)
    part, size = torch.full((nodes,), parts - 1), graph.size.tolist()
    free, left = torch.ones(nodes, dtype=torch.bool), sum(size)
    order, lowest = torch.rand(nodes, generator=draw), torch.iinfo(torch.int64).min
    for number in range(parts - 1):
        held, wanted = 0, left / (parts - number)
        gain = torch.full((nodes,), lowest)
        while bool(free.any()):
            node = int(gain.argmax())
            if int(gain[node]) == lowest:  # nothing free is tied to it: begin elsewhere
                node = int(torch.where(free, order, -1.0).argmax())
            if held and abs(held + size[node] - wanted) > abs(held - wanted):
                break
            part[node], free[node], gain[node] = number, False, lowest
            held += size[node]
            span = slice(starts[node - 1] if node else 0, starts[node])
            near, weight = graph.target[span], graph.weight[span]
            near, weight = near[free[near]], weight[free[near]]
            before = gain[near]
            gain[near] = torch.where(before == lowest, -degree[near], before) + 2 * weight
        left -= held
    return part


def _mended(
    graph: _Graph, part: Int[Tensor, " nodes"], parts: int, limits: tuple[int, int]
) -> Int[Tensor, " nodes"]:
    """Nodes moved to where they have more ties, as far as sizes allow; the best that was found."""
    part = _balanced(graph, part.clone(), parts, limits)
    best, least, idle = part.clone(), graph.cut(part), 0
    for number in range(_ROUNDS):
        moved = _move(graph, part, parts, limits, upwards=number % 2 == 0)
        cut = graph.cut(part)
        idle = 0 if cut < least else idle + 1
        if cut < least:
            best, least = part.clone(), cut
        if idle == 4 or (not moved and idle >= 2):
            break
    return best


def _move(
    graph: _Graph,
    part: Int[Tensor, " nodes"],
    parts: int,
    limits: tuple[int, int],
    *,
    upwards: bool,
) -> bool:
    """Move every node that gains by it, in place, to parts of higher or of lower number."""
    held = torch.zeros(parts, dtype=torch.int64).index_add_(0, part, graph.size)
    node, to, weight = graph.ties(part, parts)
    own = torch.zeros(graph.nodes, dtype=torch.int64)
    at_home = to == part[node]
    own[node[at_home]] = weight[at_home]
    there = (to > part[node]) if upwards else (to < part[node])
    node, to, gain = node[there], to[there], (weight - own[node])[there]
    # What gains nothing may go to a smaller part: it makes room.
    worth = (gain > 0) | ((gain == 0) & (held[to] + graph.size[node] < held[part[node]]))
    node, to, gain = node[worth], to[worth], gain[worth]
    order = gain.argsort(descending=True, stable=True)
    order = order[node[order].argsort(stable=True)]
    best = order[_rank_within(node[order]) == 0]
    node, to, gain = node[best], to[best], gain[best]
    fits = _within(to, gain, graph.size[node], limits[1] - held)
    node, to, gain = node[fits], to[fits], gain[fits]
    fits = _within(part[node], gain, graph.size[node], held - limits[0])
    part[node[fits]] = to[fits]
    return bool(fits.any())


def _within(
    group: Int[Tensor, " rows"],
    gain: Int[Tensor, " rows"],
    size: Int[Tensor, " rows"],
    room: Int[Tensor, " groups"],
) -> Bool[Tensor, " rows"]:
    """Which rows of each group fit into its room, those with the largest gain first."""
    order = gain.argsort(descending=True, stable=True)
    order = order[group[order].argsort(stable=True)]
    total = size[order].cumsum(0)
    first = _rank_within(group[order]) == 0
    before = torch.where(first, total - size[order], 0).cummax(0).values
    fits = torch.zeros(len(group), dtype=torch.bool)
    fits[order] = total - before <= room[group[order]]
    return fits


def _balanced(
    graph: _Graph, part: Int[Tensor, " nodes"], parts: int, limits: tuple[int, int]
) -> Int[Tensor, " nodes"]:
    """Nodes of the largest part moved to the smallest, in place, until sizes are within limits.

    Those that lose least go first. Large nodes of a coarse graph may stand in the way; on the
    finest level all have size 1.
    """
    for _ in range(4 * parts):
        held = torch.zeros(parts, dtype=torch.int64).index_add_(0, part, graph.size)
        large, small = int(held.argmax()), int(held.argmin())
        most, least = int(held[large]), int(held[small])
        if limits[0] <= least and most <= limits[1]:
            break
        inside = (part == large).nonzero()[:, 0]
        gain = _tied(graph, part == small)[inside] - _tied(graph, part == large)[inside]
        size = graph.size[inside]
        wanted = max(
            1, min(most - limits[1] if most > limits[1] else limits[0] - least, (most - least) // 2)
        )
        fits = _within(torch.zeros_like(inside), gain, size, torch.tensor([wanted]))
        if not bool(fits.any()):
            break
        part[inside[fits]] = small
    return part


def _tied(graph: _Graph, some: Bool[Tensor, " nodes"]) -> Int[Tensor, " nodes"]:
    """The weight of each node's edges to some nodes."""
    total = torch.zeros(graph.nodes, dtype=torch.int64)
    return total.index_add_(0, graph.source, graph.weight * some[graph.target])
