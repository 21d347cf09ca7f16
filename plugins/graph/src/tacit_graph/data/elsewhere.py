"""Graphs of other libraries: PyG's data sets by name, NetworkX's files and objects."""

from __future__ import annotations

import importlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import torch
from torch import Tensor
from torch_geometric.data import Data

from tacit_graph.data.graphs import Graphs
from tacit_graph.data.nodes import Nodes, NodesConfig


@dataclass(frozen=True, kw_only=True)
class PygConfig(NodesConfig):
    """Which data set of PyG.

    Args:
        dataset: the class, and what it calls its name, if it has names: `Planetoid/Cora`,
            `TUDataset/MUTAG`, `KarateClub`.
        root: folder that PyG downloads to and reads from.
    """

    dataset: str
    root: Path = Path("data")


class PygNodes(Nodes):
    """A data set of PyG that holds one graph. Downloads it, if it is not in `root`.

    Raises:
        ValueError: no such data set, several graphs (use `graph/pyg-graphs`), and all that `Nodes`
            refuses.
    """

    Config = PygConfig
    shorthand: ClassVar[str] = "dataset"

    def __init__(self, config: PygConfig) -> None:
        found = pyg_dataset(config.dataset, config.root)
        if len(found) != 1:
            raise ValueError(f"{config.dataset}: {len(found)} graphs: use graph/pyg-graphs")
        super().__init__(found[0], config)

    @classmethod
    def splits(cls, config: PygConfig) -> tuple[str, ...]:
        """See `tacit.data.Source.splits`."""
        return ("all", "train", "val", "test") if config.dataset.startswith("Planetoid") else ()


class PygGraphs(Graphs):
    """A data set of PyG that holds many graphs. Downloads it, if it is not in `root`."""

    Config = PygConfig
    shorthand: ClassVar[str] = "dataset"

    def __init__(self, config: PygConfig) -> None:
        super().__init__(list(pyg_dataset(config.dataset, config.root)), config)


def pyg_dataset(dataset: str, root: Path) -> Any:
    """A data set of PyG by name.

    Raises:
        ValueError: no class of that name, or arguments that it does not take.
    """
    kind, _, name = dataset.partition("/")
    known = importlib.import_module("torch_geometric.datasets")
    if kind not in getattr(known, "__all__", ()):
        raise ValueError(f"dataset: torch_geometric.datasets has no {kind!r}")
    given = {"root": str(root / kind), **({"name": name} if name else {})}
    try:
        return getattr(known, kind)(**({} if kind == "KarateClub" else given))
    except TypeError as error:
        raise ValueError(
            f"dataset: {dataset!r}: {error}: wanted <class> or <class>/<name>"
        ) from error


@dataclass(frozen=True, kw_only=True)
class NetworkxConfig(NodesConfig):
    """Which file of NetworkX.

    Args:
        path: a `.graphml` or `.gml` file.
        features: attributes of nodes that are numbers; none for those all nodes have, but the
            label.
        label: attribute that names a node's class.
    """

    path: Path
    features: tuple[str, ...] | None = None
    label: str | None = None


class Networkx(Nodes):
    """A graph in a file that NetworkX reads; a graph in memory goes through `from_networkx`.

    Raises:
        ValueError: a file of another kind, attributes that are missing, and all that `Nodes`
            refuses.
    """

    Config = NetworkxConfig

    def __init__(self, config: NetworkxConfig) -> None:
        import networkx as nx

        readers = {".graphml": nx.read_graphml, ".gml": nx.read_gml}
        if not config.path.is_file() or config.path.suffix not in readers:
            raise ValueError(f"path: wanted a .graphml or .gml file; got {config.path}")
        graph = readers[config.path.suffix](config.path)
        value, names = from_networkx(graph, features=config.features, label=config.label)
        super().__init__(value, config, label_names=names)

    @classmethod
    def recognises(cls, given: str) -> bool:
        """Whether it is such a file."""
        return Path(given).is_file() and Path(given).suffix in (".graphml", ".gml")


def from_networkx(
    graph: Any, *, features: tuple[str, ...] | None = None, label: str | None = None
) -> tuple[Data, tuple[str, ...] | None]:
    """A NetworkX graph as PyG's `Data`, for `Nodes` or `Graphs`; and the names of its classes.

    Args:
        graph: of any kind; parallel edges count once, weights are not read.
        features: attributes of nodes that are numbers; None for those all nodes have, but the
            label.
        label: attribute that names a node's class.

    Raises:
        ValueError: an attribute that a node lacks, or that is no number.
    """
    number = {node: i for i, node in enumerate(graph)}
    ends = torch.tensor([(number[a], number[b]) for a, b in graph.edges()], dtype=torch.int64)
    index = ends.reshape(-1, 2).t()
    if not graph.is_directed():
        index = torch.cat([index, index.flip(0)], dim=1)
    out = Data(edge_index=index, num_nodes=len(number))
    rows = [attributes for _, attributes in graph.nodes(data=True)]
    columns = _common(rows, label) if features is None else features
    if columns:
        out.x = torch.tensor([[_number(row, name) for name in columns] for row in rows])
    if label is None:
        return out, None
    if missing := [i for i, row in enumerate(rows) if label not in row]:
        raise ValueError(
            f"label: {len(missing)} nodes have no {label!r}, the first is {missing[0]}"
        )
    names = sorted({str(row[label]) for row in rows})
    out.y = _codes([str(row[label]) for row in rows], names)
    return out, tuple(names)


def _common(rows: list[dict[str, Any]], label: str | None) -> tuple[str, ...]:
    shared = set(rows[0]).intersection(*rows) - {label} if rows else set()
    return tuple(
        sorted(name for name in shared if all(isinstance(row[name], (int, float)) for row in rows))
    )


def _number(row: dict[str, Any], name: str) -> float:
    value = row.get(name)
    if not isinstance(value, (int, float)):
        raise ValueError(f"features: wanted a number as {name!r} of every node; got {value!r}")
    return float(value)


def _codes(words: list[str], names: list[str]) -> Tensor:
    place = {name: i for i, name in enumerate(names)}
    return torch.tensor([place[word] for word in words])
