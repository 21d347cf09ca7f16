"""Run by test_ss_gcn.py in two processes, each of which reads a part of the nodes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from tests.core.ranks import fork, together
from tests.graph.toys import communities, nodes_of, seeded
from torch import Tensor
from torch_geometric.data import Data

from tacit.contract import DataInfo
from tacit.data import Source
from tacit.methods import Learner
from tacit.objectives import LabelledConfig
from tacit.training.loop import Trainer
from tacit.training.parallel import World
from tacit.training.settings import Training
from tacit_graph.data import Nodes
from tacit_graph.encoders import Gcn
from tacit_graph.modality import Graph
from tacit_graph.objectives import (
    Clustering,
    ClusteringConfig,
    MadeLabels,
    Partition,
    PartitionConfig,
    SsGcn,
    SsGcnConfig,
)
from tacit_graph.views import Masked


def split_graph() -> tuple[Data, Tensor]:
    """Communities of which half of the nodes may be learnt from."""
    graph, label = communities(count=4, size=15)
    graph.train_mask = torch.rand(60, generator=seeded(2)) < 0.5
    return graph, label


def source_of(**settings: object) -> Nodes:
    return nodes_of(split_graph()[0], **settings)


def engine(
    objective: Any,
    source: Source,
    *,
    steps: int = 1,
    batch: int | None = None,
    features: int = 12,
    world: World | None = None,
) -> Trainer:
    """Some steps of training, done."""
    torch.manual_seed(0)
    learner = Learner(
        encoders={"graph": Gcn(Gcn.Config(features=features, width=8))},
        objective=objective,
        augmentations={"graph": Masked()},
        modalities={"graph": Graph()},
        data=DataInfo(instances=len(source)),
    )
    trainer = Trainer(
        learner=learner,
        source=source,
        settings=Training(steps=steps, batch=batch or len(source), watch_every=0, workers=0),
        seed=0,
        world=world or World(device=torch.device("cpu")),
    )
    trainer.run()
    return trainer


def labels_of(objective: MadeLabels, source: Source, **settings: Any) -> Tensor:
    """The labels an objective made before its first step."""
    engine(objective, source, **settings)
    return objective.labels("graph")


def joint() -> SsGcn:
    """Labels and parts of the communities, told by one more graph layer each."""
    labelled = LabelledConfig(classes=4, entropy=0.0, classifier="own")
    return SsGcn(SsGcnConfig(labelled=labelled, task=PartitionConfig(parts=4)))


def learnt(world: World | None) -> list[float]:
    """All weights after some steps on graphs around nodes, wide enough to be the whole graph."""
    source = source_of(neighbours=(-1,) * 6)
    learner = engine(joint(), source, steps=3, batch=20, world=world).learner
    return [x for each in learner.parameters() for x in each.flatten().tolist()]


def made(world: World | None) -> list[list[int]]:
    """Parts and clusters, of the whole graph and of graphs around some nodes."""
    found = []
    for settings, batch in (({}, 60), ({"neighbours": (-1,)}, 10)):
        for objective in (
            Partition(PartitionConfig(parts=4)),
            Clustering(ClusteringConfig(clusters=5)),
        ):
            source = source_of(**settings)
            found.append(labels_of(objective, source, batch=batch, world=world).tolist())
    return found


def shared(rank: int, folder: Path) -> dict[str, Any]:
    with together(folder, rank, 2):
        world = World(device=torch.device("cpu"), rank=rank, size=2)
        own = {"found": made(world), "weights": learnt(world)}
        return own | {"wanted": WHOLE, "alone": ALONE}


if __name__ == "__main__":
    torch.set_num_threads(1)
    WHOLE, ALONE = made(None), learnt(None)
    fork(shared, 2)
