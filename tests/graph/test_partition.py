"""Parts of a graph: of one size, few edges between them, the same every time."""

from __future__ import annotations

import math

import pytest
import torch
from tests.graph.toys import communities, seeded
from torch import Tensor

from tacit_graph.partition import cut_of, partition


def lattice(side: int) -> Tensor:
    """Points of a square, each joined to those right of it and below."""
    number = torch.arange(side * side).view(side, side)
    right = torch.stack([number[:, :-1].flatten(), number[:, 1:].flatten()])
    below = torch.stack([number[:-1].flatten(), number[1:].flatten()])
    return torch.cat([right, below], dim=1)


@pytest.mark.parametrize("parts", [2, 5, 14, 60])
def test_parts_have_one_size_and_few_edges_between_them(parts: int) -> None:
    edges, nodes = lattice(40), 1600
    part = partition(edges, nodes, parts)
    sizes = part.bincount(minlength=parts)
    assert len(sizes) == parts
    assert int(sizes.min()) >= math.floor(0.97 * nodes / parts)
    assert int(sizes.max()) <= math.ceil(1.03 * nodes / parts)
    drawn = torch.arange(nodes)[torch.randperm(nodes, generator=seeded())] % parts
    assert cut_of(edges, part) < 0.4 * cut_of(edges, drawn)
    # Squares have a border of 4 * side / sqrt(parts) each: parts come near to that.
    squares = 2 * (math.sqrt(parts) - 1) * 40 / edges.shape[1]
    assert cut_of(edges, part) < 1.6 * squares + 0.02


def test_two_halves_that_a_single_edge_joins_are_found() -> None:
    whole = torch.ones(50, 50).triu(1).nonzero().t()
    order = torch.randperm(100, generator=seeded())
    edges = order[torch.cat([whole, whole + 50, torch.tensor([[3], [77]])], dim=1)]
    part = partition(edges, 100, 2)
    assert len(part[order[:50]].unique()) == len(part[order[50:]].unique()) == 1
    assert int((part[edges[0]] != part[edges[1]]).sum()) == 1


def test_communities_are_told_apart() -> None:
    graph, label = communities(count=4, size=50, seed=1)
    part = partition(graph.edge_index, 200, 4)
    table = torch.zeros(4, 4, dtype=torch.long).index_put_(
        (label, part), torch.ones(200, dtype=torch.long), accumulate=True
    )
    assert int(table.amax(1).sum()) > 180


def test_the_same_graph_and_seed_give_the_same_parts_however_it_is_written() -> None:
    edges = lattice(20)
    first = partition(edges, 400, 7)
    assert torch.equal(first, partition(edges, 400, 7))
    turned = edges.flip(0)[:, torch.randperm(edges.shape[1], generator=seeded())]
    loops = torch.arange(400).expand(2, -1)
    assert torch.equal(first, partition(torch.cat([turned, loops], dim=1), 400, 7))
    assert not torch.equal(first, partition(edges, 400, 7, seed=1))


@pytest.mark.parametrize("nodes", [1, 5, 34, 300])
def test_graphs_without_edges_stars_and_single_nodes_are_divided_too(nodes: int) -> None:
    none = torch.empty(2, 0, dtype=torch.long)
    star = torch.stack([torch.zeros(nodes, dtype=torch.long), torch.arange(nodes)])
    for edges in (none, star):
        for parts in {1, min(3, nodes), nodes}:
            sizes = partition(edges, nodes, parts).bincount(minlength=parts)
            assert int(sizes.max()) <= math.ceil(1.03 * nodes / parts)
            assert int(sizes.min()) >= max(1, math.floor(0.97 * nodes / parts))


def test_what_cannot_be_divided_is_refused() -> None:
    with pytest.raises(ValueError, match="wanted 1 to 4 parts"):
        partition(lattice(2), 4, 5)
    with pytest.raises(ValueError, match="a slack of at least 0"):
        partition(lattice(2), 4, 2, slack=-0.1)
