"""One graph whose nodes are the instances: taken whole, or sampled around some of them."""

from __future__ import annotations

from collections.abc import Sequence
from copy import copy
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

import torch
from jaxtyping import Int
from torch import Tensor

from tacit.contract import Batch
from tacit.data import Draw, Source, index_tensor
from tacit.data.fingerprint import fingerprint
from tacit_graph.data.check import GraphConfig, ready
from tacit_graph.data.sampling import Neighbours

Split: TypeAlias = Literal["all", "train", "val", "test"]


@dataclass(frozen=True, kw_only=True)
class NodesConfig(GraphConfig):
    """Which nodes of one graph are the instances, and how they are read.

    Args:
        split: the nodes of the data's own `train`, `val` or `test` part, or `all`. Every batch
            sees the whole graph either way: the split says on which nodes a loss is taken or a
            probe is fitted.
        neighbours: sample this many neighbours of each node, step by step, around the nodes of a
            batch (`[10, 10]` for two layers); none takes the whole graph every time. -1 takes all
            of a step's neighbours. In evaluation all are taken.
        labelled: the part whose labels training may read, for methods that ask for some; the others
            are -1 there, and probes see all. None: the `train` part where the data have one, so
            that no test label is learnt; all where they have none; and no label at all where they
            have several such parts, of which one would have to be chosen.

    Raises:
        ValueError: numbers of neighbours that are neither positive nor -1.
    """

    split: Split = "all"
    neighbours: tuple[int, ...] | None = None
    labelled: Split | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        wrong = [n for n in self.neighbours or () if n < 1 and n != -1]
        if wrong or self.neighbours == ():
            raise ValueError(
                "neighbours: wanted a number of at least 1, or -1 for all, for each step; got "
                f"{self.neighbours}"
            )


class Nodes(Source):
    """The nodes of one graph, in memory.

    With `neighbours`, a batch is the graph around its nodes, which come first; what is sampled
    depends on (seed, epoch, the nodes asked for), so a resumed run samples the same.

    Args:
        graph: a `torch_geometric.data.Data`; see `tacit_graph.data.check.ready` for what is made
            of it.
        config: settings.
        label_names: names of the classes.

    Raises:
        ValueError: a graph that is refused, a split that it does not have.
    """

    modalities = ("graph",)

    def __init__(
        self,
        graph: Any,
        config: NodesConfig | None = None,
        *,
        label_names: tuple[str, ...] | None = None,
    ) -> None:
        self.settings = config or NodesConfig()
        self.graph = ready(graph, self.settings)
        self.label_names = label_names
        self._nodes = _part(self.graph, self.settings.split)
        count = int(self.graph.num_nodes)
        self._index = torch.full((count,), -1)
        self._index[self._nodes] = torch.arange(len(self._nodes))
        self._all = len(self._nodes) == count
        self._labels = _labels(self.graph)
        self._told = _told(self.graph, self._labels, self.settings.labelled)
        self.whole = self.settings.neighbours is None
        self._sampler: Neighbours | None = None
        if self.settings.neighbours is not None:
            self._sampler = Neighbours.of(self.graph.edge_index, count)

    def __len__(self) -> int:
        return len(self._nodes)

    def fetch(self, indices: Sequence[int]) -> Batch:
        """The graph with these nodes as rows; sampled graphs with all neighbours."""
        return self._fetch(indices, None)

    def fetch_random(self, indices: Sequence[int], draw: Draw) -> Batch:
        """The graph with these nodes as rows; sampled graphs with as many neighbours as set.

        Labels that training may not read are -1.
        """
        return self._fetch(indices, draw)

    def labels(self) -> Tensor | None:
        """The label of every node of the split."""
        return None if self._labels is None else self._labels[self._nodes]

    def fingerprint(self) -> str:
        """A short name of the content: features, edges, labels and the split."""
        parts = (self.graph.x, self.graph.edge_index, self._labels, self._nodes)
        return fingerprint(self.modalities, parts)

    def describe(self) -> str:
        """One line for people, with the size of the graph."""
        nodes, edges = int(self.graph.num_nodes), int(self.graph.num_edges)
        return f"{super().describe()}, one graph of {nodes:,} nodes and {edges:,} directed edges"

    def _fetch(self, indices: Sequence[int], draw: Draw | None) -> Batch:
        rows = self._nodes[index_tensor(indices)]
        if self._sampler is not None:
            return self._around(rows, draw, int(indices[0]))
        everything = self._all and len(rows) == len(self._nodes)
        value = copy(self.graph)  # PyG moves a graph to a device in place
        if draw is not None:
            value.pop("y", None)
        return Batch(
            values={"graph": value},
            index=self._index,
            label=self._labels if draw is None else self._told,
            rows=None if everything else rows,
        )

    def _around(self, rows: Int[Tensor, " rows"], draw: Draw | None, first: int) -> Batch:
        assert self._sampler is not None
        fanout = self.settings.neighbours or ()
        if draw is None:
            part = self._sampler.sample(rows, (-1,) * len(fanout), torch.Generator())
        else:
            part = self._sampler.sample(rows, fanout, draw.generator(first))
        value = copy(self.graph)
        for name in ("y", "train_mask", "val_mask", "test_mask"):
            value.pop(name, None)
        label = self._labels if draw is None else self._told
        value.x, value.edge_index = self.graph.x[part.nodes], part.edges
        return Batch(
            values={"graph": value},
            index=self._index[part.nodes],
            label=None if label is None else label[part.nodes],
            rows=torch.arange(len(rows)),
        )


def _part(graph: Any, split: Split, setting: str = "split") -> Int[Tensor, " nodes"]:
    if split == "all":
        return torch.arange(int(graph.num_nodes))
    mask = getattr(graph, f"{split}_mask", None)
    if mask is None or mask.ndim != 1:
        raise ValueError(
            f"{setting}: the graph has no single {split}_mask: take {setting}=all, or give it the "
            "mask"
        )
    found: Tensor = mask.nonzero()[:, 0]
    if not len(found):
        raise ValueError(f"{setting}: no node lies in the {split} part")
    return found


def _labels(graph: Any) -> Tensor | None:
    y = getattr(graph, "y", None)
    if y is None:
        return None
    y = y.squeeze(1) if y.ndim == 2 and y.shape[1] == 1 else y
    if len(y) != int(graph.num_nodes):
        raise ValueError(f"y: wanted a label for each of {graph.num_nodes} nodes; got {len(y)}")
    found: Tensor = y
    return found


def _told(graph: Any, labels: Tensor | None, part: Split | None) -> Tensor | None:
    """The labels that training reads, -1 outside a part."""
    if part is None:
        mask = getattr(graph, "train_mask", None)
        if mask is not None and mask.ndim != 1:
            return None
        part = "all" if mask is None else "train"
    if labels is None or part == "all":
        return labels
    told = torch.full_like(labels, -1)
    nodes = _part(graph, part, "labelled")
    told[nodes] = labels[nodes]
    return told
