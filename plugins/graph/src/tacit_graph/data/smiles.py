"""Molecules: a column of SMILES in a table, through rdkit (`pip install tacit-graph[chem]`)."""

from __future__ import annotations

import importlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, TypeAlias

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.nn.functional import one_hot
from torch_geometric.data import Data
from torch_geometric.utils import from_smiles
from torch_geometric.utils.smiles import e_map, x_map

from tacit_graph.data.check import GraphConfig
from tacit_graph.data.graphs import Graphs
from tacit_graph.data.tables import read_table

Atoms: TypeAlias = Literal["numbers", "one-hot"]
"""How an atom is described; see `molecule`."""


@dataclass(frozen=True, kw_only=True)
class SmilesConfig(GraphConfig):
    """Which table, and what its columns mean.

    Args:
        path: CSV or parquet.
        column: of the SMILES.
        atoms: how one is described; see `molecule`.
        label: column of the labels, whole numbers for classes.
        on_error: what to do with a SMILES that rdkit cannot read: `raise`, or `skip` and count it.
    """

    path: Path
    column: str = "smiles"
    atoms: Atoms = "numbers"
    label: str | None = None
    on_error: Literal["raise", "skip"] = "raise"


class Smiles(Graphs):
    """Molecules as graphs of atoms.

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
            graph = molecule(smiles, config.atoms)
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


def molecule(smiles: object, atoms: Atoms = "numbers") -> Data | None:
    """A molecule's atoms and bonds; None where there is no telling them.

    Args:
        smiles: what it is written as.
        atoms: `numbers`: PyG's nine properties of an atom, one number each. `one-hot`: a feature
            for each value of each property, and how many bonds of each type the atom has, for
            encoders that do not read the type of an edge. Numbers say that carbon (6) is nearly
            nitrogen (7), one-hot features do not, and pairs with descriptions need the difference.
    """
    from rdkit import Chem

    if not isinstance(smiles, str) or Chem.MolFromSmiles(smiles) is None:
        return None
    graph = from_smiles(smiles)
    if not graph.num_nodes:
        return None
    if atoms == "numbers":
        return Data(x=graph.x.float(), edge_index=graph.edge_index)
    types = _separate(graph.edge_attr[:, :1], [len(e_map["bond_type"])])
    bonds = types.new_zeros(graph.num_nodes, types.shape[1])
    bonds.index_add_(0, graph.edge_index[1], types)
    values = _separate(graph.x, [len(known) for known in x_map.values()])
    return Data(x=torch.cat([values, bonds], 1), edge_index=graph.edge_index)


def _separate(
    codes: Int[Tensor, "rows columns"], sizes: list[int]
) -> Float[Tensor, "rows features"]:
    """A feature for each value of each column."""
    columns = zip(codes.unbind(1), sizes, strict=True)
    return torch.cat([one_hot(codes, size) for codes, size in columns], 1).float()
