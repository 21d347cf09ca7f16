"""Labels that a pass over the data makes of features or edges alone, told from embeddings."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import torch
from jaxtyping import Int
from torch import Tensor, nn

from tacit.contract import (
    Batch,
    Context,
    DataInfo,
    EncoderSpec,
    Losses,
    Objective,
    Requirements,
    View,
    Views,
)
from tacit.functional import gather_rows
from tacit.functional.collectives import largest
from tacit.nn import HeadKind, WhichOf, build_head, head_needs, k_means, nearest
from tacit.nn.row_sample import sampled_rows
from tacit.objectives.instances import answers
from tacit_graph.modality import Graph, check_type, graphs_in
from tacit_graph.partition import partition


class MadeLabels(Objective):
    """Every instance has one of several labels, made once before the stage; a head tells it.

    The labels are in the checkpoint: a resumed run goes on with those it began with.

    Args:
        count: how many different labels there are.
        head: linear, or of the encoder's own kind.
    """

    def __init__(self, count: int, head: HeadKind) -> None:
        super().__init__()
        self.kind = head
        self.requires = Requirements(instances=True, capabilities=head_needs(head))
        self.asked = WhichOf(count)
        self.head = nn.ModuleDict()

    @abstractmethod
    def made(self, name: str, ctx: Context, instances: int) -> Int[Tensor, " instances"]:
        """The label of every instance of the data, the same on every process."""

    def build(self, specs: Mapping[str, EncoderSpec], data: DataInfo) -> None:
        """A head for each modality, and room for the labels.

        Raises:
            ValueError: fewer instances than labels.
        """
        count, instances = self.asked.count, data.instances
        if instances is not None and instances < count:
            raise ValueError(f"wanted at most {instances} labels, one an instance; got {count}")
        for name, spec in specs.items():
            self.head[name] = build_head(self.kind, spec, count)
            self.register_buffer(_KEPT + name, torch.zeros(instances or 0, dtype=torch.long))

    def before_stage(self, ctx: Context) -> None:
        """Make the labels."""
        for name in self.head:
            label = self.labels(name)
            label.copy_(self.made(name, ctx, len(label)))

    def forward(self, views: Views, ctx: Context) -> Losses:
        """The mean cross-entropy over the views of each modality, and its accuracy."""
        terms: dict[str, Tensor] = {}
        metrics: dict[str, Tensor] = {}
        for name in views.modalities:
            own = list(views.of(name))
            wanted = torch.cat([self.labels(name)[_index(view)] for view in own])
            told = answers(self.head[name], own, ctx)
            suffix = f"/{name}" if len(views.modalities) > 1 else ""
            terms[f"prediction{suffix}"] = self.asked.loss(told, wanted)
            score = self.asked.score(told.detach(), wanted)
            metrics |= {f"{key}{suffix}": value for key, value in score.items()}
        return Losses(terms=terms, metrics=metrics)

    def labels(self, name: str) -> Int[Tensor, " instances"]:
        """The labels of a modality's instances, ordered by data set index; 0 before the stage."""
        return self.get_buffer(_KEPT + name)


_KEPT = "label_"


@dataclass(frozen=True, kw_only=True)
class ClusteringConfig:
    """Settings of clusters of raw features.

    Args:
        clusters: how many; the authors' code has 200.
        iterations: of k-means.
        most: instances that clusters are made of and that are held in memory for it, drawn at
            random where the data have more.
        seed: of the first centres.

    Raises:
        ValueError: fewer than 2 clusters, no iteration, or fewer instances than clusters.
    """

    kind: ClassVar[str] = "clustering"
    clusters: int = 200
    iterations: int = 20
    most: int = 1 << 18
    seed: int = 0

    def __post_init__(self) -> None:
        if self.clusters < 2 or self.iterations < 1:
            raise ValueError(
                "clusters: wanted at least 2, and 1 iteration; got "
                f"{self.clusters} and {self.iterations}"
            )
        if self.most < self.clusters:
            raise ValueError(
                f"most: wanted at least {self.clusters}, the clusters; got {self.most}"
            )


