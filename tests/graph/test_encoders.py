"""Encoders of graphs: the same maths as PyG's, under the contract."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from tests.graph.toys import batch_of, ring, seeded
from torch import nn
from torch_geometric.data import Data
from torch_geometric.nn import GATConv, GCNConv, GraphSAGE

from tacit.contract import Encoder, Mask, Tokens
from tacit_graph.encoders import Gat, Gcn, Gin, Gnn, Sage, Wrapped
from tacit_graph.encoders.convolutions import Attention, Convolution
from tacit_graph.encoders.decoders import Decoder, GatDecoder, GcnDecoder
from tacit_graph.encoders.edges import Edges
from tacit_graph.encoders.inputs import Inputs, SparseRows
from tacit_graph.modality import Graph

NAMED: dict[str, Callable[[], Gnn]] = {
    "gcn": lambda: Gcn(Gcn.Config(features=3, width=8)),
    "gat": lambda: Gat(Gat.Config(features=3, width=8, heads=2)),
    "gin": lambda: Gin(Gin.Config(features=3, width=8)),
    "sage": lambda: Sage(Sage.Config(features=3, width=8)),
}
every = pytest.mark.parametrize("name", NAMED)


def made(name: str) -> Gnn:
    torch.manual_seed(0)
    return NAMED[name]().eval()


def edges_of(graph: Data) -> Edges:
    return Edges(index=graph.edge_index, nodes=len(graph.x))


def test_our_graph_convolution_is_that_of_pyg() -> None:
    graph, ours = ring(), Convolution(3, 5)
    theirs = GCNConv(3, 5)
    theirs.lin.weight, theirs.bias = ours.weight, ours.bias
    found = ours(Inputs(x=graph.x), edges_of(graph))
    torch.testing.assert_close(found, theirs(graph.x, graph.edge_index))


def test_our_attention_is_that_of_pyg() -> None:
    graph, ours = ring(), Attention(3, 8, heads=2, attention_dropout=0.0)
    theirs = GATConv(3, 4, heads=2)
    theirs.lin.weight, theirs.bias = ours.weight, ours.bias
    theirs.att_src = nn.Parameter(ours.attention[:1].detach())
    theirs.att_dst = nn.Parameter(ours.attention[1:].detach())
    found = ours(Inputs(x=graph.x), edges_of(graph))
    torch.testing.assert_close(found, theirs(graph.x, graph.edge_index))


@pytest.mark.parametrize("kind", [GatDecoder, GcnDecoder])
def test_a_decoder_that_adds_up_first_is_the_convolution(kind: type[Decoder]) -> None:
    graph, ours = ring(features=4), kind(4, 7).eval()
    theirs = GATConv(4, 7) if kind is GatDecoder else GCNConv(4, 7)
    theirs.lin.weight, theirs.bias = ours.weight, ours.bias
    if isinstance(ours, GatDecoder):
        theirs.att_src = nn.Parameter(ours.attention[None, :1].detach())
        theirs.att_dst = nn.Parameter(ours.attention[None, 1:].detach())
    tokens = Tokens(values=graph.x, relations=edges_of(graph))
    torch.testing.assert_close(ours(tokens), theirs(graph.x, graph.edge_index))


def test_a_decoder_answers_those_that_are_asked_for_alike() -> None:
    graph, decoder = ring(features=4), GatDecoder(4, 7).eval()
    asked = torch.tensor([True, False, True, True, False, False])
    relations = edges_of(graph)
    whole = decoder(Tokens(values=graph.x, relations=relations))
    rows = asked.nonzero()[:, 0]
    some = decoder(Tokens(values=graph.x, relations=relations, asked=rows))
    torch.testing.assert_close(some, whole[asked])
    masked = decoder(Tokens(values=graph.x, relations=relations, asked=asked))
    torch.testing.assert_close(masked[asked], whole[asked])


def test_sparse_features_give_the_same_values_and_gradients_as_dense_ones() -> None:
    x = (torch.rand(20, 40, generator=seeded()) < 0.05).float()
    hidden = torch.rand(20, generator=seeded(1)) < 0.3
    sparse = SparseRows.of(x)
    assert sparse is not None
    found = []
    for kind in (sparse, None):
        torch.manual_seed(0)
        weight = torch.randn(6, 40, requires_grad=True)
        token = torch.randn(40, requires_grad=True)
        out = Inputs(x=x, sparse=kind, hidden=hidden, token=token).times(weight)
        found.append([out, *torch.autograd.grad(out.square().sum(), (weight, token))])
    for a, b in zip(*found, strict=True):
        torch.testing.assert_close(a, b)


def test_dense_features_are_not_taken_for_sparse_ones() -> None:
    assert SparseRows.of(torch.randn(5, 5)) is None


def test_changed_features_are_looked_at_again() -> None:
    encoder = made("gcn")
    graph = ring()
    graph.x = torch.zeros(6, 3)
    before = encoder(graph).pooled
    graph.x[0, 0] = 1.0
    assert not torch.equal(encoder(graph).pooled, before)


@every
def test_nodes_of_one_graph_are_the_instances(name: str) -> None:
    encoding = made(name)(ring())
    assert encoding.pooled.shape == (6, 8)
    assert encoding.owner is not None
    assert encoding.owner.tolist() == list(range(6))


@every
def test_graphs_of_a_batch_are_the_instances_and_do_not_see_each_other(name: str) -> None:
    encoder, value = made(name), batch_of(4)
    pooled = encoder(value).pooled
    assert pooled.shape == (4, 8)
    value.x[value.batch == 0] += 1.0
    changed = (encoder(value).pooled != pooled).any(1)
    assert changed.tolist() == [True, False, False, False]


@every
def test_a_renumbering_of_the_nodes_renumbers_the_answer(name: str) -> None:
    encoder, graph = made(name), ring()
    order = torch.randperm(6, generator=seeded())
    place = order.argsort()
    moved = Data(x=graph.x[order], edge_index=place[graph.edge_index])
    torch.testing.assert_close(encoder(moved).pooled, encoder(graph).pooled[order])


@every
def test_a_hidden_node_enters_as_the_token_whatever_it_holds(name: str) -> None:
    encoder, graph = made(name), ring()
    mask = Mask(torch.tensor([True, False, False, False, False, False]), "replace")
    before = encoder(graph, mask=mask).pooled
    graph.x[0] = 9.0
    assert torch.equal(encoder(graph, mask=mask).pooled, before)
    assert not torch.equal(encoder(graph).pooled, before)


@every
def test_tokens_encode_as_the_value_they_were_made_of(name: str) -> None:
    encoder, graph = made(name), ring()
    assert torch.equal(encoder(encoder.tokenize(graph)).pooled, encoder(graph).pooled)
    assert torch.equal(encoder.token_targets(graph), graph.x)


@every
def test_layers_can_be_tapped(name: str) -> None:
    encoding = made(name)(ring(), taps=(1, 2))
    assert torch.equal(encoding.layers[2], encoding.tokens)
    with pytest.raises(ValueError, match="wanted layers 1 to 2"):
        made(name)(ring(), taps=(3,))


@every
def test_isolated_nodes_and_graphs_without_edges_are_embedded(name: str) -> None:
    graph = Data(x=torch.randn(3, 3), edge_index=torch.empty(2, 0, dtype=torch.int64))
    assert made(name)(graph).pooled.isfinite().all()


def test_joined_layers_are_as_wide_as_all_together() -> None:
    encoder = Gin(Gin.Config(features=3, width=8, layers=3, join=True)).eval()
    assert encoder.spec.width == 24
    assert encoder(batch_of(3)).pooled.shape == (3, 24)


def test_a_norm_that_comes_last_is_of_what_the_activation_left() -> None:
    first, last = (
        Gcn(
            Gcn.Config(
                features=3, width=8, layers=1, norm="batch", activation="relu", norm_last=order
            )
        )
        for order in (False, True)
    )
    assert (first(ring()).pooled >= 0).all()
    pooled = last(ring()).pooled
    torch.testing.assert_close(pooled.mean(0), torch.zeros(8), atol=1e-5, rtol=0)
    assert (pooled < 0).any()


def test_any_model_of_pyg_is_an_encoder_in_one_line() -> None:
    encoder: Encoder = Wrapped(GraphSAGE(3, 16, num_layers=2, out_channels=5))
    assert encoder.spec.width == 5
    assert encoder(ring()).pooled.shape == (6, 5)
    assert encoder(batch_of(4)).pooled.shape == (4, 5)
    with pytest.raises(ValueError, match="does not tell it as in_channels"):
        Wrapped(nn.Linear(3, 3))


def test_wrong_features_are_refused_with_what_to_set() -> None:
    with pytest.raises(ValueError, match="set features=4"):
        made("gcn")(ring(features=4))
    with pytest.raises(ValueError, match="features=4"):
        Graph().fit(made("gcn").spec.preprocessing, ring(features=4))
    with pytest.raises(ValueError, match="do not divide"):
        Gat.Config(width=10, heads=4)
    with pytest.raises(ValueError, match="no effect with a single layer"):
        Gcn.Config(layers=1, hidden=4)
    with pytest.raises(ValueError, match="norm_last: there is no norm"):
        Gcn.Config(norm_last=True)
