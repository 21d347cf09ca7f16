"""D-SLA's views: a graph, and copies of it that are a known number of edges away."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from jaxtyping import Bool, Int
from torch import Generator, Tensor

from tacit.contract import Augmentation, View
from tacit_graph.modality import check_type, graphs_in
from tacit_graph.views.edits import ranks_within, walk_order
from tacit_graph.views.nodes import edited
from tacit_graph.views.pairs import Pairs, exchange


@dataclass(frozen=True, kw_only=True)
class PerturbedConfig:
    """Settings of perturbed copies; the defaults are D-SLA's for molecules.

    Args:
        copies: perturbed ones, beside the strong one.
        share: of the edges of a graph's part that the first copy exchanges; the second twice as
            many, and so on.
        strong: share of all edges of a graph that the strong copy exchanges.
        hops: the part is what a random node reaches in as many steps.
        masked: share of the part's nodes whose features are hidden, in every copy the same.

    Raises:
        ValueError: no copy, no step, or shares out of range.
    """

    copies: int = 3
    share: float = 0.2
    strong: float = 0.8
    hops: int = 3
    masked: float = 0.8

    def __post_init__(self) -> None:
        for name in ("copies", "hops"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name}: wanted at least 1; got {getattr(self, name)}")
        for name in ("share", "strong"):
            if not 0 < getattr(self, name) <= 1:
                raise ValueError(
                    f"{name}: wanted more than 0 and at most 1; got {getattr(self, name)}"
                )
        if not 0 <= self.masked <= 1:
            raise ValueError(f"masked: wanted at least 0 and at most 1; got {self.masked}")


class Perturbed(Augmentation):
    """Graphs, copies with growing numbers of exchanged edges, and one strongly perturbed.

    Each graph draws a node; what is within `hops` of it is the part that copies are edited in. A
    copy loses some of the part's edges, and gains as many between nodes of the part that were not
    joined: at least one, where there is one. The strong copy exchanges edges of the whole graph.
    Nodes stay, and bond types are not carried along. The features of the same nodes are set to
    zero in all, the original too, so that hidden features tell no copy.

    An edge is an unordered pair of nodes that are joined in one direction or both; it goes with
    both directions, and comes with both. The meta has, for each graph, `edits`: how many edges are
    in the original or in the copy and not in both, those removed and those added. It is exact:
    fewer than asked for in a part that is too small or complete, and 0 where there is nothing to
    remove or add. `masked_rows` says which nodes' features are hidden.

    All graphs are edited at once, in memory that grows with the squares of their sizes. How large
    results are is known on the device alone, so this waits for it, a few times a copy.

    Source: Kim et al. 2022 (arXiv 2202.02989) section 3; DongkiKim95/D-SLA, chem/loader.py
    (`MoleculeDataset_candidate`). Differs: added edges are new, where the code may put back what it
    removed; an edge removed and one added are two edits, as in its `linkPrediction_TU`; each copy
    hides the same nodes, where the code draws anew, and for the strong one from the whole graph.
    """

    Config: ClassVar[type[PerturbedConfig]] = PerturbedConfig
    meta = frozenset({"edits", "masked_rows"})

    def __init__(self, config: PerturbedConfig | None = None) -> None:
        self.config = config or PerturbedConfig()
        self.roles = ("original", *["perturbed"] * self.config.copies, "strong")

    def __call__(self, value: Any, generator: Generator) -> tuple[View, ...]:
        """The original, the copies in rising order of edits asked for, the strong copy.

        Raises:
            ValueError: one graph whose nodes are the instances: `edits` are those of a graph.
        """
        check_type(value, "graph views")
        if (graphs := graphs_in(value)) is None:
            raise ValueError(
                "these views say how far each of many graphs was edited; the data are one graph "
                "whose nodes are the instances: use views=graph/two-views"
            )
        starts, owner, index = value.ptr, value.batch, value.edge_index
        walk = walk_order(index, starts, owner, generator, hops=self.config.hops)
        near = walk < self.config.hops + 1
        hidden = self._hidden(near, starts, owner, generator)
        x = value.x * ~hidden[:, None]
        pairs = Pairs.of(index, starts, owner)
        part = near[pairs.low] & near[pairs.high]
        none = torch.zeros(graphs, dtype=torch.int64, device=x.device)
        views = [_view(value, x, index, none, hidden, "original")]
        for number, role in enumerate(self.roles[1:], start=1):
            strong = role == "strong"
            share = self.config.strong if strong else number * self.config.share
            within = torch.ones_like(part) if strong else part
            changed, edits = exchange(index, pairs, within, share, generator)
            views.append(_view(value, x, changed, edits, hidden, role))
        return tuple(views)

    def _hidden(
        self,
        near: Bool[Tensor, " nodes"],
        starts: Int[Tensor, " more"],
        owner: Int[Tensor, " nodes"],
        generator: Generator,
    ) -> Bool[Tensor, " nodes"]:
        """A share of each graph's near nodes, rounded down."""
        noise = torch.rand(len(near), generator=generator, device=near.device)
        count = torch.zeros(len(starts) - 1, dtype=torch.int64, device=near.device)
        count.index_add_(0, owner, near.long())
        rank = ranks_within(torch.where(near, noise, 2.0), starts, owner)
        return rank < (self.config.masked * count).long()[owner]


def _view(
    value: Any,
    x: Tensor,
    index: Int[Tensor, "2 edges"],
    edits: Int[Tensor, " graphs"],
    hidden: Bool[Tensor, " nodes"],
    role: str,
) -> View:
    meta = {"edits": edits, "masked_rows": hidden}
    return View(value=edited(value, x=x, edge_index=index), meta=meta, role=role)
