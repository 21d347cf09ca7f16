"""Many graphs in memory, each an instance."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from torch import Tensor
from torch_geometric.data import Batch as GraphBatch
from torch_geometric.data import Data

from tacit.contract import Batch
from tacit.data import Source, index_tensor
from tacit.data.fingerprint import fingerprint
from tacit_graph.data.check import GraphConfig, label_column, ready


class Graphs(Source):
    """Graphs in memory; a batch joins some of them.

    Args:
        graphs: `torch_geometric.data.Data` each; see `tacit_graph.data.check.ready` for what is
            made of them. A label is `y`, one number a graph.
        config: settings.
        label_names: names of the classes.

    Raises:
        ValueError: no graphs, one that is refused, or different numbers of features.
    """

    modalities = ("graph",)

    def __init__(
        self,
        graphs: Sequence[Any],
        config: GraphConfig | None = None,
        *,
        label_names: tuple[str, ...] | None = None,
    ) -> None:
        config = config or GraphConfig()
        if not graphs:
            raise ValueError("graphs: wanted at least one; got none")
        bare = [getattr(graph, "x", None) is None for graph in graphs]
        if any(bare) and not all(bare):
            raise ValueError(
                f"graph {bare.index(True)} has no node features while others have: give all some"
            )
        self._labels = label_column(graphs)
        self.label_names = label_names
        made = [ready(graph, config, f"graph {i}") for i, graph in enumerate(graphs)]
        widths = {int(graph.x.shape[1]) for graph in made}
        if len(widths) > 1:
            raise ValueError(f"graphs: wanted one number of node features; got {sorted(widths)}")
        self._graphs = [Data(x=graph.x, edge_index=graph.edge_index) for graph in made]

    def __len__(self) -> int:
        return len(self._graphs)

    def fetch(self, indices: Sequence[int]) -> Batch:
        """The graphs at these positions, joined."""
        index = index_tensor(indices)
        return Batch(
            values={"graph": GraphBatch.from_data_list([self._graphs[i] for i in indices])},
            index=index,
            label=None if self._labels is None else self._labels[index],
        )

    def labels(self) -> Tensor | None:
        """The label of every graph."""
        return self._labels

    def fingerprint(self) -> str:
        """A short name of the content; see `tacit.data.Source.fingerprint`."""
        ends = [self._graphs[0], self._graphs[-1]]
        parts = [(graph.x, graph.edge_index) for graph in ends]
        return fingerprint(len(self), self.modalities, self._labels, parts)

    def describe(self) -> str:
        """One line for people, with the size of the graphs."""
        nodes = sum(int(graph.num_nodes) for graph in self._graphs) / len(self)
        return f"{super().describe()}, {nodes:.1f} nodes each on average"
