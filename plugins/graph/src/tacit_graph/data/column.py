"""A column of SMILES of a table that has others: what graphs bring to pairs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from tacit.data import Column
from tacit_graph.data.check import GraphConfig
from tacit_graph.data.graphs import Graphs
from tacit_graph.data.smiles import Atoms, chemistry, molecule


@dataclass(frozen=True, kw_only=True)
class SmilesColumnConfig(GraphConfig):
    """How molecules are described.

    Args:
        atoms: see `tacit_graph.data.smiles.molecule`.
    """

    atoms: Atoms = "numbers"


class SmilesColumn(Graphs):
    """Molecules of a column of SMILES, as `tacit_graph.data.Smiles` reads them.

    Raises:
        ValueError: no rdkit, or a SMILES that is no molecule with atoms.
    """

    Config: ClassVar[type] = SmilesColumnConfig

    def __init__(self, column: Column, config: SmilesColumnConfig) -> None:
        chemistry()
        graphs = []
        for position, smiles in enumerate(column.values.to_pylist()):
            graph = molecule(smiles, config.atoms)
            if graph is None:
                raise ValueError(
                    f"{column.what}: {smiles!r}, value {position}, is no molecule with atoms: "
                    "leave the cell without a value"
                )
            graphs.append(graph)
        super().__init__(graphs, config)
