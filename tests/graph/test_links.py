"""Pairs asked for are as they are called; the loss of links; tasks of ParetoGNN that share."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from tests.graph.toys import batch_of, communities, ring, seeded
from torch import Tensor
from torch_geometric.data import Data

from tacit.contract import Batch, Composition, Objective, unmet
from tacit.methods import Learner
from tacit.nn import Fixed, MinNorm
from tacit_graph.encoders import Gcn
from tacit_graph.modality import Graph
from tacit_graph.objectives import Links, LinksConfig, ParetoGnn, ParetoGnnConfig
from tacit_graph.objectives.links import LinkHead
from tacit_graph.objectives.pareto import ROLES
from tacit_graph.views import Linked, LinkedConfig, ManyTasks, TwoViews
from tacit_graph.views.linked import draw_pairs


def test_pairs_are_joined_where_they_are_called_so_and_stay_within_their_graph() -> None:
    value = batch_of(6)
    pairs, joined = draw_pairs(value, 10_000, seeded())
    edges = {(int(a), int(b)) for a, b in value.edge_index.T}
    known = edges | {(b, a) for a, b in edges}
    assert [(int(a), int(b)) in known for a, b in pairs.T] == joined.tolist()
    assert pairs.shape[1] == 2 * value.edge_index.shape[1]
    assert bool(joined[: len(joined) // 2].all())
    assert torch.equal(value.batch[pairs[0]], value.batch[pairs[1]])
    assert not (pairs[0] == pairs[1]).any()


def test_random_pairs_are_spread_over_all_others() -> None:
    value = Data(x=torch.ones(4, 1), edge_index=torch.tensor([[0] * 4000, [1] * 4000]))
    pairs, joined = draw_pairs(value, 4000, seeded())
    drawn = pairs[:, 4000:]
    counts = torch.zeros(4, 4).index_put_(tuple(drawn), torch.ones(4000), accumulate=True)
    assert counts.diagonal().sum() == 0
    assert (counts / 4000 - (1 - torch.eye(4)) / 12).abs().max() < 0.02
    assert torch.equal(joined[4000:], ((drawn == 0) | (drawn == 1)).all(0))


def test_fewer_pairs_are_drawn_where_there_are_more_edges() -> None:
    (view,) = Linked(LinkedConfig(pairs=5, columns=0.4))(communities()[0], seeded())
    assert view.meta["pairs"].shape == (2, 10)
    assert int(view.meta["masked_columns"].sum()) == 5
    with pytest.raises(ValueError, match="pairs: wanted at least 1; got 0"):
        LinkedConfig(pairs=0)


def learner_of(objective: Objective, views: Linked | ManyTasks) -> Learner:
    torch.manual_seed(0)
    return Learner(
        encoders={"graph": Gcn(Gcn.Config(features=3, width=8))},
        objective=objective,
        augmentations={"graph": views},
        modalities={"graph": Graph()},
    )


def whole(graph: Data, rows: Tensor | None = None) -> Batch:
    return Batch(values={"graph": graph}, index=torch.arange(Graph().size(graph)), rows=rows)


def test_the_loss_is_the_cross_entropy_of_a_product() -> None:
    objective = Links(LinksConfig(width=4))
    learner = learner_of(objective, Linked(LinkedConfig(columns=0.0)))
    batch = whole(ring())
    (view,) = learner.views(batch)
    found = objective(learner.views(batch), learner.context(batch))
    head, nodes = objective.heads["graph"], learner.encoder("graph")(view.value).tokens
    assert isinstance(head, LinkHead)
    unit = nodes / nodes.norm(dim=1, keepdim=True)
    made = (unit @ head.each.weight.T + head.each.bias).clamp_min(0)
    total = torch.tensor(0.0)
    for (a, b), joined in zip(view.meta["pairs"].T, view.meta["joined"], strict=True):
        chance = (head.both.weight[0] @ (made[a] * made[b]) + head.both.bias[0]).sigmoid()
        total = total - torch.log(chance if joined else 1 - chance)
    torch.testing.assert_close(found.terms["links"], total / view.meta["joined"].numel())


def test_a_pair_scores_alike_in_both_orders() -> None:
    head, tokens = LinkHead(3, 5), torch.randn(4, 3, generator=seeded())
    pairs = torch.tensor([[0, 1, 2], [3, 2, 0]])
    torch.testing.assert_close(head(tokens, pairs), head(tokens, pairs.flip(0)))


def test_pairs_without_an_instance_the_loss_is_taken_on_are_left_out() -> None:
    learner = learner_of(Links(LinksConfig(width=4)), Linked(LinkedConfig(columns=0.0)))
    learner.eval()
    none = torch.tensor([], dtype=torch.int64)
    assert float(learner(whole(ring(), none)).terms["links"].detach()) == 0
    some = learner(whole(ring(), torch.tensor([0]))).terms["links"]
    assert bool(some.isfinite())


def test_a_graph_without_edges_asks_for_nothing() -> None:
    empty = Data(x=torch.ones(3, 3), edge_index=torch.empty(2, 0, dtype=torch.int64))
    losses = learner_of(Links(), Linked())(whole(empty))
    assert float(losses.terms["links"].detach()) == 0


@pytest.mark.parametrize("graph", [ring(), batch_of(4)], ids=["nodes", "graphs"])
def test_every_task_of_pareto_gnn_sees_its_views_and_reaches_the_encoder(graph: Data) -> None:
    learner = learner_of(ParetoGnn(), ManyTasks())
    losses = learner(whole(graph))
    assert set(losses.terms) == set(ROLES)
    encoder = dict(learner.encoder("graph").named_parameters())
    del encoder["token"]  # nothing hidden but in one task
    for name, term in losses.terms.items():
        found = torch.autograd.grad(term, list(encoder.values()), retain_graph=True)
        assert any(each.abs().sum() > 0 for each in found), name


def test_pareto_gnn_is_refused_views_that_lack_a_role() -> None:
    objective = ParetoGnn(replace(ParetoGnnConfig(), balance=Fixed()))
    spec = Gcn(Gcn.Config(features=3, width=8)).spec
    offered = Composition(
        specs={"graph": spec},
        roles={"graph": TwoViews.roles},
        meta={"graph": ManyTasks.meta},
        batch=6,
    )
    problems = unmet(objective.requires, offered)
    assert any("of views with the role whole or shuffled: needs at least 2" in p for p in problems)
    assert not unmet(objective.requires, replace(offered, roles={"graph": ManyTasks.roles}))


def test_a_step_of_pareto_gnn_makes_no_task_worse() -> None:
    """By the gradients that share: the weights' combination has no negative product with any."""
    graph, _ = communities()
    torch.manual_seed(0)
    learner = Learner(
        encoders={"graph": Gcn(Gcn.Config(features=12, width=16))},
        objective=ParetoGnn(),
        augmentations={"graph": ManyTasks()},
        modalities={"graph": Graph()},
    )
    losses = learner(whole(graph))
    shared = [p for n, p in learner.encoder("graph").named_parameters() if n != "token"]
    rows = [
        torch.cat([g.flatten() for g in torch.autograd.grad(term, shared, retain_graph=True)])
        for term in losses.terms.values()
    ]
    gradients = torch.stack(rows)
    weights = learner.objective.plan().combine(gradients)  # type: ignore[attr-defined]
    assert isinstance(ParetoGnnConfig().balance, MinNorm)
    products = gradients @ (weights @ gradients)
    assert float(products.min()) > -1e-5 * float(products.abs().max())
