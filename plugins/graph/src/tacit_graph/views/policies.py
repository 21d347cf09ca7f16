"""View policies for graphs: two edited copies, one to be masked, one beside a shuffled one."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any

import torch
from torch import Generator, Tensor

from tacit.contract import Augmentation, View
from tacit_graph.modality import check_type, graphs_in
from tacit_graph.views.edits import add_edges, drop_edges, fewest, mask_columns, mask_rows
from tacit_graph.views.nodes import edited, graph_of_nodes, isolated, starts_of, without


@dataclass(frozen=True, kw_only=True)
class Edits:
    """How strongly one view is edited; shares of what there is, in the order they are made.

    Args:
        nodes: nodes dropped. Of one large graph they stay, without edges and features, so that
            every instance keeps its row.
        edges: edges dropped.
        added: random edges added, relative to those there are.
        columns: features set to zero for all nodes.
        rows: nodes whose features are set to zero.

    Raises:
        ValueError: a share outside [0, 1).
    """

    nodes: float = 0.0
    edges: float = 0.0
    added: float = 0.0
    columns: float = 0.0
    rows: float = 0.0

    def __post_init__(self) -> None:
        for field in fields(self):
            share = getattr(self, field.name)
            if not 0 <= share < 1:
                raise ValueError(
                    f"{field.name}: wanted a share of at least 0 and less than 1; got {share}"
                )


def edit(value: Any, edits: Edits, generator: Generator) -> tuple[Any, dict[str, Tensor]]:
    """A value edited at random, and the record of what was done.

    The record has, for each edit asked for: `dropped_nodes` (which nodes, of those that came in),
    `kept_edges` (positions, after nodes were dropped), `added_edges`, `masked_columns`,
    `masked_rows` (of the nodes left).
    """
    check_type(value, "graph views")
    meta: dict[str, Tensor] = {}
    if edits.nodes:
        value = _fewer_nodes(value, edits.nodes, generator, meta)
    index, x = value.edge_index, value.x
    if edits.edges:
        index, meta["kept_edges"] = drop_edges(index, edits.edges, generator)
    if edits.added:
        starts, owner = starts_of(value), graph_of_nodes(value)
        meta["added_edges"] = add_edges(
            value.edge_index, edits.added, generator, starts=starts, owner=owner
        )
        index = torch.cat([index, meta["added_edges"]], dim=1)
    if edits.columns:
        x, meta["masked_columns"] = mask_columns(x, edits.columns, generator)
    if edits.rows:
        x, meta["masked_rows"] = mask_rows(x, edits.rows, generator)
    return edited(value, x=x, edge_index=index), meta


def _fewer_nodes(value: Any, share: float, generator: Generator, meta: dict[str, Tensor]) -> Any:
    noise = torch.rand(value.num_nodes, generator=generator, device=value.x.device)
    dropped = fewest(noise, share, starts_of(value), graph_of_nodes(value))
    meta["dropped_nodes"] = dropped
    return isolated(value, dropped) if graphs_in(value) is None else without(value, dropped)


@dataclass(frozen=True, kw_only=True)
class TwoViewsConfig:
    """Settings of two views; the defaults are GRACE's for Cora.

    Args:
        first: edits of the first view.
        second: edits of the second.
    """

    first: Edits = Edits(edges=0.2, columns=0.3)
    second: Edits = Edits(edges=0.4, columns=0.4)


class TwoViews(Augmentation):
    """Two copies of a graph, or of graphs, edited independently.

    Source: Zhu et al. 2020 (arXiv 2006.04131) section 3.2.1.
    """

    Config = TwoViewsConfig
    roles = ("view", "view")
    scope = "batch"

    def __init__(self, config: TwoViewsConfig | None = None) -> None:
        self.config = config or TwoViewsConfig()

    def __call__(self, value: Any, generator: Generator) -> tuple[View, ...]:
        """The two views; see `edit` for their meta."""
        made = [edit(value, edits, generator) for edits in (self.config.first, self.config.second)]
        return tuple(View(value=graph, meta=meta) for graph, meta in made)


@dataclass(frozen=True, kw_only=True)
class MaskedConfig:
    """Settings of the view that is to be masked.

    Args:
        edges: share of the edges dropped; GraphMAE drops half of them on its largest graphs.
    """

    edges: float = 0.0

    def __post_init__(self) -> None:
        Edits(edges=self.edges)


class Masked(Augmentation):
    """One copy, for objectives that hide nodes of it or need no change at all.

    Source: Hou et al. 2022 (arXiv 2205.10803) section 3.
    """

    Config = MaskedConfig
    roles = ("view",)

    def __init__(self, config: MaskedConfig | None = None) -> None:
        self.config = config or MaskedConfig()

    def __call__(self, value: Any, generator: Generator) -> tuple[View, ...]:
        """The view; itself, where nothing is dropped."""
        if not self.config.edges:
            return (View(value=value),)
        graph, meta = edit(value, Edits(edges=self.config.edges), generator)
        return (View(value=graph, meta=meta),)


@dataclass(frozen=True, kw_only=True)
class ShuffledConfig:
    """Settings of the shuffled copy; it has none."""


class Shuffled(Augmentation):
    """The graph, and a copy whose nodes have the features of others.

    Source: Velickovic et al. 2019 (arXiv 1809.10341) section 4.2: the corruption of DGI.
    """

    Config = ShuffledConfig
    roles = ("view", "shuffled")
    meta = frozenset({"permutation"})
    scope = "batch"

    def __init__(self, config: ShuffledConfig | None = None) -> None:
        self.config = config or ShuffledConfig()

    def __call__(self, value: Any, generator: Generator) -> tuple[View, ...]:
        """The two views; `permutation` says whose features each node has."""
        check_type(value, "graph views")
        nodes, device = value.num_nodes, value.x.device
        order = torch.randperm(nodes, generator=generator, device=device)
        itself = torch.arange(nodes, device=device)
        return (
            View(value=value, meta={"permutation": itself}),
            View(
                value=edited(value, x=value.x[order]),
                meta={"permutation": order},
                role="shuffled",
            ),
        )
