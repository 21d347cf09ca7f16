"""Views of graphs: what they change, what they keep, and that the record says so."""

from __future__ import annotations

import pytest
import torch
from tests.graph.toys import batch_of, many, ring, seeded
from torch_geometric.data import Data

from tacit_graph.data import Graphs, nearest
from tacit_graph.views import Edits, Masked, OneOf, Shuffled, TwoViews, edit
from tacit_graph.views.edits import fewest, ranks_within, walk_order


def large() -> Data:
    x = torch.randn(40, 10, generator=seeded())
    return Data(x=x, edge_index=nearest(x, 5))


def test_dropped_edges_are_those_the_record_leaves_out() -> None:
    graph = large()
    view, meta = edit(graph, Edits(edges=0.25), seeded())
    assert view.edge_index.shape[1] == 150
    assert torch.equal(view.edge_index, graph.edge_index[:, meta["kept_edges"]])
    assert torch.equal(view.x, graph.x)


def test_added_edges_come_on_top_and_stay_within_their_graph() -> None:
    value = batch_of(4)
    view, meta = edit(value, Edits(added=0.5), seeded())
    added = meta["added_edges"]
    assert added.shape[1] == round(0.5 * value.num_edges)
    assert torch.equal(view.edge_index[:, value.num_edges :], added)
    assert torch.equal(value.batch[added[0]], value.batch[added[1]])


def test_masked_columns_and_rows_are_zero_and_the_others_untouched() -> None:
    graph = large()
    view, meta = edit(graph, Edits(columns=0.3), seeded())
    hidden = meta["masked_columns"]
    assert int(hidden.sum()) == 3
    assert not view.x[:, hidden].any()
    assert torch.equal(view.x[:, ~hidden], graph.x[:, ~hidden])
    view, meta = edit(graph, Edits(rows=0.5), seeded())
    assert int(meta["masked_rows"].sum()) == 20
    assert not view.x[meta["masked_rows"]].any()


def test_nodes_dropped_of_one_graph_keep_their_rows_and_lose_their_edges() -> None:
    view, meta = edit(large(), Edits(nodes=0.25), seeded())
    dropped = meta["dropped_nodes"]
    assert int(dropped.sum()) == 10
    assert view.num_nodes == 40
    assert not dropped[view.edge_index].any()
    assert not view.x[dropped].any()


def test_nodes_dropped_of_many_graphs_are_gone_and_the_rest_is_renumbered() -> None:
    value = batch_of(4)
    view, meta = edit(value, Edits(nodes=0.25), seeded())
    kept = (~meta["dropped_nodes"]).nonzero()[:, 0]
    assert torch.equal(view.x, value.x[kept])
    assert torch.equal(view.batch, value.batch[kept])
    assert view.ptr.diff().tolist() == view.batch.bincount().tolist()
    before = set(map(tuple, value.edge_index.t().tolist()))
    after = set(map(tuple, kept[view.edge_index].t().tolist()))
    assert after <= before
    inside = {(a, b) for a, b in before if {a, b} <= set(kept.tolist())}
    assert after == inside


@pytest.mark.parametrize("share", [0.3, 0.99])
def test_no_graph_is_emptied_by_dropping(share: float) -> None:
    value = Graphs(many(8)).fetch(range(8)).values["graph"]
    view, _ = edit(value, Edits(nodes=share), seeded())
    assert (view.ptr.diff() >= 1).all()
    for each in OneOf(OneOf.Config(share=share))(value, seeded()):
        assert (each.value.ptr.diff() >= 1).all()
        assert int(each.value.batch.max()) == 7


def test_a_graph_of_one_node_without_edges_survives_every_edit() -> None:
    graph = Data(x=torch.ones(1, 2), edge_index=torch.empty(2, 0, dtype=torch.int64))
    value = Graphs([graph] * 8).fetch(range(8)).values["graph"]
    everything = Edits(nodes=0.5, edges=0.5, added=0.5, columns=0.5, rows=0.5)
    assert edit(value, everything, seeded())[0].num_nodes == 8
    assert all(view.value.num_nodes == 8 for view in OneOf()(value, seeded()))


