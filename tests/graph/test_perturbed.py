"""Perturbed copies differ from the original by exactly the edits they record."""

from __future__ import annotations

import pytest
import torch
from tests.graph.toys import many, ring, seeded
from torch import Tensor
from torch_geometric.data import Batch as GraphBatch
from torch_geometric.data import Data

from tacit.contract import View
from tacit_graph.data import Graphs
from tacit_graph.views import Perturbed
from tacit_graph.views.nodes import joined
from tacit_graph.views.pairs import Pairs


def random_graph(nodes: int, chance: float, seed: int) -> Data:
    draw = seeded(seed)
    half = (torch.rand(nodes, nodes, generator=draw) < chance).triu(1)
    x = 1 + torch.rand(nodes, 3, generator=draw)
    return Data(x=x, edge_index=(half | half.t()).nonzero().t())


def batched(graphs: list[Data]) -> Data:
    value: Data = Graphs(graphs).fetch(range(len(graphs))).values["graph"]
    return value


def dozen() -> Data:
    sizes = [1, 2, 3, 5, 8, 13, 20, 34, 20, 13, 8, 6]
    return batched([random_graph(n, 0.3, seed) for seed, n in enumerate(sizes)])


def edges(value: Data, graph: int) -> set[frozenset[int]]:
    """The undirected edges of one graph."""
    own = value.edge_index[:, value.batch[value.edge_index[0]] == graph]
    return {frozenset(pair) for pair in own.t().tolist()}


def alone(graph: Data, **settings: object) -> tuple[View, ...]:
    return Perturbed(Perturbed.Config(**settings))(batched([graph]), seeded())  # type: ignore[arg-type]


def complete(nodes: int) -> Data:
    index = (~torch.eye(nodes, dtype=torch.bool)).nonzero().t()
    return Data(x=torch.ones(nodes, 2), edge_index=index)


def edgeless(nodes: int) -> Data:
    return Data(x=torch.ones(nodes, 2), edge_index=torch.empty(2, 0, dtype=torch.int64))


def counts(views: tuple[View, ...]) -> list[int]:
    return [int(view.meta["edits"].sum()) for view in views]


@pytest.mark.parametrize("seed", range(6))
def test_edits_are_the_edges_that_are_not_in_both(seed: int) -> None:
    value = dozen()
    views = Perturbed()(value, seeded(seed))
    assert [view.role for view in views] == ["original", *["perturbed"] * 3, "strong"]
    for view in views:
        apart = [len(edges(value, g) ^ edges(view.value, g)) for g in range(12)]
        assert view.meta["edits"].tolist() == apart
    assert not views[0].meta["edits"].any()


@pytest.mark.parametrize("seed", range(3))
def test_copies_have_no_repeated_edge_no_loop_both_directions_and_stay_in_their_graph(
    seed: int,
) -> None:
    for view in Perturbed()(dozen(), seeded(seed)):
        value = view.value
        source, target = value.edge_index
        directed = set(zip(source.tolist(), target.tolist(), strict=True))
        assert len(directed) == value.num_edges
        assert all(a != b and (b, a) in directed for a, b in directed)
        assert torch.equal(value.batch[source], value.batch[target])


def test_a_share_of_the_parts_edges_is_removed_and_as_many_are_added() -> None:
    """All of a dense graph is within reach, so the part is the graph."""
    graph = random_graph(30, 0.3, 5)
    count = graph.num_edges // 2
    views = alone(graph)
    before = edges(views[0].value, 0)
    for view, share in zip(views[1:], (0.2, 0.4, 0.6, 0.8), strict=True):
        after = edges(view.value, 0)
        assert len(before - after) == len(after - before) == int(share * count)


def test_edits_stay_within_reach_of_one_node_but_those_of_the_strong_copy() -> None:
    graph = ring(60)
    views = alone(graph, hops=4)
    before = edges(views[0].value, 0)
    for view in views[1:4]:
        touched = torch.tensor([sorted(pair) for pair in edges(view.value, 0) ^ before]).flatten()
        turned = (touched - touched[0] + 30) % 60  # around the first, so that no part wraps
        assert int(turned.max() - turned.min()) <= 8
    assert counts(views) == [0, 2, 6, 8, 96]  # of 8 edges 1, 3 and 4, of 60 edges 48; twice


