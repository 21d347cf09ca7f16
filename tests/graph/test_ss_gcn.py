"""SS-GCNs: labels made in passes, their loss, and labels that training may not read."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import torch
from tests.core.ranks import answers_of
from tests.graph.ss_gcn_worker import engine, labels_of, source_of, split_graph
from tests.graph.toys import communities, many, nodes_of, ring, seeded

import tacit
from tacit.contract import Batch, DataInfo, Objective
from tacit.data import Draw
from tacit.evaluation import embed
from tacit.methods import Learner
from tacit.nn import InputTarget, LinearDecoder, MeanSquared
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


def test_completion_is_a_masked_prediction() -> None:
    config = CompletionConfig(ratio=0.3).masked()
    assert isinstance(config.loss, MeanSquared)
    assert isinstance(config.decoder, LinearDecoder)
    assert (config.mask.ratio, config.target) == (0.3, InputTarget(normalise=True))  # type: ignore[union-attr]
    assert isinstance(SsGcn(SsGcnConfig(task=CompletionConfig())).tasks["task"], MaskedPrediction)


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
        learner = engine(_joint(), nodes_of(graph), steps=3).learner
        weights.append([p.detach() for p in learner.parameters()])
    assert all(torch.equal(a, b) for a, b in zip(*weights, strict=True))


def _joint() -> SsGcn:
    labelled = LabelledConfig(classes=4, entropy=0.0)
    return SsGcn(SsGcnConfig(labelled=labelled, task=PartitionConfig(parts=4)))


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
    assert embed(told, [Karate().fetch(range(34))]).values.shape == (34, 7)
