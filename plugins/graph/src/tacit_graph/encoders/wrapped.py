"""Any model of PyTorch Geometric, or of the user's own, as an encoder."""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from tacit.contract import Encoder, EncoderSpec, Encoding, Mask, Tokens
from tacit_graph.encoders.edges import Readout, pool, tokens_of
from tacit_graph.modality import Preprocessing


class Wrapped(Encoder):
    """A network from node features and edges to node embeddings, as an encoder.

    Args:
        model: called as `model(x, edge_index)`, returns `(nodes, width)`.
        features: that it takes; read off PyG's models if None.
        width: features that it returns; likewise.
        readout: how the nodes of a graph become one vector; without effect on single nodes.

    Raises:
        ValueError: features or width that the model does not tell.

    Example:
        >>> from torch_geometric.nn import GraphSAGE
        >>> encoder = Wrapped(GraphSAGE(16, 32, num_layers=2))
        >>> encoder.spec.width
        32
    """

    def __init__(
        self,
        model: nn.Module,
        *,
        features: int | None = None,
        width: int | None = None,
        readout: Readout = "mean",
    ) -> None:
        super().__init__()
        features = _told(model, "features", features, "in_channels")
        width = _told(model, "width", width, "out_channels")
        self.model, self.readout = model, readout
        self.token = nn.Parameter(torch.zeros(features))
        self._batched = "batch" in inspect.signature(model.forward).parameters
        self.spec = EncoderSpec(
            modality="graph",
            width=width,
            tokens="packed",
            mask_modes=frozenset({"replace"}),
            target_width=features,
            preprocessing=Preprocessing(features=features),
        )

    def tokenize(self, value: Any) -> Tokens:
        """A graph as one token a node, with its raw features."""
        return tokens_of(value)

    def token_targets(self, value: Any) -> Tensor:
        """The raw features of every node."""
        x: Tensor = value.x
        return x

    def forward(
        self, value: Any | Tokens, *, mask: Mask | None = None, taps: Sequence[int] = ()
    ) -> Encoding:
        """Encode a graph or graphs.

        Raises:
            ValueError: not a graph, or layers, of which nothing is known.
        """
        self.check_mask(mask)
        self.check_taps(taps)
        tokens = value if isinstance(value, Tokens) else self.tokenize(value)
        x, edges = tokens.values, tokens.relations
        if mask is not None:
            x = mask.replaced(x, self.token)
        own = tokens.owner if edges.graphs is not None and self._batched else None
        nodes = self.model(x, edges.index, **({} if own is None else {"batch": own}))
        return Encoding(pooled=pool(nodes, tokens, self.readout), tokens=nodes, owner=tokens.owner)


def _told(model: nn.Module, name: str, given: int | None, attribute: str) -> int:
    found = given if given is not None else getattr(model, attribute, None)
    if not isinstance(found, int) or found < 1:
        raise ValueError(
            f"{name}: {type(model).__name__} does not tell it as {attribute}: give {name}="
        )
    return found
