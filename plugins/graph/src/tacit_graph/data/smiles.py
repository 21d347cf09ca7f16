"""Molecules: a column of SMILES in a table, through rdkit (`pip install tacit-graph[chem]`)."""

from __future__ import annotations

import importlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import torch
from torch_geometric.data import Data
from torch_geometric.utils import from_smiles

from tacit_graph.data.check import GraphConfig
from tacit_graph.data.graphs import Graphs
from tacit_graph.data.tables import read_table


@dataclass(frozen=True, kw_only=True)
class SmilesConfig(GraphConfig):
    """Which table, and what its columns mean.

    Args:
        path: CSV or parquet.
        column: of the SMILES.
        label: column of the labels, whole numbers for classes.
        on_error: what to do with a SMILES that rdkit cannot read: `raise`, or `skip` and count it.
    """

    path: Path
    column: str = "smiles"
    label: str | None = None
    on_error: Literal["raise", "skip"] = "raise"


class Smiles(Graphs):
    """Molecules as graphs of atoms; the features are PyG's nine, one number each.

    Raises:
        ValueError: no rdkit, no such file or column, a molecule that cannot be read, or one without
            atoms.
    """

    Config = SmilesConfig

    def __init__(self, config: SmilesConfig) -> None:
        chemistry()
        table = read_table(config.path)
        for name in filter(None, (config.column, config.label)):
            if name not in table.columns:
                listed = ", ".join(map(str, table.columns))
                raise ValueError(f"{config.path}: no column {name!r}; there are: {listed}")
        labels = None if config.label is None else table[config.label].tolist()
        graphs, skipped = [], []
        for row, smiles in enumerate(table[config.column].tolist()):
            graph = molecule(smiles)
            if graph is None:
                skipped.append(f"row {row}: {smiles!r} is no molecule with atoms")
            else:
                if labels is not None:
                    graph.y = torch.tensor(labels[row])
                graphs.append(graph)
        if skipped and config.on_error == "raise":
            raise ValueError(f"{config.path}: {skipped[0]}: set on_error=skip to leave it out")
        self.skipped = tuple(skipped)
        super().__init__(graphs, config)


def chemistry() -> None:
    """See that rdkit is there, and turn its own messages off.

    Raises:
        ValueError: it is not installed.
    """
    try:
        rdkit: Any = importlib.import_module("rdkit.RDLogger")
    except ImportError as error:
        raise ValueError("SMILES need rdkit: pip install tacit-graph[chem]") from error
    rdkit.DisableLog("rdApp.*")


def molecule(smiles: object) -> Data | None:
    """A molecule's atoms and bonds; None where there is no telling them."""
    from rdkit import Chem

    if not isinstance(smiles, str) or Chem.MolFromSmiles(smiles) is None:
        return None
    graph = from_smiles(smiles)
    if not graph.num_nodes:
        return None
    return Data(x=graph.x.float(), edge_index=graph.edge_index)
