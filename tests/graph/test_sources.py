"""Sources of graphs: what they promise, and what they refuse."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import networkx as nx
import pandas as pd
import pytest
import torch
from tests.graph.toys import many, nodes_of, ring
from torch_geometric.data import Data, HeteroData

from tacit.contract import Batch
from tacit.data import Draw, Loader
from tacit_graph.data import (
    Digits,
    GraphConfig,
    Graphs,
    Karate,
    Networkx,
    Nodes,
    NodesConfig,
    Planetoid,
    PygNodes,
    Tables,
    Tu,
    from_networkx,
    ready,
)
from tacit_graph.modality import Graph

DATA = Path(os.environ.get("TACIT_DATA", "")) / "graph"
real = pytest.mark.skipif(not (DATA / "cora").is_dir(), reason="TACIT_DATA has no graph/cora")


def of(edges: Sequence[tuple[int, int]], nodes: int, **more: object) -> Data:
    index = torch.tensor(edges, dtype=torch.int64).reshape(-1, 2).t()
    return Data(edge_index=index, num_nodes=nodes, **more)


def test_a_whole_graph_is_read_once_for_all_its_nodes() -> None:
    source = nodes_of(ring())
    with Loader(source) as loader:
        (batch,) = loader.sequential(2)
    assert len(batch) == 6
    assert batch.rows is None
    assert source.whole


def test_a_part_of_the_nodes_is_rows_of_the_whole_graph() -> None:
    graph = ring()
    graph.train_mask = torch.tensor([False, True, False, False, True, False])
    graph.y = torch.arange(6)
    source = nodes_of(graph, split="train")
    batch = source.fetch([1])
    assert batch.rows is not None
    assert batch.rows.tolist() == [4]
    assert batch.index[batch.rows].tolist() == [1]
    assert batch.values["graph"].num_nodes == 6
    labels = source.labels()
    assert labels is not None
    assert labels.tolist() == [1, 4]


def test_graphs_of_a_batch_are_joined_in_the_order_asked_for() -> None:
    source = Graphs(many(6))
    batch = source.fetch([4, 1])
    sizes = batch.values["graph"].ptr.diff().tolist()
    assert sizes == [len(graph.x) for graph in (many(6)[4], many(6)[1])]
    assert batch.label is not None
    assert batch.label.tolist() == [0, 1]


def test_moving_a_batch_leaves_the_source_where_it_is() -> None:
    source = nodes_of(ring())
    source.fetch([0]).to(torch.device("meta"))
    assert source.graph.x.device.type == "cpu"


@pytest.mark.parametrize("make", [Karate, Digits])
def test_embedded_graphs_hold_what_they_promise(make: type[Karate]) -> None:
    source = make()
    graph = source.graph
    assert graph.is_undirected()
    assert not graph.has_self_loops()
    assert not (graph.train_mask & graph.test_mask).any()
    assert source.fingerprint() == make().fingerprint()
    assert source.fingerprint() != make(make.Config(split="train")).fingerprint()


def test_edges_are_made_undirected_unless_said_otherwise() -> None:
    directed = of([(0, 1), (0, 1), (1, 2), (2, 2)], 3)
    assert ready(directed, GraphConfig()).edge_index.tolist() == [[0, 1, 1, 2], [1, 0, 2, 1]]
    kept = ready(directed, GraphConfig(undirected=False))
    assert kept.edge_index.tolist() == [[0, 1], [1, 2]]


def test_nodes_without_features_have_one_that_is_constant_or_their_degree() -> None:
    bare = of([(0, 1), (0, 2)], 4)
    assert ready(bare, GraphConfig()).x.tolist() == [[1.0]] * 4
    degrees = ready(bare, GraphConfig(missing_features="degree", most_degrees=3)).x
    assert degrees.argmax(1).tolist() == [2, 1, 1, 0]
    with pytest.raises(ValueError, match="no node features: set missing_features"):
        ready(bare, GraphConfig(missing_features="refuse"))


def test_features_are_divided_by_their_sum_where_asked_for() -> None:
    graph = Data(x=torch.tensor([[1.0, 3.0], [0.0, 0.0]]), edge_index=torch.empty(2, 0).long())
    found = ready(graph, GraphConfig(normalise_features=True)).x
    assert found.tolist() == [[0.25, 0.75], [0.0, 0.0]]


BAD: dict[str, tuple[object, str]] = {
    "an edge too far": (of([(0, 1), (1, 7)], 3), "1 edges out of range.*1 to 7"),
    "a negative node": (of([(-1, 1)], 3), "out of range"),
    "no nodes": (of([], 0), "has no nodes"),
    "NaN features": (
        Data(x=torch.tensor([[1.0], [float("nan")]]), edge_index=torch.empty(2, 0).long()),
        r"1 nodes are NaN or infinite, the first of nodes \[1\]",
    ),
    "features of other nodes": (of([], 3, x=torch.zeros(0, 2)), "no nodes"),
    "edges of floats": (Data(x=torch.ones(2, 1), edge_index=torch.zeros(2, 1)), "wanted integers"),
    "several kinds of nodes": (HeteroData(), "HeteroData .* is not supported"),
    "no graph": ([1, 2], r"wanted a torch_geometric.data.Data; got list"),
}


@pytest.mark.parametrize("what", BAD)
def test_bad_graphs_are_refused_and_the_offender_named(what: str) -> None:
    graph, says = BAD[what]
    with pytest.raises(ValueError, match=says):
        ready(graph, GraphConfig())


def test_bad_sets_of_graphs_are_refused() -> None:
    with pytest.raises(ValueError, match="wanted at least one; got none"):
        Graphs([])
    with pytest.raises(ValueError, match=r"one number of node features; got \[2, 3\]"):
        Graphs([ring(), ring(features=2)])
    with pytest.raises(ValueError, match="graph 1 has no node features while others have"):
        Graphs([ring(), of([(0, 1)], 2)])
    with pytest.raises(ValueError, match="graph 1: 1 edges out of range"):
        Graphs([ring(), Data(x=torch.ones(2, 3), edge_index=torch.tensor([[0], [5]]))])


def test_splits_and_labels_that_are_not_there_are_refused() -> None:
    with pytest.raises(ValueError, match="no single test_mask: take split=all"):
        nodes_of(ring(), split="test")
    graph = ring()
    graph.y = torch.arange(4)
    with pytest.raises(ValueError, match="a label for each of 6 nodes; got 4"):
        nodes_of(graph)
    with pytest.raises(ValueError, match="neighbours: wanted"):
        NodesConfig(neighbours=(0,))


# -- neighbour sampling ------------------------------------------------------------------------


def sampled(indices: Sequence[int], fanout: tuple[int, ...], epoch: int = 0) -> Batch:
    source = nodes_of(ring(40, seed=1), neighbours=fanout)
    return source.fetch_random(indices, Draw(seed=0, epoch=epoch))


def test_a_sampled_batch_begins_with_the_nodes_asked_for() -> None:
    batch = sampled([7, 3], (1, 1))
    assert batch.index[:2].tolist() == [7, 3]
    assert batch.rows is not None
    assert batch.rows.tolist() == [0, 1]
    value = batch.values["graph"]
    assert torch.equal(value.x, ring(40, seed=1).x[batch.index])
    assert len(batch.index.unique()) == len(batch.index)


def test_every_sampled_edge_is_one_of_the_graph() -> None:
    batch = sampled([0, 20], (2, 2))
    source, target = batch.index[batch.values["graph"].edge_index]
    assert ((source - target) % 40).tolist() == [
        d if d in (1, 39) else -1 for d in ((source - target) % 40).tolist()
    ]


def test_no_node_gets_more_neighbours_than_asked_for_and_none_twice() -> None:
    star = of([(0, i) for i in range(1, 30)], 30)
    source = nodes_of(star, neighbours=(5,))
    batch = source.fetch_random([0, 1], Draw(seed=0, epoch=0))
    index = batch.values["graph"].edge_index
    assert index[1].bincount(minlength=2).tolist()[:2] == [5, 1]
    assert len(index.unique(dim=1).t()) == len(index.t())


def test_neighbours_are_drawn_evenly() -> None:
    star = of([(0, i) for i in range(1, 11)], 11)
    source = nodes_of(star, neighbours=(3,))
    counts = torch.zeros(11)
    for epoch in range(600):
        batch = source.fetch_random([0], Draw(seed=0, epoch=epoch))
        counts[batch.index[1:]] += 1
    assert ((counts[1:] - 180).abs() < 45).all()  # four deviations


def test_the_same_place_in_a_run_samples_the_same_and_another_epoch_does_not() -> None:
    graph = nx.barabasi_albert_graph(60, 6, seed=0)
    source = Nodes(from_networkx(graph)[0], NodesConfig(neighbours=(2, 2)))
    first, again, later = (
        source.fetch_random([1, 2], Draw(seed=0, epoch=epoch)).index for epoch in (0, 0, 1)
    )
    assert torch.equal(first, again)
    assert not torch.equal(first, later)


def test_evaluation_sees_all_neighbours_and_so_embeds_like_the_whole_graph() -> None:
    from tacit_graph.encoders import Gcn

    torch.manual_seed(0)
    encoder = Gcn(Gcn.Config(features=3, width=8)).eval()
    graph = ring(40, seed=1)
    batch = nodes_of(graph, neighbours=(1, 1, 1)).fetch([5, 9])
    found = encoder(batch.values["graph"]).pooled[batch.rows]
    torch.testing.assert_close(found, encoder(nodes_of(graph).graph).pooled[[5, 9]])


# -- files -------------------------------------------------------------------------------------


def tables(folder: Path, edges: str, nodes: str) -> Path:
    (folder / "edges.csv").write_text(edges)
    (folder / "nodes.csv").write_text(nodes)
    return folder / "edges.csv"


def test_tables_of_edges_and_nodes_are_a_graph(tmp_path: Path) -> None:
    path = tables(
        tmp_path,
        "source,target\na,b\nb,c\n",
        "name,x1,x2,kind,part\na,1,2,red,train\nb,3,4,blue,test\nc,5,6,red,val\n",
    )
    config = Tables.Config(
        path=path, nodes=tmp_path / "nodes.csv", id="name", label="kind", part="part", split="test"
    )
    source = Tables(config)
    assert source.graph.x.tolist() == [[1, 2], [3, 4], [5, 6]]
    assert source.graph.edge_index.tolist() == [[0, 1, 1, 2], [1, 0, 2, 1]]
    assert source.label_names == ("blue", "red")
    assert source.fetch([0]).index.tolist() == [-1, 0, -1]
    frame = pd.read_csv(path)
    frame.to_parquet(tmp_path / "edges.parquet")
    again = Tables.Config(path=tmp_path / "edges.parquet", nodes=tmp_path / "nodes.csv", id="name")
    with pytest.raises(ValueError, match="kind, part hold something else"):
        Tables(again)


def test_bad_tables_are_refused(tmp_path: Path) -> None:
    path = tables(tmp_path, "source,target\na,b\na,z\n", "name,x1\na,1\nb,2\n")
    nodes = tmp_path / "nodes.csv"
    with pytest.raises(ValueError, match="row 1 joins 'a' and 'z', which are not both in"):
        Tables(Tables.Config(path=path, nodes=nodes, id="name"))
    with pytest.raises(ValueError, match="no column 'from'; there are: source, target"):
        Tables(Tables.Config(path=path, source="from"))
    with pytest.raises(ValueError, match="wanted whole numbers of nodes"):
        Tables(Tables.Config(path=path))
    with pytest.raises(ValueError, match="names a column of the nodes: give nodes="):
        Tables.Config(path=path, label="kind")
    with pytest.raises(ValueError, match="no such file"):
        Tables(Tables.Config(path=tmp_path / "other.csv"))


def test_graphs_of_networkx_keep_their_numbers_and_classes(tmp_path: Path) -> None:
    graph = nx.karate_club_graph()
    for _, attributes in graph.nodes(data=True):
        attributes["age"] = 30
    value, names = from_networkx(graph, label="club")
    assert names == ("Mr. Hi", "Officer")
    assert value.x.shape == (34, 1)
    assert value.edge_index.shape[1] == 156
    nx.write_graphml(graph, tmp_path / "club.graphml")
    source = Networkx(Networkx.Config(path=tmp_path / "club.graphml", label="club"))
    assert len(source) == 34
    with pytest.raises(ValueError, match="34 nodes have no 'team'"):
        from_networkx(graph, label="team")


def write_tu(folder: Path, edges: str = "1, 2\n2, 1\n3, 4\n4, 3\n") -> Path:
    raw = folder / "raw"
    raw.mkdir()
    parts = {
        "A": edges,
        "graph_indicator": "1\n1\n2\n2\n2\n",
        "graph_labels": "-1\n1\n",
        "node_labels": "0\n1\n0\n2\n1\n",
    }
    for part, content in parts.items():
        (raw / f"TOY_{part}.txt").write_text(content)
    return folder


def test_a_raw_tu_folder_is_many_graphs(tmp_path: Path) -> None:
    source = Tu(Tu.Config(path=write_tu(tmp_path)))
    labels = source.labels()
    assert labels is not None
    assert labels.tolist() == [0, 1]
    value = source.fetch([1]).values["graph"]
    assert value.x.argmax(1).tolist() == [0, 2, 1]
    assert value.edge_index.tolist() == [[0, 1], [1, 0]]
    assert Tu.recognises(str(tmp_path))


def test_bad_tu_folders_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"wanted one file <NAME>_graph_indicator.txt; got 0"):
        Tu(Tu.Config(path=tmp_path))
    write_tu(tmp_path, edges="1, 9\n")
    with pytest.raises(ValueError, match="edges out of range: wanted nodes 1 to 5; got 1 to 9"):
        Tu(Tu.Config(path=tmp_path))
    (tmp_path / "raw" / "TOY_A.txt").write_text("1, 2\n2, 3\n")
    with pytest.raises(ValueError, match="line 2 joins nodes of two graphs"):
        Tu(Tu.Config(path=tmp_path))


def test_a_planetoid_folder_with_missing_files_says_which(tmp_path: Path) -> None:
    (tmp_path / "ind.cora.allx").write_text("")
    with pytest.raises(ValueError, match=r"missing ind.cora.x, tx"):
        Planetoid(Planetoid.Config(path=tmp_path))


@real
def test_cora_is_read_from_its_raw_folder_with_the_public_split() -> None:
    source = Planetoid(Planetoid.Config(path=DATA / "cora"))
    assert (len(source), source.graph.num_edges) == (2708, 10556)
    parts = [int(source.graph[f"{part}_mask"].sum()) for part in ("train", "val", "test")]
    assert parts == [140, 500, 1000]
    torch.testing.assert_close(source.graph.x.sum(1), torch.ones(2708))


def test_pyg_data_sets_go_by_name(tmp_path: Path) -> None:
    assert len(PygNodes(PygNodes.Config(dataset="KarateClub", root=tmp_path))) == 34
    with pytest.raises(ValueError, match=r"torch_geometric.datasets has no 'Zoo'"):
        PygNodes(PygNodes.Config(dataset="Zoo/cats", root=tmp_path))


def test_smiles_are_molecules_and_broken_ones_are_named(tmp_path: Path) -> None:
    pytest.importorskip("rdkit")
    from tacit_graph.data import Smiles

    (tmp_path / "m.csv").write_text("smiles,y\nCCO,0\nc1ccccc1,1\nC(,0\n")
    with pytest.raises(ValueError, match=r"row 2: 'C\(' is no molecule"):
        Smiles(Smiles.Config(path=tmp_path / "m.csv", label="y"))
    source = Smiles(Smiles.Config(path=tmp_path / "m.csv", label="y", on_error="skip"))
    assert len(source) == 2
    assert len(source.skipped) == 1
    assert source.fetch([1]).values["graph"].num_nodes == 6


def test_one_hot_atoms_say_each_property_and_the_types_of_bonds() -> None:
    pytest.importorskip("rdkit")
    from tacit_graph.data.smiles import molecule

    numbers, separate = molecule("C=CO"), molecule("C=CO", "one-hot")
    assert numbers is not None
    assert separate is not None
    assert numbers.x.shape == (3, 9)
    assert separate.x.shape[1] == 177 + 22
    properties, bonds = separate.x.split([177, 22], 1)
    assert properties.sum(1).tolist() == [9.0] * 3
    assert properties[:, :119].argmax(1).tolist() == [6, 6, 8]
    assert bonds.sum(1).tolist() == [1.0, 2.0, 1.0]
    assert len({tuple(atom) for atom in bonds.tolist()}) == 3


def test_raw_features_of_a_graph_are_sums_and_the_number_of_nodes() -> None:
    value = Graphs(many(4)).fetch([0, 1]).values["graph"]
    found = Graph().raw_features(value)
    torch.testing.assert_close(found[0, :3], many(4)[0].x.sum(0))
    assert found[:, 3].tolist() == [5.0, 6.0]
    assert torch.equal(Graph().raw_features(ring()), ring().x)
