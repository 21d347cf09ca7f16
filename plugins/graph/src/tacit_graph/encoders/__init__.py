"""Networks that embed nodes and graphs."""

from tacit_graph.encoders.edges import Edges, pool, tokens_of
from tacit_graph.encoders.gnn import Gnn, GnnConfig
from tacit_graph.encoders.networks import (
    Gat,
    GatConfig,
    Gcn,
    GcnConfig,
    Gin,
    GinConfig,
    Sage,
    SageConfig,
)
from tacit_graph.encoders.wrapped import Wrapped

__all__ = [
    "Edges",
    "Gat",
    "GatConfig",
    "Gcn",
    "GcnConfig",
    "Gin",
    "GinConfig",
    "Gnn",
    "GnnConfig",
    "Sage",
    "SageConfig",
    "Wrapped",
    "pool",
    "tokens_of",
]
