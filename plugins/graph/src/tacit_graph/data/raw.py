"""Raw folders as they were published: Planetoid's citation graphs and TU's sets of graphs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
import torch
from torch import Tensor
from torch.nn.functional import one_hot
from torch_geometric.data import Data
from torch_geometric.io import read_planetoid_data

from tacit_graph.data.check import GraphConfig, Missing
from tacit_graph.data.graphs import Graphs
from tacit_graph.data.nodes import Nodes, NodesConfig

_PARTS = ("x", "tx", "allx", "y", "ty", "ally", "graph", "test.index")


@dataclass(frozen=True, kw_only=True)
class PlanetoidConfig(NodesConfig):
    """Which folder, and how it is read.

    Args:
        path: a folder with `ind.<name>.x` and its seven companions, or with `raw/` that holds them.
        normalise_features: as every paper on them does.
    """

    path: Path
    normalise_features: bool = True


class Planetoid(Nodes):
    """A citation graph (Cora, CiteSeer, PubMed) with the public split of 20 nodes a class.

    The files are pickles, whose reading can run code: open those you trust. CiteSeer's 15 nodes
    without features or label stay as isolated nodes; they are in no part of the split.

    Source: Yang et al. 2016 (arXiv 1603.08861), kimiyoung/planetoid.
    """

    Config = PlanetoidConfig

    def __init__(self, config: PlanetoidConfig) -> None:
        folder, prefix = _planetoid(config.path)
        super().__init__(read_planetoid_data(str(folder), prefix), config)

    @classmethod
    def splits(cls, _: PlanetoidConfig) -> tuple[str, ...]:
        """See `tacit.data.Source.splits`."""
        return ("all", "train", "val", "test")

    @classmethod
    def recognises(cls, given: str) -> bool:
        """Whether it is a folder with such files."""
        return bool(_found(Path(given), "ind.*.allx"))


@dataclass(frozen=True, kw_only=True)
class TuConfig(GraphConfig):
    """Which folder, and how it is read.

    Args:
        path: a folder with `<NAME>_A.txt` and its companions, or with `raw/` that holds them.
        attributes: use the continuous attributes of nodes beside their labels, where there are any.
        missing_features: what nodes get where the files have neither labels nor attributes.
        most_degrees: as GraphMAE has it.
    """

    path: Path
    attributes: bool = False
    missing_features: Missing = "degree"
    most_degrees: int = 401


class Tu(Graphs):
    """A set of graphs with a class each (MUTAG, PROTEINS ...); node labels become one-hot features.

    Source: Morris et al. 2020 (arXiv 2007.08663), chrsmrrs.github.io/datasets.
    """

    Config = TuConfig

    def __init__(self, config: TuConfig) -> None:
        folder, prefix = _tu(config.path)
        graphs = _tu_graphs(folder, prefix, attributes=config.attributes)
        super().__init__(graphs, config)

    @classmethod
    def recognises(cls, given: str) -> bool:
        """Whether it is a folder with such files."""
        return bool(_found(Path(given), "*_graph_indicator.txt"))


def _found(path: Path, pattern: str) -> list[Path]:
    folders = [folder for folder in (path, path / "raw") if folder.is_dir()]
    return [file for folder in folders for file in sorted(folder.glob(pattern))]


def _planetoid(path: Path) -> tuple[Path, str]:
    files = _found(path, "ind.*.allx")
    if len(files) != 1:
        raise ValueError(f"{path}: wanted one file ind.<name>.allx; got {len(files)}")
    folder, prefix = files[0].parent, files[0].name.split(".")[1]
    missing = [part for part in _PARTS if not (folder / f"ind.{prefix}.{part}").is_file()]
    if missing:
        raise ValueError(f"{folder}: missing ind.{prefix}.{', '.join(missing)}")
    return folder, prefix


def _tu(path: Path) -> tuple[Path, str]:
    files = _found(path, "*_graph_indicator.txt")
    if len(files) != 1:
        raise ValueError(f"{path}: wanted one file <NAME>_graph_indicator.txt; got {len(files)}")
    prefix = files[0].name.removesuffix("_graph_indicator.txt")
    if not (files[0].parent / f"{prefix}_A.txt").is_file():
        raise ValueError(f"{files[0].parent}: missing {prefix}_A.txt, the edges")
    return files[0].parent, prefix


def _tu_graphs(folder: Path, prefix: str, *, attributes: bool) -> list[Data]:
    def read(part: str) -> Tensor | None:
        file = folder / f"{prefix}_{part}.txt"
        return _numbers(file) if file.is_file() else None

    owner, edges = read("graph_indicator"), read("A")
    assert owner is not None, "found before"
    assert edges is not None, "found before"
    owner, index = owner[:, 0].long() - 1, edges.long().t() - 1
    _check_ranges(owner, index, folder)
    x, y = _tu_features(read, attributes), read("graph_labels")
    label = None if y is None else y[:, 0].unique(return_inverse=True)[1]
    sizes = owner.bincount()
    first = sizes.cumsum(0) - sizes
    of_edge = owner[index[0]]
    order = of_edge.argsort(stable=True)
    parts = index[:, order].split(of_edge.bincount(minlength=len(sizes)).tolist(), dim=1)
    graphs = []
    for i, (part, size) in enumerate(zip(parts, sizes.tolist(), strict=True)):
        start = int(first[i])
        graph = Data(edge_index=part - start, num_nodes=size)
        if x is not None:
            graph.x = x[start : start + size]
        if label is not None:
            graph.y = label[i : i + 1]
        graphs.append(graph)
    return graphs


def _tu_features(read: Callable[[str], Tensor | None], attributes: bool) -> Tensor | None:
    """Node labels one-hot, column by column, and attributes in front where they are wanted."""
    labels, found = read("node_labels"), read("node_attributes") if attributes else None
    columns = [] if found is None else [found]
    if labels is not None:
        codes = (labels - labels.min(0).values).long()
        columns += [one_hot(column).float() for column in codes.unbind(1)]
    return torch.cat(columns, dim=1) if columns else None


def _check_ranges(owner: Tensor, index: Tensor, folder: Path) -> None:
    if bool((owner.diff() < 0).any()) or int(owner[0]) != 0:
        raise ValueError(f"{folder}: graph_indicator: wanted graphs in order, from 1 on")
    wrong = ((index < 0) | (index >= len(owner))).any(0)
    if bool(wrong.any()):
        first = (index[:, wrong][:, 0] + 1).tolist()
        raise ValueError(
            f"{folder}: A: {int(wrong.sum())} edges out of range: wanted nodes 1 to {len(owner)}; "
            f"got {first[0]} to {first[1]}"
        )
    across = (owner[index[0]] != owner[index[1]]).nonzero()[:, 0]
    if len(across):
        raise ValueError(f"{folder}: A: line {int(across[0]) + 1} joins nodes of two graphs")


def _numbers(file: Path) -> Tensor:
    """The numbers of a file, one row a line.

    Raises:
        ValueError: a line that is no row of numbers.
    """
    try:
        table = pd.read_csv(file, header=None, skipinitialspace=True)
        return torch.tensor(table.to_numpy(dtype="float64"))
    except ValueError as error:
        raise ValueError(f"{file}: wanted numbers separated by commas: {error}") from error
