"""Mutual information between parts and wholes: DGI on one graph, InfoGraph on many."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn import functional

from tacit.contract import Context, DataInfo, EncoderSpec, Losses, Objective, Requirements, Views


@dataclass(frozen=True, kw_only=True)
class DgiConfig:
    """Settings of DGI; it has none."""


class Dgi(Objective):
    """Tells nodes of the graph from nodes of a shuffled one, by a summary of the graph.

    Source: Velickovic et al. 2019 (arXiv 1809.10341) eq. 1 and section 4.2; PyG's
    `DeepGraphInfomax`. The summary is of the rows the loss is taken on.
    """

    Config = DgiConfig
    requires = Requirements(views=2, most_views=2, meta=frozenset({"permutation"}), batch=2)

    def __init__(self, config: DgiConfig | None = None) -> None:
        super().__init__()
        self.config = config or DgiConfig()
        self.weight = nn.ParameterDict()

    def build(self, specs: Mapping[str, EncoderSpec], data: DataInfo) -> None:
        """A bilinear form for each modality."""
        for name, spec in specs.items():
            bound = 1 / math.sqrt(spec.width)
            self.weight[name] = nn.Parameter(
                torch.empty(spec.width, spec.width).uniform_(-bound, bound)
            )

    def forward(self, views: Views, ctx: Context) -> Losses:
        """The binary cross-entropy of both kinds of nodes."""
        terms: dict[str, Tensor] = {}
        metrics: dict[str, Tensor] = {}
        for name in views.modalities:
            real, shuffled = (
                ctx.encode(view).pooled if view.rows is None else ctx.encode(view).pooled[view.rows]
                for view in views.of(name)
            )
            summary = self.weight[name] @ real.mean(0).sigmoid()
            yes, no = real @ summary, shuffled @ summary
            suffix = f"/{name}" if len(views.modalities) > 1 else ""
            terms[f"real{suffix}"] = functional.softplus(-yes).mean()
            terms[f"shuffled{suffix}"] = functional.softplus(no).mean()
            right = torch.cat([yes > 0, no <= 0]).float().mean()
            metrics[f"accuracy{suffix}"] = right.detach()
        return Losses(terms=terms, metrics=metrics)


@dataclass(frozen=True, kw_only=True)
class InfoGraphConfig:
    """Settings of InfoGraph.

    Args:
        width: of the heads for nodes and for graphs; none for the encoder's own, as the paper has.
    """

    width: int | None = None


class InfoGraph(Objective):
    """Tells a graph's own nodes from those of the other graphs of the batch.

    Source: Sun et al. 2020 (arXiv 1908.01000) eq. 3 and 4; sunfanyunn/InfoGraph, unsupervised
    (`local_global_loss_`, measure JSD).
    """

    Config = InfoGraphConfig
    requires = Requirements(views=1, most_views=1, capabilities=frozenset({"tokens"}), batch=2)

    def __init__(self, config: InfoGraphConfig | None = None) -> None:
        super().__init__()
        self.config = config or InfoGraphConfig()
        self.local, self.whole = nn.ModuleDict(), nn.ModuleDict()

    def build(self, specs: Mapping[str, EncoderSpec], data: DataInfo) -> None:
        """A head for tokens and one for instances, for each modality."""
        for name, spec in specs.items():
            width = self.config.width or spec.width
            self.local[name], self.whole[name] = Head(spec.width, width), Head(spec.width, width)

    def forward(self, views: Views, ctx: Context) -> Losses:
        """The estimate of mutual information, negated.

        Raises:
            ValueError: tokens that are instances themselves: there is no whole to tell them by.
        """
        terms: dict[str, Tensor] = {}
        for name in views.modalities:
            encoding = ctx.encode(views.of(name)[0])
            assert encoding.tokens is not None, "requirements ask for tokens"
            if encoding.owner is None or len(encoding.tokens) == len(encoding.pooled):
                raise ValueError(
                    "infograph tells parts from wholes: wanted many graphs of several nodes; got "
                    "instances of one token each: use graph/dgi on one large graph"
                )
            nodes, wholes = self.local[name](encoding.tokens), self.whole[name](encoding.pooled)
            suffix = f"/{name}" if len(views.modalities) > 1 else ""
            terms[f"information{suffix}"] = jensen_shannon(nodes @ wholes.T, encoding.owner)
        return Losses(terms=terms)


class Head(nn.Module):
    """Three rectified layers beside a linear one."""

    def __init__(self, width: int, out: int) -> None:
        super().__init__()
        sizes = [(width, out), (out, out), (out, out)]
        self.deep = nn.Sequential(*[m for a, b in sizes for m in (nn.Linear(a, b), nn.ReLU())])
        self.short = nn.Linear(width, out)

    def forward(self, x: Float[Tensor, "rows width"]) -> Float[Tensor, "rows out"]:
        """The sum of both."""
        out: Tensor = self.deep(x) + self.short(x)
        return out


def jensen_shannon(
    scores: Float[Tensor, "nodes graphs"], owner: Int[Tensor, " nodes"]
) -> Float[Tensor, ""]:
    """Mean over foreign pairs minus mean over own pairs, by the bounds of the JSD estimator.

    Args:
        scores: of every node with every graph.
        owner: the graph each node belongs to.
    """
    nodes, graphs = scores.shape
    own = functional.one_hot(owner, graphs).to(scores.dtype)
    positive = math.log(2) - functional.softplus(-scores)
    negative = functional.softplus(-scores) + scores - math.log(2)
    foreign = (negative * (1 - own)).sum() / (nodes * (graphs - 1))
    return foreign - (positive * own).sum() / nodes
