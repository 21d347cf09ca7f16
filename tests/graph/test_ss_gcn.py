"""SS-GCNs: labels made in passes, their loss, and labels that training may not read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from tests.core.ranks import answers_of
from tests.graph.ss_gcn_worker import engine, joint, labels_of, source_of, split_graph
from tests.graph.toys import batch_of, communities, many, nodes_of, ring, seeded
from torch_geometric.data import Data

import tacit
from tacit.contract import Batch, DataInfo, Objective
from tacit.data import Draw
from tacit.evaluation import embed
from tacit.methods import Learner
from tacit.nn import InputTarget, InstanceHead, LinearDecoder, MeanSquared, OwnDecoder
from tacit.objectives import LabelledConfig, MaskedPrediction
from tacit_graph.data import Graphs, Karate
from tacit_graph.data.embedded import KarateConfig
from tacit_graph.encoders import Gcn
from tacit_graph.modality import Graph
from tacit_graph.objectives import (
    Clustering,
    ClusteringConfig,
    CompletionConfig,
    Partition,
    PartitionConfig,
    SsGcn,
    SsGcnConfig,
)
from tacit_graph.partition import cut_of, partition
from tacit_graph.views import Masked

DRAW = Draw(seed=0, epoch=0)


def learner_of(objective: Objective, features: int = 3, instances: int = 6) -> Learner:
    torch.manual_seed(0)
    return Learner(
        encoders={"graph": Gcn(Gcn.Config(features=features, width=8))},
        objective=objective,
        augmentations={"graph": Masked()},
        modalities={"graph": Graph()},
        data=DataInfo(instances=instances),
    )


def test_the_loss_is_the_cross_entropy_of_a_linear_head_on_the_rows_named() -> None:
    objective = Partition(PartitionConfig(parts=3))
    learner = learner_of(objective)
    objective.labels("graph").copy_(torch.tensor([0, 1, 2, 2, 1, 0]))
    index, rows = torch.tensor([5, 3, 1, 0, 2, 4]), torch.tensor([0, 1, 4])
    found = learner(Batch(values={"graph": ring()}, index=index, rows=rows))
    logits = objective.head["graph"](learner.encoder("graph")(ring()).pooled)[rows]
    wanted = -logits.log_softmax(1)[torch.arange(3), torch.tensor([0, 2, 2])].mean()
    torch.testing.assert_close(found.terms["prediction"], wanted)
    assert found.metrics["chance"] == pytest.approx(1 / 3)


def gcn_objective() -> tuple[SsGcn, Learner]:
    """One graph layer, and one more for each of labels and parts."""
    torch.manual_seed(0)
    labelled = LabelledConfig(classes=3, entropy=0.0, classifier="own")
    objective = SsGcn(SsGcnConfig(labelled=labelled, task=PartitionConfig(parts=3)))
    config = Gcn.Config(features=3, width=8, layers=1, activation="relu")
    learner = Learner(
        encoders={"graph": Gcn(config)},
        objective=objective,
        augmentations={"graph": Masked()},
        modalities={"graph": Graph()},
        data=DataInfo(instances=6),
    )
    return objective, learner


def normalised(graph: Data) -> torch.Tensor:
    """The adjacency with self-loops, over the roots of both degrees, as a dense matrix."""
    source, target = graph.edge_index
    joined = torch.eye(graph.num_nodes).index_put((target, source), torch.tensor(1.0))
    root = joined.sum(1).rsqrt()
    return root[:, None] * joined * root


def test_with_heads_of_its_kind_one_layer_makes_the_gcn_of_two_layers_of_the_paper() -> None:
    objective, learner = gcn_objective()
    objective.tasks["task"].labels("graph").copy_(torch.tensor([0, 1, 2, 2, 1, 0]))  # type: ignore[operator]
    graph, label = ring(), torch.tensor([2, -1, 0, 1, 1, -1])
    graph.edge_index = torch.cat([graph.edge_index, torch.tensor([[0, 3], [3, 0]])], dim=1)
    told = learner(Batch(values={"graph": graph}, index=torch.arange(6), label=label))

    weight = dict(learner.named_parameters())
    first = (weight[f"encoders.graph.layers.0.{name}"] for name in ("weight", "bias"))
    mix = normalised(graph)
    hidden = _layer(mix, graph.x, *first).relu()
    known = label >= 0
    for term, head, rows, wanted in (
        ("labels", "tasks.labels.classifier", known, label[known]),
        ("task", "tasks.task.head", slice(None), torch.tensor([0, 1, 2, 2, 1, 0])),
    ):
        last = (weight[f"objective.{head}.graph.network.{name}"] for name in ("weight", "bias"))
        chances = _layer(mix, hidden, *last).softmax(1)[rows]
        expected = -chances[torch.arange(len(wanted)), wanted].log().mean()
        torch.testing.assert_close(told.terms[term], expected)


def _layer(
    mix: torch.Tensor, x: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor
) -> torch.Tensor:
    return mix @ (x @ weight.t()) + bias


def test_gradients_of_heads_of_its_kind_are_right() -> None:
    objective, learner = gcn_objective()
    learner.double()
    objective.tasks["task"].labels("graph").copy_(torch.tensor([0, 1, 2, 2, 1, 0]))  # type: ignore[operator]
    graph = ring()
    graph.x = graph.x.double()
    batch = Batch(
        values={"graph": graph},
        index=torch.arange(6),
        label=torch.tensor([2, -1, 0, 1, 1, -1]),
        rows=torch.tensor([0, 1, 3]),
    )
    names = [
        "encoders.graph.layers.0.weight",
        "objective.tasks.labels.classifier.graph.network.weight",
        "objective.tasks.task.head.graph.network.weight",
    ]

    def loss(*weights: torch.Tensor) -> torch.Tensor:
        out = torch.func.functional_call(learner, dict(zip(names, weights, strict=True)), (batch,))
        return out.total()  # type: ignore[no-any-return]

    own = dict(learner.named_parameters())
    assert torch.autograd.gradcheck(loss, [own[n].detach().requires_grad_() for n in names])


def test_the_answer_of_a_graph_is_the_mean_of_its_nodes() -> None:
    encoder = Gcn(Gcn.Config(features=3, width=8))
    head = InstanceHead(encoder.spec, 4)
    value = batch_of(3)
    told = head(encoder(value), encoder.tokenize(value))
    nodes = head.network(replace(encoder.tokenize(value), values=encoder(value).tokens))
    wanted = torch.stack([nodes[value.batch == i].mean(0) for i in range(3)])
    torch.testing.assert_close(told, wanted)


def test_features_are_dropped_out_before_a_last_layer_too() -> None:
    encoder = Gcn(Gcn.Config(features=3, width=8, layers=1, dropout=0.5))
    head, graph = InstanceHead(encoder.spec, 4), ring()
    encoding, tokens = encoder(graph), encoder.tokenize(graph)
    torch.manual_seed(1)
    told = head(encoding, tokens)
    torch.manual_seed(1)
    dropped = torch.nn.functional.dropout(encoding.tokens, 0.5)
    torch.testing.assert_close(told, head.eval()(replace(encoding, tokens=dropped), tokens))
    assert torch.equal(head(encoding, tokens), head(encoding, tokens))


def test_gradients_are_right() -> None:
    objective = Clustering(ClusteringConfig(clusters=3))
    learner = learner_of(objective).double()
    objective.labels("graph").copy_(torch.tensor([0, 1, 2, 2, 1, 0]))
    graph = ring()
    graph.x = graph.x.double()

    def loss(weight: torch.Tensor) -> torch.Tensor:
        part = {"head.graph.weight": weight}
        given = (learner.views(batch), learner.context(batch))
        out = torch.func.functional_call(objective, part, given)
        return out.total()  # type: ignore[no-any-return]

    batch = Batch(values={"graph": graph}, index=torch.arange(6))
    weight = torch.randn(3, 8, generator=seeded(), dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(loss, weight)


def test_parts_are_those_of_the_whole_graph_however_it_is_read() -> None:
    graph, _ = split_graph()
    source = nodes_of(graph)
    wanted = partition(source.graph.edge_index, len(source), 4)
    found = labels_of(Partition(PartitionConfig(parts=4)), source)
    assert torch.equal(found, wanted)
    sampled = nodes_of(graph, neighbours=(3, 2))
    assert torch.equal(labels_of(Partition(PartitionConfig(parts=4)), sampled, batch=7), wanted)
    assert float(cut_of(source.graph.edge_index, found)) < 0.5


def test_of_a_split_the_graph_among_its_nodes_is_divided() -> None:
    source = source_of(split="train")
    found = labels_of(Partition(PartitionConfig(parts=3)), source)
    train = source.graph.train_mask
    number = train.cumsum(0) - 1
    edges = number[source.graph.edge_index[:, train[source.graph.edge_index].all(0)]]
    assert torch.equal(found, partition(edges, len(source), 3))


def test_clusters_are_of_raw_features() -> None:
    graph, label = communities(count=3, size=20, features=12)
    graph.x = torch.nn.functional.one_hot(label, 12).float()
    found = labels_of(Clustering(ClusteringConfig(clusters=3)), nodes_of(graph))
    assert len(torch.stack([label, found]).unique(dim=1).t()) == 3
    graphs = labels_of(Clustering(ClusteringConfig(clusters=2)), Graphs(many(16)), features=3)
    assert sorted(graphs.unique().tolist()) == [0, 1]


def test_processes_agree_on_labels(tmp_path: Path) -> None:
    for found in answers_of("tests.graph.ss_gcn_worker", tmp_path, 2):
        assert found["found"] == found["wanted"]
        assert len(found["wanted"]) == 4
        torch.testing.assert_close(torch.tensor(found["weights"]), torch.tensor(found["alone"]))


def test_completion_is_a_masked_prediction() -> None:
    config = CompletionConfig(ratio=0.3).masked()
    assert isinstance(config.loss, MeanSquared)
    assert isinstance(config.decoder, LinearDecoder)
    assert (config.mask.ratio, config.target) == (0.3, InputTarget(normalise=True))  # type: ignore[union-attr]
    task = SsGcn(SsGcnConfig(task=CompletionConfig())).tasks["task"]
    assert isinstance(task, MaskedPrediction)
    assert task.config.decoder == OwnDecoder(remask=False)


def test_training_reads_labels_of_the_training_part_alone() -> None:
    for settings in ({}, {"labelled": "train"}, {"neighbours": (2, 2)}):
        source = Karate(KarateConfig(**settings))  # type: ignore[arg-type]
        told, known = source.fetch_random(range(34), DRAW), source.fetch(range(34))
        train = source.graph.train_mask[told.index]
        assert torch.equal(told.label >= 0, train)
        assert torch.equal(told.label[train], known.label[train])  # type: ignore[index]
        assert bool((known.label >= 0).all())
        assert "y" not in told.values["graph"]
        assert source.labels() is not None
    everything = Karate(KarateConfig(labelled="all")).fetch_random(range(34), DRAW)
    assert bool((everything.label >= 0).all())


def test_several_training_parts_tell_none_and_a_missing_one_is_refused() -> None:
    graph, _ = communities()
    assert bool((nodes_of(graph).fetch_random(range(60), DRAW).label >= 0).all())
    with pytest.raises(ValueError, match="labelled: the graph has no single train_mask"):
        nodes_of(graph, labelled="train")
    graph.train_mask = torch.ones(60, 10, dtype=torch.bool)
    assert nodes_of(graph).fetch_random(range(60), DRAW).label is None


def test_labels_outside_training_change_nothing() -> None:
    weights = []
    for seed in (0, 1):
        graph, _ = split_graph()
        outside = ~graph.train_mask
        other = torch.randint(4, graph.y.shape, generator=seeded(seed))
        graph.y = torch.where(outside, other, graph.y)
        learner = engine(joint(), nodes_of(graph), steps=3).learner
        weights.append([p.detach() for p in learner.parameters()])
    assert all(torch.equal(a, b) for a, b in zip(*weights, strict=True))


def test_labels_beyond_the_classes_and_data_of_many_graphs_are_refused() -> None:
    few = SsGcn(SsGcnConfig(labelled=LabelledConfig(classes=2), task=PartitionConfig(parts=4)))
    with pytest.raises(ValueError, match="wanted labels below 2, or -1"):
        engine(few, source_of(), steps=1)
    with pytest.raises(ValueError, match="wanted one graph whose nodes are the instances"):
        labels_of(Partition(PartitionConfig(parts=2)), Graphs(many(8)), features=3)
    with pytest.raises(ValueError, match="wanted at most 6 labels"):
        learner_of(Partition())
    for config in (ClusteringConfig, PartitionConfig):
        with pytest.raises(ValueError, match="at least 2"):
            config(**{"clusters" if config is ClusteringConfig else "parts": 1})


class Stop:
    """Ends a run at a checkpoint."""

    def metrics(self, step: int, values: Mapping[str, float]) -> None:
        return

    def progress(self, step: int, total: int | None, instances_per_second: float) -> None:
        return

    def checkpoint(self, step: int, path: Path) -> None:
        if step == 2:
            raise KeyboardInterrupt


def test_a_resumed_run_goes_on_with_its_labels_and_its_classifier_can_be_tapped(
    tmp_path: Path,
) -> None:
    settings: dict[str, Any] = {
        "epochs": 4,
        "watch_every": 0,
        "checkpoint_every": 2,
        "encoder": {"width": 8},
        "objective": {"task": {"parts": 5}},
    }

    def run(name: str, *observers: Any) -> tacit.Run:
        return tacit.pretrain(
            "graph/ss-gcn",
            data="graph/karate",
            out=tmp_path / name,
            settings=settings,
            observers=observers,
        )

    whole = run("whole")
    with pytest.raises(KeyboardInterrupt):
        run("cut", Stop())
    again = run("cut")
    a, b = whole._learned(), again._learned()
    assert len(a["objective.tasks.task.label_graph"].unique()) == 5
    assert all(torch.equal(a[key], b[key]) for key in a)
    told = again.probed(tap="tasks.labels.classifier").encoder
    batch = Karate().fetch(range(34))
    tokens = again.encoders["graph"](batch.values["graph"]).tokens
    last = (a[f"objective.tasks.labels.classifier.graph.network.{n}"] for n in ("weight", "bias"))
    wanted = _layer(normalised(batch.values["graph"]), tokens, *last)
    torch.testing.assert_close(embed(told, [batch]).values, wanted.detach())
    assert any(again.export(tmp_path / "exported").iterdir())
    assert again.evaluate(probes=["knn"], seeds=(0,), tap="classifier")