def test_hidden_features_are_those_of_the_same_nodes_in_all_copies() -> None:
    value = dozen()
    views = Perturbed()(value, seeded())
    hidden = views[0].meta["masked_rows"]
    for view in views:
        assert torch.equal(view.meta["masked_rows"], hidden)
        assert torch.equal(view.value.x, value.x * ~hidden[:, None])
    assert hidden.any()
    (first, *_) = alone(random_graph(30, 0.3, 5))
    assert int(first.meta["masked_rows"].sum()) == 24
    assert not alone(ring(9), masked=0.0)[0].meta["masked_rows"].any()


def test_hidden_nodes_are_within_reach() -> None:
    (first, *_) = alone(ring(60), hops=2)
    hidden = first.meta["masked_rows"].nonzero()[:, 0]
    turned = (hidden - hidden[0] + 30) % 60
    assert len(hidden) == 4
    assert int(turned.max() - turned.min()) <= 4


def test_a_complete_graph_loses_edges_and_gains_none() -> None:
    views = alone(complete(6))
    assert counts(views) == [0, 3, 6, 9, 12]
    assert [view.value.num_edges for view in views] == [30, 24, 18, 12, 6]


def test_where_there_is_nothing_to_edit_a_copy_has_no_edits() -> None:
    assert counts(alone(edgeless(1))) == [0, 0, 0, 0, 0]
    assert counts(alone(complete(2))) == [0, 1, 1, 1, 1]
    # Without edges nothing is within reach; of the whole graph one pair is joined.
    views = alone(edgeless(4))
    assert counts(views) == [0, 0, 0, 0, 1]
    assert views[-1].value.num_edges == 2


def test_an_edge_of_one_direction_is_an_edge() -> None:
    value = GraphBatch.from_data_list(many(6))  # stars have one direction, rings both
    assert not value.is_undirected()
    for view in Perturbed()(value, seeded()):
        apart = [len(edges(value, g) ^ edges(view.value, g)) for g in range(6)]
        assert view.meta["edits"].tolist() == apart


def test_the_same_draw_gives_the_same_copies_and_the_value_stays_as_it_was() -> None:
    value = dozen()
    x, index = value.x.clone(), value.edge_index.clone()
    one, again, other = (Perturbed()(value, seeded(seed)) for seed in (0, 0, 1))
    for a, b in zip(one, again, strict=True):
        assert torch.equal(a.value.edge_index, b.value.edge_index)
        assert torch.equal(a.value.x, b.value.x)
    assert not torch.equal(one[1].value.edge_index, other[1].value.edge_index)
    assert torch.equal(value.x, x)
    assert torch.equal(value.edge_index, index)


def test_pairs_are_all_of_each_graph_once() -> None:
    value = batched(many(5))
    pairs = Pairs.of(value.edge_index, value.ptr, value.batch)
    found = list(zip(pairs.low.tolist(), pairs.high.tolist(), strict=True))
    owner: Tensor = value.batch
    wanted = [(a, b) for b in range(len(owner)) for a in range(b) if owner[a] == owner[b]]
    assert found == wanted
    assert pairs.owner.tolist() == [int(owner[a]) for a, _ in wanted]
    own = {tuple(sorted(edge)) for edge in value.edge_index.t().tolist()}
    assert pairs.joined.tolist() == [pair in own for pair in wanted]


def test_joined_values_are_the_graphs_of_all() -> None:
    a, b = batched(many(3)), batched(many(5, seed=9)[3:])
    whole = joined([a, b])
    wanted = batched([*many(3), *many(5, seed=9)[3:]])
    for key in ("x", "edge_index", "batch", "ptr"):
        assert torch.equal(whole[key], wanted[key])


def test_one_graph_and_settings_out_of_range_are_refused() -> None:
    with pytest.raises(ValueError, match="use views=graph/two-views"):
        Perturbed()(ring(), seeded())
    for wrong in ({"copies": 0}, {"hops": 0}, {"share": 0.0}, {"strong": 1.5}, {"masked": -0.1}):
        with pytest.raises(ValueError, match=f"{next(iter(wrong))}: wanted"):
            Perturbed.Config(**wrong)  # type: ignore[arg-type]