class Clustering(MadeLabels):
    """Tells the cluster of an instance's raw features: of a node's, or of the sum of a graph's.

    Source: You et al. 2020 (arXiv 2006.09136) section 3.3, node clustering; Shen-Lab/SS-GCNs,
    clu.py. Differs: labels are the clusters themselves, as in the paper, for all nodes; the code
    maps each cluster to the class whose labelled nodes are nearest, and leaves those nodes out.
    """

    Config = ClusteringConfig

    def __init__(self, config: ClusteringConfig | None = None, head: HeadKind = "linear") -> None:
        config = config or ClusteringConfig()
        super().__init__(config.clusters, head)
        self.config = config

    def made(self, name: str, ctx: Context, instances: int) -> Int[Tensor, " instances"]:
        """The nearest of the centres that k-means found.

        Raises:
            ValueError: features that are no finite numbers.
        """
        raw, config = Graph().raw_features, self.config

        def chosen(batch: Batch) -> tuple[Tensor, Tensor]:
            rows = raw(batch.values[name])
            return rows, torch.ones_like(rows[:, :1], dtype=torch.bool)

        rows = sampled_rows(ctx, name, chosen, most=config.most, seed=config.seed)
        centres = k_means(rows, config.clusters, seed=config.seed, iterations=config.iterations)
        return ctx.dataset_pass(
            f"clusters/{name}",
            lambda batch: nearest(raw(batch.values[name]), centres),
            refresh="always",
        )


@dataclass(frozen=True, kw_only=True)
class PartitionConfig:
    """Settings of parts of one large graph.

    Args:
        parts: how many; the authors' for Cora, CiteSeer and PubMed are 14.
        slack: share by which a part may be larger or smaller than their mean.
        seed: of the partition; not the run's, so that runs of several seeds tell the same parts.

    Raises:
        ValueError: fewer than 2 parts, or a negative slack.
    """

    kind: ClassVar[str] = "partition"
    parts: int = 14
    slack: float = 0.03
    seed: int = 0

    def __post_init__(self) -> None:
        if self.parts < 2 or self.slack < 0:
            raise ValueError(
                "parts: wanted at least 2, and a slack of at least 0; got "
                f"{self.parts} and {self.slack}"
            )


class Partition(MadeLabels):
    """Tells in which part of the graph a node lies; see `tacit_graph.partition.partition`.

    The graph is that among the instances: with a `split` of the data, of the nodes in it.

    Source: You et al. 2020 (arXiv 2006.09136) section 3.3, graph partitioning; Shen-Lab/SS-GCNs,
    main_par.py. Differs: the partition is made here and not by METIS.
    """

    Config = PartitionConfig

    def __init__(self, config: PartitionConfig | None = None, head: HeadKind = "linear") -> None:
        config = config or PartitionConfig()
        super().__init__(config.parts, head)
        self.config = config

    def made(self, name: str, ctx: Context, instances: int) -> Int[Tensor, " instances"]:
        """The part of every node, of the graph that all batches of all processes make up.

        Raises:
            ValueError: data that are not the nodes of one graph.
        """
        found: list[Tensor] = []

        def read(batch: Batch) -> Tensor:
            found.append(_edges_into(batch, name).t())
            return batch.index.new_zeros(len(batch))

        ctx.dataset_pass(f"edges/{name}", read, refresh="always")
        edges = _of_all(torch.cat(found)).t().cpu()
        order = (edges[0] * instances + edges[1]).argsort()  # whichever process read them
        config = self.config
        return partition(
            edges[:, order], instances, config.parts, seed=config.seed, slack=config.slack
        )


def _edges_into(batch: Batch, name: str) -> Int[Tensor, "2 edges"]:
    """The edges that end in the batch's own instances and begin in any, by data set index."""
    value, index = batch.values[name], batch.index
    check_type(value, f"the {name}")
    if graphs_in(value) is not None:
        raise ValueError(
            "partition: wanted one graph whose nodes are the instances; got many graphs: take "
            "another method, such as graph/graphcl"
        )
    own = index >= 0
    if batch.rows is not None:
        own = own & torch.zeros_like(own).index_fill(0, batch.rows, True)
    edges = value.edge_index
    return index[edges[:, own[edges[1]] & (index[edges[0]] >= 0)]]


def _of_all(rows: Int[Tensor, "rows 2"]) -> Int[Tensor, "all_rows 2"]:
    """The rows of all processes, of which each may have another number."""
    count = torch.tensor(float(len(rows)), dtype=torch.float64, device=rows.device)
    lacking = int(largest(count)) - len(rows)
    every = gather_rows(torch.cat([rows, rows.new_full((lacking, 2), -1)]))
    return every[every[:, 0] >= 0]


def _index(view: View) -> Int[Tensor, " rows"]:
    assert view.index is not None, "the engine binds views to their instances"
    return view.index if view.rows is None else view.index[view.rows]
