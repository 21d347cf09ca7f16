"""Where graphs come from."""

from tacit_graph.data.check import GraphConfig, ready
from tacit_graph.data.elsewhere import Networkx, PygGraphs, PygNodes, from_networkx
from tacit_graph.data.embedded import Digits, Karate, nearest
from tacit_graph.data.graphs import Graphs
from tacit_graph.data.nodes import Nodes, NodesConfig
from tacit_graph.data.raw import Planetoid, Tu
from tacit_graph.data.sampling import Neighbours, Part
from tacit_graph.data.smiles import Smiles
from tacit_graph.data.tables import Tables

__all__ = [
    "Digits",
    "GraphConfig",
    "Graphs",
    "Karate",
    "Neighbours",
    "Networkx",
    "Nodes",
    "NodesConfig",
    "Part",
    "Planetoid",
    "PygGraphs",
    "PygNodes",
    "Smiles",
    "Tables",
    "Tu",
    "from_networkx",
    "nearest",
    "ready",
]
