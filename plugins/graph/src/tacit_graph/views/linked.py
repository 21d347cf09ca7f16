"""Views that ask which nodes are joined, and those of several tasks on one graph."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import torch
from jaxtyping import Bool, Int
from torch import Generator, Tensor

from tacit.contract import Augmentation, View
from tacit_graph.modality import check_type
from tacit_graph.views.nodes import graph_of_nodes, starts_of
from tacit_graph.views.policies import (
    Edits,
    Masked,
    MaskedConfig,
    Shuffled,
    TwoViews,
    TwoViewsConfig,
    edit,
)


@dataclass(frozen=True, kw_only=True)
class LinkedConfig:
    """Settings of the view that asks for links.

    Args:
        columns: share of the features set to zero for all nodes.
        pairs: joined nodes asked for at most, drawn at random; as many random pairs beside them.

    Raises:
        ValueError: a share outside [0, 1), or no pair.
    """

    columns: float = 0.4
    pairs: int = 16384

    def __post_init__(self) -> None:
        Edits(columns=self.columns)
        if self.pairs < 1:
            raise ValueError(f"pairs: wanted at least 1; got {self.pairs}")


class Linked(Augmentation):
    """One copy without some features, and pairs of its nodes of which half are joined.

    `pairs` in the meta are positions of nodes `(2, pairs)`; `joined` says which are. Edges stay
    where they are: what an encoder is asked for lies in its sight. No node is paired with itself,
    and random pairs that happen to be joined are called so.

    Source: Ju et al. 2023 (arXiv 2210.02016) section 3.1, task of topological reconstruction;
    jumxglhf/ParetoGNN. Differs: whole columns of features are dropped, where they drop entries.
    """

    Config = LinkedConfig
    roles = ("linked",)
    meta = frozenset({"pairs", "joined"})
    scope = "batch"

    def __init__(self, config: LinkedConfig | None = None) -> None:
        self.config = config or LinkedConfig()

    def __call__(self, value: Any, generator: Generator) -> tuple[View, ...]:
        """The view."""
        check_type(value, "graph views")
        pairs, joined = draw_pairs(value, self.config.pairs, generator)
        graph, meta = edit(value, Edits(columns=self.config.columns), generator)
        asked = {"pairs": pairs, "joined": joined}
        return (View(value=graph, meta={**meta, **asked}, role="linked"),)


def draw_pairs(
    value: Any, most: int, generator: Generator
) -> tuple[Int[Tensor, "2 pairs"], Bool[Tensor, " pairs"]]:
    """Edges drawn at random, then as many pairs of other nodes of the same graphs; and which are.

    Args:
        value: a graph, or graphs.
        most: edges at most; there are no more than the graph has.
        generator: the source of randomness.
    """
    index, nodes = value.edge_index, int(value.num_nodes)
    edges, device = index.shape[1], index.device
    order = torch.randperm(edges, generator=generator, device=device)
    found = index[:, order[: min(most, edges)]]
    starts, graph = starts_of(value), graph_of_nodes(value)[found[0]]
    sizes = starts[graph + 1] - starts[graph]
    draw = torch.rand(2, found.shape[1], generator=generator, device=device)
    first = (draw[0] * sizes).long().minimum(sizes - 1)
    step = 1 + (draw[1] * (sizes - 1)).long().minimum(sizes - 2)
    other = starts[graph] + torch.stack([first, (first + step) % sizes])
    known = index[0] * nodes + index[1]
    either = [torch.isin(a * nodes + b, known) for a, b in (other, other.flip(0))]
    joined = torch.cat([torch.ones_like(graph, dtype=torch.bool), either[0] | either[1]])
    return torch.cat([found, other], dim=1), joined


@dataclass(frozen=True, kw_only=True)
class ManyTasksConfig:
    """Settings of the views of ParetoGNN's tasks; the defaults are the authors'.

    Args:
        pair: the two views that agree.
        masked: the view whose nodes are hidden.
        linked: the view that asks for links.
    """

    pair: TwoViewsConfig = TwoViewsConfig(
        first=Edits(edges=0.3, columns=0.3), second=Edits(edges=0.3, columns=0.3)
    )
    masked: MaskedConfig = MaskedConfig(edges=0.35)
    linked: LinkedConfig = LinkedConfig()


class ManyTasks(Augmentation):
    """Every view ParetoGNN's tasks look at: two edited, one whole, shuffled, masked, linked.

    Source: Ju et al. 2023 (arXiv 2210.02016) section 3.1; jumxglhf/ParetoGNN. Differs: the tasks
    that agree on two views share them, where the authors draw two for each.
    """

    Config = ManyTasksConfig
    roles = ("view", "view", "whole", "shuffled", "masked", "linked")
    meta = frozenset({"permutation", "pairs", "joined"})
    scope = "batch"

    def __init__(self, config: ManyTasksConfig | None = None) -> None:
        self.config = config = config or ManyTasksConfig()
        self.pair, self.masked = TwoViews(config.pair), Masked(config.masked)
        self.shuffled, self.linked = Shuffled(), Linked(config.linked)

    def __call__(self, value: Any, generator: Generator) -> tuple[View, ...]:
        """The six views, in the order of `roles`.

        The meta of each says what is asked of the nodes that came in, and whose features they got.
        """
        whole, shuffled = self.shuffled(value, generator)
        (masked,) = self.masked(value, generator)
        pair, (linked,) = self.pair(value, generator), self.linked(value, generator)
        asked = {name: linked.meta[name] for name in ("pairs", "joined")}
        made = (*pair, whole, shuffled, masked, linked)
        return tuple(
            replace(view, role=role, meta={**whole.meta, **asked, **view.meta})
            for view, role in zip(made, self.roles, strict=True)
        )
