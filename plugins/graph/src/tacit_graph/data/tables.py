"""A graph as tables: a file of edges, and one of what is known of the nodes."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
import torch
from torch import Tensor
from torch_geometric.data import Data

from tacit_graph.data.nodes import Nodes, NodesConfig


@dataclass(frozen=True, kw_only=True)
class TablesConfig(NodesConfig):
    """Which tables, and what their columns mean.

    Args:
        path: of the edges, CSV or parquet.
        nodes: of the nodes, CSV or parquet; none where nothing is known but the edges.
        source: column of the edges: where each begins.
        target: where each ends.
        id: column of the nodes that the edges refer to; none: the number of the row, from 0.
        label: column of the nodes that names their class.
        part: column of the nodes that says `train`, `val` or `test`; other words are no part.
    """

    path: Path
    nodes: Path | None = None
    source: str = "source"
    target: str = "target"
    id: str | None = None
    label: str | None = None
    part: str | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        wanted = [name for name in ("id", "label", "part") if getattr(self, name) is not None]
        if self.nodes is None and wanted:
            raise ValueError(f"{wanted[0]}: names a column of the nodes: give nodes= too")


class Tables(Nodes):
    """A graph of a table of edges and a table of nodes; every other column is a feature.

    Raises:
        ValueError: a file that is missing or of another kind, columns that are not there or hold no
            numbers, edges to nodes that are not in the table, and all that `Nodes` refuses.
    """

    Config = TablesConfig

    def __init__(self, config: TablesConfig) -> None:
        edges = read_table(config.path)
        _need(edges, (config.source, config.target), config.path)
        ends = edges[[config.source, config.target]]
        if config.nodes is None:
            graph, names = _bare(ends), None
        else:
            graph, names = _described(ends, read_table(config.nodes), config)
        super().__init__(graph, config, label_names=names)

    @classmethod
    def splits(cls, config: TablesConfig) -> tuple[str, ...]:
        """See `tacit.data.Source.splits`."""
        return ("all",) if config.part is None else ("all", "train", "val", "test")


def read_table(path: Path) -> pd.DataFrame:
    """A CSV or parquet file.

    Raises:
        ValueError: no such file, another kind, or one that cannot be read.
    """
    if not path.is_file():
        raise ValueError(f"path: no such file: {path}")
    readers = {".csv": pd.read_csv, ".parquet": pd.read_parquet}
    if path.suffix.lower() not in readers:
        raise ValueError(
            f"{path}: wanted a .csv or .parquet file; got {path.suffix or 'no ending'}"
        )
    try:
        table: pd.DataFrame = readers[path.suffix.lower()](path)  # type: ignore[operator]
    except (OSError, ValueError) as error:
        raise ValueError(f"{path}: cannot be read: {error}") from error
    return table


def _need(table: pd.DataFrame, columns: tuple[str, ...], path: Path) -> None:
    missing = [name for name in columns if name not in table.columns]
    if missing:
        listed = ", ".join(map(str, table.columns))
        raise ValueError(f"{path}: no column {missing[0]!r}; there are: {listed}")


def _bare(ends: pd.DataFrame) -> Data:
    """Nodes numbered 0 to the largest number among the edges."""
    values = ends.to_numpy()
    if values.dtype.kind not in "iu":
        raise ValueError("edges: wanted whole numbers of nodes; for names give nodes= and id=")
    return Data(edge_index=torch.tensor(values).long().t().contiguous())


def _described(
    ends: pd.DataFrame, nodes: pd.DataFrame, config: TablesConfig
) -> tuple[Data, tuple[str, ...] | None]:
    assert config.nodes is not None
    chosen = tuple(c for c in (config.id, config.label, config.part) if c is not None)
    _need(nodes, chosen, config.nodes)
    ids = pd.Index(nodes[config.id]) if config.id is not None else pd.RangeIndex(len(nodes))
    if not ids.is_unique:
        raise ValueError(f"{config.nodes}: {config.id}: {ids[ids.duplicated()][0]!r} occurs twice")
    places = [ids.get_indexer(pd.Index(ends[column])) for column in ends.columns]
    index = torch.stack([torch.from_numpy(place).long() for place in places])
    unknown = (index < 0).any(0).nonzero()[:, 0]
    if len(unknown):
        first = ends.iloc[int(unknown[0])].tolist()
        raise ValueError(
            f"{config.path}: {len(unknown)} edges out of range: row {int(unknown[0])} joins "
            f"{first[0]!r} and {first[1]!r}, which are not both in {config.nodes}"
        )
    graph = Data(edge_index=index, num_nodes=len(nodes))
    features = nodes.drop(columns=list(chosen))
    if features.shape[1]:
        graph.x = _feature_columns(features, config.nodes)
    names = None
    if config.label is not None:
        graph.y, names = _classes(nodes[config.label], config.nodes)
    if config.part is not None:
        for part in ("train", "val", "test"):
            graph[f"{part}_mask"] = torch.tensor((nodes[config.part] == part).to_numpy())
    return graph, names


def _feature_columns(features: pd.DataFrame, path: Path) -> Tensor:
    other = [str(name) for name, kind in features.dtypes.items() if kind.kind not in "iufb"]
    if other:
        raise ValueError(
            f"{path}: wanted numbers as features; {', '.join(other[:5])} hold something else: name "
            "them as id, label or part, or leave them out"
        )
    return torch.tensor(features.to_numpy(dtype="float32"))


def _classes(column: Any, path: Path) -> tuple[Tensor, tuple[str, ...]]:
    codes, names = pd.factorize(column, sort=True)
    if (codes < 0).any():
        raise ValueError(
            f"{path}: label: missing in row {int((codes < 0).argmax())}: give all nodes one, or "
            "leave the label out and probe with a file of labelled nodes"
        )
    return torch.from_numpy(codes).long(), tuple(map(str, names))
