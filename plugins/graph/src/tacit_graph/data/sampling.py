"""Neighbour sampling on tensors alone, all nodes of a step at once; needs no extension.

Source: Hamilton et al. 2017 (arXiv 1706.02216) algorithm 2. PyG's `NeighborLoader`, which does the
same, needs pyg-lib or torch-sparse, and neither is on PyPI as a wheel.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Int
from torch import Generator, Tensor


@dataclass(frozen=True, kw_only=True, eq=False)
class Part:
    """A sampled part of a graph.

    Args:
        nodes: positions in the whole graph; the nodes asked for come first, in their order.
        edges: among them, numbered within the part; sources send to targets.
    """

    nodes: Int[Tensor, " nodes"]
    edges: Int[Tensor, "2 edges"]


@dataclass(frozen=True, kw_only=True, eq=False)
class Neighbours:
    """For every node, who sends to it.

    Args:
        starts: position of each node's first neighbour, and after the last their number.
        sources: the neighbours, node by node.
    """

    starts: Int[Tensor, " more"]
    sources: Int[Tensor, " edges"]

    @classmethod
    def of(cls, index: Int[Tensor, "2 edges"], nodes: int) -> Neighbours:
        """Sorted by target; repeated edges stay, as more chances."""
        counts = index[1].bincount(minlength=nodes)
        starts = torch.cat([counts.new_zeros(1), counts.cumsum(0)])
        return cls(starts=starts, sources=index[0][index[1].argsort(stable=True)])

    def sample(
        self, seeds: Int[Tensor, " seeds"], fanout: Sequence[int], generator: Generator
    ) -> Part:
        """The graph around some nodes, different from each other.

        Args:
            seeds: the nodes.
            fanout: most neighbours of a node at each step, without repetition; -1 for all.
            generator: the source of randomness, on the CPU.
        """
        number = torch.full((len(self.starts) - 1,), -1)
        number[seeds] = torch.arange(len(seeds))
        found, frontier, edges = [seeds], seeds, [seeds.new_empty(2, 0)]
        count = len(seeds)
        for most in fanout:
            step = self._into(frontier, most, generator)
            edges.append(step)
            frontier = step[0, number[step[0]] < 0].unique()
            number[frontier] = torch.arange(count, count + len(frontier))
            found.append(frontier)
            count += len(frontier)
        return Part(nodes=torch.cat(found), edges=number[torch.cat(edges, dim=1)])

    def _into(
        self, nodes: Int[Tensor, " nodes"], most: int, generator: Generator
    ) -> Int[Tensor, "2 edges"]:
        """Edges into the nodes: all, or as many as wanted of each, drawn without repetition."""
        degree = self.starts[nodes + 1] - self.starts[nodes]
        of = torch.arange(len(nodes)).repeat_interleave(degree)
        before = (degree.cumsum(0) - degree)[of]
        place = torch.arange(len(of)) - before
        if most >= 0:
            # In double precision, so that noise of late nodes is not rounded away.
            noise = torch.rand(len(of), generator=generator, dtype=torch.float64)
            order = (of + noise).argsort()
            kept = order[place < most]  # node by node: a place says which draw it is
            of, place = of[kept], place[kept]
        return torch.stack([self.sources[self.starts[nodes][of] + place], nodes[of]])
