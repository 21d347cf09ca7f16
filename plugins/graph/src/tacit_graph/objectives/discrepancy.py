"""D-SLA: the original is told from perturbed copies, which lie as far away as they were edited."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from tacit.contract import (
    Context,
    DataInfo,
    EncoderSpec,
    Encoding,
    Losses,
    Objective,
    Requirements,
    View,
    Views,
)
from tacit.functional import gather_rows, global_mean, rank
from tacit.functional.precision import full, no_autocast
from tacit.objectives.instances import paired
from tacit_graph.modality import graphs_in
from tacit_graph.views.nodes import joined

ORIGINAL, PERTURBED = "original", "perturbed"
"""Roles: the view that all others were made of, and those that stay nearer than other instances.
Views of any further role come last: candidates too, but without a place among other instances."""

EDITS = "edits"
"""What views hold in their meta: by how many edits each instance differs from the original."""


@dataclass(frozen=True, kw_only=True)
class DiscrepancyConfig:
    """Settings of D-SLA; the defaults are the authors' for molecules.

    Args:
        proportion: weight of the distances' proportion to the edits.
        others: weight of the margin to other instances.
        margin: by how much a perturbed copy is to be nearer than another instance, in units of the
            embeddings.

    Raises:
        ValueError: a weight or a margin below 0.
    """

    proportion: float = 0.7
    others: float = 0.5
    margin: float = 5.0

    def __post_init__(self) -> None:
        for name in ("proportion", "others", "margin"):
            if getattr(self, name) < 0:
                raise ValueError(f"{name}: wanted at least 0; got {getattr(self, name)}")


class Discrepancy(Objective):
    """Learns how much copies of an instance differ from it, where contrast learns that they do not.

    A score of each candidate's embedding is to pick the original; distances to the original are to
    be as the numbers of edits; and perturbed copies are to be nearer than other instances of the
    batch, over all processes. A copy with 0 edits is the original itself and is left out of all
    three; `unedited` says how large a share of the copies that is. All candidates run as one batch,
    so that no batch statistic tells the original.

    Source: Kim et al. 2022 (arXiv 2202.02989) section 3; DongkiKim95/D-SLA, chem/pretrain_DSLA.py.
    """

    Config = DiscrepancyConfig
    requires = Requirements(views=3, meta=frozenset({EDITS}), batch=2)

    def __init__(self, config: DiscrepancyConfig | None = None) -> None:
        super().__init__()
        self.config = config or DiscrepancyConfig()
        self.score = nn.ModuleDict()

    def build(self, specs: Mapping[str, EncoderSpec], data: DataInfo) -> None:
        """A head of three layers that scores embeddings, for each modality."""
        for name, spec in specs.items():
            width = spec.width
            hidden = [m for _ in range(2) for m in (nn.Linear(width, width), nn.ReLU())]
            self.score[name] = nn.Sequential(*hidden, nn.Linear(width, 1))

    def forward(self, views: Views, ctx: Context) -> Losses:
        """The three weighted terms, for each modality."""
        terms: dict[str, Tensor] = {}
        metrics: dict[str, Tensor] = {}
        for name in views.modalities:
            own = views.of(name)
            near = _nearer(own)
            rows = own[0].rows
            held = [view.meta[EDITS] for view in own[1:]]
            edits = torch.stack([h if rows is None else h[rows] for h in held], dim=1)
            found = self.compare(name, _embeddings(own, ctx), edits, near)
            suffix = f"/{name}" if len(views.modalities) > 1 else ""
            terms |= {f"{key}{suffix}": term for key, term in found.terms.items()}
            metrics |= {f"{key}{suffix}": value for key, value in found.metrics.items()}
        return Losses(terms=terms, metrics=metrics)

    def compare(
        self,
        name: str,
        candidates: Float[Tensor, "batch candidates width"],
        edits: Int[Tensor, "batch copies"],
        near: int,
    ) -> Losses:
        """The terms of one modality.

        Args:
            name: of the modality.
            candidates: embeddings of each instance's original, first, and of its copies.
            edits: of each copy.
            near: how many of the copies, the first ones, are to be nearer than other instances.
        """
        scores = self.score[name](candidates).squeeze(-1)
        with no_autocast(candidates):
            z, edited = full(candidates), edits > 0
            distance = torch.linalg.vector_norm(z[:, 1:] - z[:, :1], dim=-1)
            picked, accuracy = discrimination(full(scores), edited)
            uneven = disproportion(distance, edits)
            close = intrusion(z[:, 0], distance[:, :near], edited[:, :near], self.config.margin)
            unedited = global_mean((~edited).to(z.dtype).sum(), edited.numel())
        terms = {
            "discrimination": picked,
            "proportion": self.config.proportion * uneven,
            "others": self.config.others * close,
        }
        return Losses(terms=terms, metrics={"accuracy": accuracy, "unedited": unedited})


def discrimination(
    scores: Float[Tensor, "batch candidates"], edited: Bool[Tensor, "batch copies"]
) -> tuple[Float[Tensor, ""], Float[Tensor, ""]]:
    """The cross-entropy of picking the first candidate, and how often it scores highest.

    Args:
        scores: of each instance's original, first, and of its copies.
        edited: copies that differ from the original; an instance without one does not count.
    """
    others = scores[:, 1:].masked_fill(~edited, -torch.inf)
    counts = edited.any(1).to(scores.dtype)
    losses = torch.cat([scores[:, :1], others], dim=1).logsumexp(1) - scores[:, 0]
    right = (scores[:, :1] > others).all(1).to(scores.dtype)
    number = counts.sum()
    accuracy = global_mean((right * counts).sum(), number)
    return global_mean((losses * counts).sum(), number), accuracy.detach()


def disproportion(
    distance: Float[Tensor, "batch copies"], edits: Int[Tensor, "batch copies"]
) -> Float[Tensor, ""]:
    """The mean square by which the distance an edit makes differs between two copies.

    Over all pairs of edited copies of an instance.

    Args:
        distance: of each copy's embedding to the original's.
        edits: of each copy.
    """
    each = distance / edits.clamp(min=1)
    copies = distance.shape[1]
    first, second = torch.triu_indices(copies, copies, 1, device=distance.device)
    edited = edits > 0
    both = (edited[:, first] & edited[:, second]).to(each.dtype)
    return global_mean((both * (each[:, first] - each[:, second]).square()).sum(), both.sum())


def intrusion(
    originals: Float[Tensor, "batch width"],
    distance: Float[Tensor, "batch near"],
    edited: Bool[Tensor, "batch near"],
    margin: float,
) -> Float[Tensor, ""]:
    """By how much other instances are not further away than copies by a margin.

    `mean max(0, margin + |original - copy| - |original - other|)` over the edited copies of an
    instance and the other originals of all processes. Memory grows with the square of the batch,
    and not with the embeddings' width.

    Args:
        originals: embeddings of this process's instances.
        distance: of each copy's embedding to the original's.
        edited: copies that count.
        margin: 0 or more.
    """
    every = gather_rows(originals)
    apart = torch.cdist(originals, every, compute_mode="donot_use_mm_for_euclid_dist")
    itself = torch.arange(len(originals), device=apart.device) + rank() * len(originals)
    other = torch.ones_like(apart).scatter(1, itself[:, None], 0.0)
    excess = (margin + distance[:, :, None] - apart[:, None]).clamp(min=0)
    weight = edited[:, :, None].to(apart.dtype) * other[:, None]
    return global_mean((weight * excess).sum(), weight.sum())


def _nearer(views: Views) -> int:
    """How many copies are to be nearer than other instances; they come first.

    Raises:
        ValueError: views in another order than original, perturbed ones, others.
    """
    roles = [view.role for view in views]
    near = roles.count(PERTURBED)
    known = [ORIGINAL, *[PERTURBED] * near]
    if near == 0 or roles.count(ORIGINAL) != 1 or roles[: near + 1] != known:
        raise ValueError(
            f"wanted one view of role {ORIGINAL}, some of role {PERTURBED}, then any others; got "
            f"{', '.join(roles)}: use views=graph/perturbed"
        )
    return near


def _embeddings(views: Views, ctx: Context) -> Float[Tensor, "batch candidates width"]:
    """Those of the instances that count, all views encoded as one batch."""
    sizes = [graphs_in(view.value) for view in views]
    if None in sizes:
        raise ValueError("d-sla compares many graphs; got one graph whose nodes are the instances")
    whole = View(value=joined([view.value for view in views]), modality=views[0].modality)
    parts = ctx.encode(whole).pooled.chunk(len(views))
    return torch.stack(paired(views, [Encoding(pooled=part) for part in parts]), dim=1)
