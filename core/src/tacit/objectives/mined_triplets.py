"""Triplets of one modality, mined by what another one shows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from tacit.contract import Context, DataInfo, EncoderSpec, Losses, Objective, Requirements, Views
from tacit.functional import mine_triplets, triplet_margin
from tacit.nn import Mlp, MlpConfig
from tacit.objectives.cross_modal import LINEAR
from tacit.objectives.members import Members, check_complete, of_a_pair


@dataclass(frozen=True, kw_only=True)
class MinedTripletsConfig:
    """Settings of mined triplets.

    Args:
        head: of each modality, into the space its triplets are told apart in.
        learn: the modalities whose encoders learn; the others guide alone. All if empty.
        near: positives of an instance: as many of the batch as are nearest to it by the guide.
        far: share of the batch that negatives are drawn from: the farthest by the guide.
        negatives: drawn for each instance.
        margin: by which squared distances on the sphere, up to 4, are to differ.

    Raises:
        ValueError: numbers below 1, a share out of range, or a margin that is not above 0.
    """

    head: MlpConfig = LINEAR
    learn: tuple[str, ...] = ()
    near: int = 4
    far: float = 0.5
    negatives: int = 8
    margin: float = 0.5

    def __post_init__(self) -> None:
        for name in ("near", "negatives"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name}: wanted at least 1; got {getattr(self, name)}")
        if not 0 < self.far <= 1 or self.margin <= 0:
            raise ValueError(
                "far, margin: wanted a share above 0, at most 1, and more than 0; got "
                f"{self.far} and {self.margin}"
            )


class MinedTriplets(Objective):
    """Instances that are alike in one modality are brought near in another, unlike ones apart.

    What a modality is guided by is a teacher of the other: frozen, in the method, so that an
    encoder that begins where another run ended (`initial`) says with what it learned there what is
    alike. There is no space the modalities share. An instance that lacks either has no part.

    Source: Zuern et al. 2019 (arXiv 1912.03227) section III: triplets of recordings by features of
        what was seen at the same place. Differs: both ways where not said otherwise, any
        modalities; positives and negatives are the nearest and the farther ones of the batch; the
        decoder that reconstructs the anchor beside it is left out (`Several` adds one).
    """

    Config = MinedTripletsConfig

    def __init__(self, config: MinedTripletsConfig | None = None) -> None:
        super().__init__()
        self.config = config or MinedTripletsConfig()
        self.head = nn.ModuleDict()
        self.requires = Requirements(
            modalities=2,
            most_views=1,
            teachers=frozenset({"guide"}),
            batch=self.config.near + 1,
        )

    def build(self, specs: Mapping[str, EncoderSpec], data: DataInfo) -> None:
        """A head for each modality that learns.

        Raises:
            ValueError: one the data do not have.
        """
        if unknown := sorted(set(self.config.learn) - set(specs)):
            raise ValueError(f"learn: wanted some of {', '.join(specs)}; got {', '.join(unknown)}")
        for name in self.config.learn or specs:
            self.head[name] = Mlp(specs[name].width, self.config.head)

    def forward(self, views: Views, ctx: Context) -> Losses:
        """The triplets of each modality that learns, by each other one.

        Raises:
            ValueError: the batch has no two modalities, or not one instance with both.
        """
        ways = [(a, b) for a in self.head for b in views.modalities if a != b]
        ways = [(a, b) for a, b in ways if a in views.modalities]
        if not ways:
            listed = ", ".join(views.modalities) or "no modality"
            raise ValueError(
                f"a batch with {listed} alone has no pair: give data in which instances have two"
            )
        own = {a: Members.of(views.of(a), ctx, self.head[a]) for a, _ in ways}
        guides = {b: _guide(views, b, ctx) for _, b in ways}
        both = {(a, b): of_a_pair(own[a], guides[b]) for a, b in ways}
        check_complete(list(both.values()))
        terms: dict[str, Tensor] = {}
        metrics: dict[str, Tensor] = {}
        for a, b in ways:
            name = a if len(views.modalities) == 2 else f"{a}-by-{b}"
            embeddings, features = own[a].views[0], guides[b].pooled[0]
            found = self._triplets(embeddings, features, both[a, b], ctx)
            terms[f"triplets/{name}"], metrics[f"active/{name}"] = found
        return Losses(terms=terms, metrics=metrics)

    def _triplets(
        self, embeddings: Tensor, features: Tensor, both: Tensor | None, ctx: Context
    ) -> tuple[Tensor, Tensor]:
        config = self.config
        drawn = torch.rand(
            len(embeddings), config.negatives, generator=ctx.generator, device=embeddings.device
        )
        mined = mine_triplets(features, drawn, near=config.near, far=config.far, there=both)
        loss, active = triplet_margin(embeddings, mined, margin=config.margin)
        return loss, active


def _guide(views: Views, name: str, ctx: Context) -> Members:
    """What the teacher makes of a modality, as it is."""
    view = views.of(name)[0]
    pooled = ctx.encode(view, which="guide").pooled
    pooled = pooled if view.rows is None else pooled[view.rows]
    present = view.present
    if view.rows is not None and present is not None:
        present = present[view.rows]
    return Members(modality=name, pooled=(pooled,), views=(pooled,), present=present)