def test_the_same_draw_gives_the_same_views_and_another_does_not() -> None:
    for views in (TwoViews(), Shuffled()):
        one, again, other = (views(large(), seeded(seed))[1].value for seed in (0, 0, 1))
        assert torch.equal(one.x, again.x)
        assert torch.equal(one.edge_index, again.edge_index)
        assert not torch.equal(one.x, other.x)


def test_the_two_views_differ_and_the_value_stays_as_it_was() -> None:
    graph = large()
    x, index = graph.x.clone(), graph.edge_index.clone()
    a, b = TwoViews()(graph, seeded())
    assert not torch.equal(a.value.x, b.value.x)
    assert torch.equal(graph.x, x)
    assert torch.equal(graph.edge_index, index)


def test_labels_do_not_travel_with_views() -> None:
    graph = large()
    graph.y = torch.arange(40)
    assert all("y" not in view.value for view in TwoViews()(graph, seeded()))


def test_a_masked_view_is_the_graph_itself_unless_edges_are_dropped() -> None:
    graph = large()
    assert Masked()(graph, seeded())[0].value is graph
    assert Masked(Masked.Config(edges=0.5))(graph, seeded())[0].value.num_edges == 100


def test_shuffled_nodes_hold_what_the_record_says() -> None:
    graph = large()
    real, shuffled = Shuffled()(graph, seeded())
    assert real.value is graph
    assert torch.equal(shuffled.value.x, graph.x[shuffled.meta["permutation"]])
    assert torch.equal(shuffled.value.edge_index, graph.edge_index)


def test_each_graph_draws_one_of_four_edits_and_only_that_one() -> None:
    value = Graphs([ring(20, seed=i) for i in range(40)]).fetch(range(40)).values["graph"]
    (view, _) = OneOf()(value, seeded())
    operation, dropped = view.meta["operation"], view.meta["dropped_nodes"]
    lost = torch.zeros(40).index_add_(0, value.batch, dropped.float())
    assert set(operation.tolist()) == {0, 1, 2, 3}
    expected = [2.0 if kind in (0, 2) else 0.0 for kind in operation.tolist()]
    assert lost.tolist() == expected
    same = torch.isin(view.value.x, value.x).all(1)
    noisy = torch.zeros(40).index_add_(0, view.value.batch, (~same).float())
    assert noisy.tolist() == [2.0 if kind == 3 else 0.0 for kind in operation.tolist()]


def test_a_walk_reaches_near_nodes_before_far_ones() -> None:
    graph = ring(12)
    starts, owner = torch.tensor([0, 12]), torch.zeros(12, dtype=torch.int64)
    order = walk_order(graph.edge_index, starts, owner, seeded(), hops=6).argsort()
    centre = order[0]
    around = torch.minimum((order - centre) % 12, (centre - order) % 12)
    assert around.tolist() == sorted(around.tolist())


def test_ranks_are_within_graphs() -> None:
    order = torch.tensor([0.5, 0.1, 0.9, 0.3, 0.2])
    owner, starts = torch.tensor([0, 0, 0, 1, 1]), torch.tensor([0, 3, 5])
    assert ranks_within(order, starts, owner).tolist() == [1, 0, 2, 1, 0]
    assert fewest(order, 0.5, starts, owner).tolist() == [False, True, False, False, True]


def test_views_that_remove_nodes_refuse_one_graph_whose_nodes_are_instances() -> None:
    with pytest.raises(ValueError, match="use views=graph/two-views"):
        OneOf()(large(), seeded())
    with pytest.raises(ValueError, match="wanted a share of at least 0 and less than 1; got 1"):
        Edits(edges=1.0)
    with pytest.raises(ValueError, match="more than 0 and less than 1"):
        OneOf.Config(share=0.0)
