"""Offline clustering: once an epoch all instances are clustered, and views predict the clusters."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import cast

import torch
from jaxtyping import Float
from torch import Tensor, nn

from tacit.contract import (
    Batch,
    Context,
    DataInfo,
    EncoderSpec,
    Losses,
    Objective,
    Requirements,
    View,
    Views,
)
from tacit.functional import global_mean
from tacit.nn import Mlp, MlpConfig, k_means, nearest
from tacit.objectives.instances import paired
from tacit.objectives.joint_embedding import agreement
from tacit.objectives.self_distillation import encode


@dataclass(frozen=True, kw_only=True)
class DeepClusterConfig:
    """Settings of DeepCluster-V2.

    Args:
        clusters: of each clustering; the paper has three of 3000 for a million images.
        temperature: of the prediction, above 0.
        iterations: of k-means.
        projector: the paper's is (2048, 128).

    Raises:
        ValueError: no clustering, fewer than 2 clusters, or a temperature that is not above 0.
    """

    clusters: tuple[int, ...] = (64, 64, 64)
    temperature: float = 0.1
    iterations: int = 10
    projector: MlpConfig = MlpConfig(widths=(512, 128))

    def __post_init__(self) -> None:
        if not self.clusters or min(self.clusters) < 2:
            raise ValueError(f"clusters: wanted one or more numbers from 2; got {self.clusters}")
        if self.temperature <= 0:
            raise ValueError(f"temperature: wanted above 0; got {self.temperature}")
        if self.iterations < 1:
            raise ValueError(f"iterations: wanted at least 1; got {self.iterations}")


class DeepCluster(Objective):
    """Every view predicts the cluster its instance fell into at the beginning of the epoch.

    Clusters are those of the embeddings of the data as they are, by spherical k-means, several
    times with different beginnings; their centres stand as prototypes until the next epoch.

    Source: Caron et al. 2020 (arXiv 2006.09882) appendix (DeepCluster-v2);
    facebookresearch/swav, main_deepclusterv2.py. Differs: embeddings are computed anew, without
    augmentation, where the authors keep those of the last epoch's views.
    """

    Config = DeepClusterConfig

    def __init__(self, config: DeepClusterConfig | None = None) -> None:
        super().__init__()
        self.config = config or DeepClusterConfig()
        self.projector, self.centres = nn.ModuleDict(), nn.ModuleDict()
        self.requires = Requirements(views=2, batch=2, instances=True)

    def build(self, specs: Mapping[str, EncoderSpec], data: DataInfo) -> None:
        """A projector, centres and the cluster of every instance, for each modality.

        Raises:
            ValueError: fewer instances than clusters.
        """
        assert data.instances is not None, "required, and checked before"
        if data.instances < max(self.config.clusters):
            raise ValueError(
                f"clusters: wanted at most one an instance, {data.instances}; got "
                f"{max(self.config.clusters)}: set objective.clusters"
            )
        for name, spec in specs.items():
            projector = Mlp(spec.width, self.config.projector)
            self.projector[name] = projector
            self.centres[name] = _Clusters(self.config.clusters, projector.width, data.instances)

    def before_epoch(self, ctx: Context) -> None:
        """Cluster the data set as it is embedded now."""
        for name in self.projector:
            compute = partial(self.embed, name, ctx=ctx)
            embedded = ctx.dataset_pass(f"embedding/{name}", compute, refresh="epoch")
            self.clusters(name).fit(embedded, self.config.iterations, seed=ctx.epoch)

    def embed(self, modality: str, batch: Batch, ctx: Context) -> Float[Tensor, "rows width"]:
        """The projected embedding of the batch's own values, of length 1."""
        view = View(value=batch.values[modality], modality=modality)
        projected = self.projector[modality](ctx.encode(view).pooled)
        return nn.functional.normalize(projected.float(), dim=1)

    def forward(self, views: Views, ctx: Context) -> Losses:
        """The mean cross-entropy over views and clusterings, for each modality."""
        terms: dict[str, Tensor] = {}
        metrics: dict[str, Tensor] = {}
        for name in views.modalities:
            suffix = f"/{name}" if len(views.modalities) > 1 else ""
            own = list(views.of(name))
            embedded = [self.projector[name](p) for p in paired(own, encode(own, ctx))]
            every = nn.functional.normalize(torch.cat(embedded).float(), dim=1)
            index = torch.cat([_index(view) for view in own])
            rows = self.clusters(name).errors(every, index, self.config.temperature)
            terms[f"prediction{suffix}"] = global_mean(rows.sum(), rows.numel())
            metrics |= {f"{k}{suffix}": v for k, v in agreement(embedded[0], embedded[1]).items()}
        return Losses(terms=terms, metrics=metrics)

    def clusters(self, modality: str) -> _Clusters:
        """The clusterings of a modality."""
        return cast("_Clusters", self.centres[modality])


class _Clusters(nn.Module):
    """Centres of several clusterings, and the cluster of every instance in each."""

    label: Tensor

    def __init__(self, clusters: tuple[int, ...], width: int, instances: int) -> None:
        super().__init__()
        self.sizes = clusters
        self.register_buffer("centres", torch.zeros(sum(clusters), width))
        self.register_buffer("label", torch.zeros(instances, len(clusters), dtype=torch.long))

    def fit(self, rows: Float[Tensor, "instances width"], iterations: int, *, seed: int) -> None:
        """Cluster anew, each time from another beginning."""
        found = [
            k_means(rows, size, seed=seed * len(self.sizes) + number, iterations=iterations)
            for number, size in enumerate(self.sizes)
        ]
        unit = [nn.functional.normalize(centres, dim=1) for centres in found]
        self.label.copy_(torch.stack([nearest(rows, centres) for centres in unit], dim=1))
        self.centres.copy_(torch.cat(unit))  # type: ignore[operator]

    def errors(
        self, rows: Float[Tensor, "rows width"], index: Tensor, temperature: float
    ) -> Float[Tensor, "clusterings rows"]:
        """The cross-entropy of every row to the cluster of its instance, in each clustering."""
        centres = self.get_buffer("centres").to(rows.dtype)
        scores = (rows @ centres.T / temperature).split(self.sizes, dim=1)
        labels = self.label[index].unbind(1)
        return torch.stack(
            [
                nn.functional.cross_entropy(each, label, reduction="none")
                for each, label in zip(scores, labels, strict=True)
            ]
        )


def _index(view: View) -> Tensor:
    assert view.index is not None, "the engine binds views to their instances"
    return view.index if view.rows is None else view.index[view.rows]
