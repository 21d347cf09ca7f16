"""GraphCL's views: every graph draws one of four edits."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from jaxtyping import Bool, Int
from torch import Generator, Tensor

from tacit.contract import Augmentation, View
from tacit_graph.modality import check_type, graphs_in
from tacit_graph.views.edits import add_edges, fewest, walk_order
from tacit_graph.views.nodes import edited, starts_of, without

OPERATIONS = ("drop-nodes", "perturb-edges", "subgraph", "mask-features")


@dataclass(frozen=True, kw_only=True)
class OneOfConfig:
    """Settings of GraphCL's views.

    Args:
        share: of a graph's nodes or edges that its edit touches.
        hops: steps of the walk along which a subgraph grows; nodes further away come last.

    Raises:
        ValueError: a share outside (0, 1), or no step.
    """

    share: float = 0.1
    hops: int = 6

    def __post_init__(self) -> None:
        if not 0 < self.share < 1:
            raise ValueError(f"share: wanted more than 0 and less than 1; got {self.share}")
        if self.hops < 1:
            raise ValueError(f"hops: wanted at least 1; got {self.hops}")


class OneOf(Augmentation):
    """Two views of graphs; in each, each graph draws one of `OPERATIONS`.

    Nodes dropped; edges dropped and as many added; the part of the graph nearest to a random node;
    the features of some nodes replaced by noise around one half. All graphs are edited at once, and
    none is ever left without a node. `operation` in the meta is the position in `OPERATIONS`.

    Source: You et al. 2020 (arXiv 2010.13902) table 1 and section 4.2. Differs from the authors'
    code: edges are added as the paper says, where it only drops them; a subgraph grows beyond one
    hop; dropped nodes, and not the others, lose their edges.
    """

    Config: ClassVar[type[OneOfConfig]] = OneOfConfig
    roles = ("view", "view")
    meta = frozenset({"operation", "dropped_nodes"})

    def __init__(self, config: OneOfConfig | None = None) -> None:
        self.config = config or OneOfConfig()

    def __call__(self, value: Any, generator: Generator) -> tuple[View, ...]:
        """The two views.

        Raises:
            ValueError: one graph whose nodes are the instances: they cannot be removed.
        """
        check_type(value, "graph views")
        if graphs_in(value) is None:
            raise ValueError(
                "these views remove nodes and are for many graphs; the data are one graph whose "
                "nodes are the instances: use views=graph/two-views"
            )
        return tuple(self._view(value, generator) for _ in self.roles)

    def _view(self, value: Any, generator: Generator) -> View:
        graphs, device = len(value.ptr) - 1, value.x.device
        operation = torch.randint(4, (graphs,), generator=generator, device=device)
        of_node = operation[value.batch]
        dropped = self._dropped(value, of_node, generator)
        x = self._noisy(value, of_node == 3, generator)
        index = self._perturbed(value, of_node == 1, generator)
        fewer = without(edited(value, x=x, edge_index=index), dropped)
        return View(value=fewer, meta={"operation": operation, "dropped_nodes": dropped})

    def _dropped(
        self, value: Any, of_node: Int[Tensor, " nodes"], generator: Generator
    ) -> Bool[Tensor, " nodes"]:
        starts, owner, share = starts_of(value), value.batch, self.config.share
        noise = torch.rand(len(owner), generator=generator, device=value.x.device)
        walk = walk_order(value.edge_index, starts, owner, generator, hops=self.config.hops)
        at_random = fewest(noise, share, starts, owner) & (of_node == 0)
        return at_random | (fewest(-walk, share, starts, owner) & (of_node == 2))

    def _noisy(self, value: Any, chosen: Bool[Tensor, " nodes"], generator: Generator) -> Tensor:
        x: Tensor = value.x
        order = torch.rand(len(x), generator=generator, device=x.device)
        hit = fewest(order, self.config.share, starts_of(value), value.batch) & chosen
        noise = torch.randn(x.shape, generator=generator, device=x.device).to(x.dtype)
        return torch.where(hit[:, None], 0.5 + 0.5 * noise, x)

    def _perturbed(
        self, value: Any, chosen: Bool[Tensor, " nodes"], generator: Generator
    ) -> Int[Tensor, "2 edges"]:
        index: Tensor = value.edge_index
        noise = torch.rand(index.shape[1], generator=generator, device=index.device)
        lost = (noise < self.config.share) & chosen[index[0]]
        added = add_edges(
            index, self.config.share, generator, starts=starts_of(value), owner=value.batch
        )
        return torch.cat([index[:, ~lost], added[:, chosen[added[0]]]], dim=1)
