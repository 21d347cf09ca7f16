"""Clustering: views of an instance belong to the same prototypes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import cast

import torch
from torch import Tensor, nn

from tacit.contract import Context, DataInfo, EncoderSpec, Losses, Objective, Requirements, Views
from tacit.functional import dino, rank, sinkhorn, world_size
from tacit.nn import EmbeddingQueue, MlpConfig, PrototypeHead, PrototypeHeadConfig
from tacit.objectives.instances import paired
from tacit.objectives.joint_embedding import agreement
from tacit.objectives.self_distillation import by_role, encode


@dataclass(frozen=True, kw_only=True)
class SwavConfig:
    """Settings of SwAV.

    Args:
        projector: the head; the paper's is (2048, 128) with 3000 prototypes on a million images.
        temperature: of the prediction, above 0.
        sharpness: of the assignment, the paper's epsilon: 0.05, or 0.03 in the authors' code.
        iterations: of Sinkhorn and Knopp.
        queue: embeddings of earlier batches that are assigned with this one, for batches of fewer
            instances than prototypes; 0 for none. The paper's holds 3840.
        queue_epochs: epochs before the queue is used, for early on the network changes fast.
        frozen_epochs: epochs in which the prototypes stay as they were drawn.

    Raises:
        ValueError: a temperature or sharpness that is not above 0, or a number below its least.
    """

    projector: PrototypeHeadConfig = PrototypeHeadConfig(
        trunk=MlpConfig(widths=(512, 128)), prototypes=256
    )
    temperature: float = 0.1
    sharpness: float = 0.05
    iterations: int = 3
    queue: int = 0
    queue_epochs: int = 1
    frozen_epochs: int = 1

    def __post_init__(self) -> None:
        for name in ("temperature", "sharpness"):
            if (value := getattr(self, name)) <= 0:
                raise ValueError(f"{name}: wanted above 0; got {value}")
        if self.iterations < 1:
            raise ValueError(f"iterations: wanted at least 1; got {self.iterations}")
        for name in ("queue", "queue_epochs", "frozen_epochs"):
            if (number := getattr(self, name)) < 0:
                raise ValueError(f"{name}: wanted at least 0; got {number}")


class Swav(Objective):
    """Each view predicts the prototypes another view is assigned to, in equal shares of the batch.

    Views with role `global` are assigned (all, where none has it), and every view predicts.

    Source: Caron et al. 2020 (arXiv 2006.09882) eq. 1 to 5; facebookresearch/swav, main_swav.py.
    Differs: cosines to prototypes of length 1, kept so by division and not by normalising the
    weights after each step; assignments are of the global batch, and so are their shares.
    """

    Config = SwavConfig

    def __init__(self, config: SwavConfig | None = None) -> None:
        super().__init__()
        self.config = config or SwavConfig()
        self.projector, self.queues = nn.ModuleDict(), nn.ModuleDict()
        self.latest: dict[str, list[Tensor]] = {}  # of the step that is under way
        self.requires = Requirements(views=2, batch=2)

    def build(self, specs: Mapping[str, EncoderSpec], data: DataInfo) -> None:
        """A head, and a queue if there is one, for each modality."""
        for name, spec in specs.items():
            head = PrototypeHead(spec.width, self.config.projector)
            self.projector[name] = head
            if self.config.queue:
                self.queues[name] = EmbeddingQueue(self.config.queue, head.trunk.width)

    def forward(self, views: Views, ctx: Context) -> Losses:
        """The mean over pairs of an assigned view and another, for each modality."""
        terms: dict[str, Tensor] = {}
        metrics: dict[str, Tensor] = {}
        for name in views.modalities:
            suffix = f"/{name}" if len(views.modalities) > 1 else ""
            seen, others = by_role(views.of(name))
            head = cast("PrototypeHead", self.projector[name])
            groups = [paired(g, encode(g, ctx)) for g in (seen, others) if g]
            embedded = [head.embed(pooled) for group in groups for pooled in group]
            frozen = ctx.epoch < self.config.frozen_epochs
            scores = [head.prototypes(each, frozen=frozen) for each in embedded]
            number = len(seen)
            assigned = self.assign(name, embedded[:number], scores[:number], ctx)
            terms[f"prediction{suffix}"] = dino(
                scores, assigned, temperature=self.config.temperature
            )
            metrics |= {f"{k}{suffix}": v for k, v in agreement(embedded[0], embedded[1]).items()}
        return Losses(terms=terms, metrics=metrics)

    @torch.no_grad()
    def assign(
        self, modality: str, embedded: Sequence[Tensor], scores: Sequence[Tensor], ctx: Context
    ) -> list[Tensor]:
        """The assignments of each view, together with what the queue holds where it is used."""
        config, beside = self.config, self.queued(modality, ctx)
        whole = [torch.cat([own, beside.to(own.dtype)]) for own in scores]
        codes = [
            sinkhorn(w, sharpness=config.sharpness, iterations=config.iterations) for w in whole
        ]
        if modality in self.queues:
            self.latest.setdefault(modality, []).append(embedded[0].detach())
        return [code[: len(own)] for code, own in zip(codes, scores, strict=True)]

    def queued(self, modality: str, ctx: Context) -> Tensor:
        """Scores of earlier batches, a share of them on each process; none where none are used."""
        head = cast("PrototypeHead", self.projector[modality])
        if modality not in self.queues or ctx.epoch < self.config.queue_epochs:
            return head.prototypes.weight.new_zeros(0, self.config.projector.prototypes)
        kept = cast("EmbeddingQueue", self.queues[modality]).values[rank() :: world_size()]
        scores: Tensor = head.prototypes(kept)
        return scores

    def after_step(self, ctx: Context) -> None:
        """Queue what this step embedded."""
        for modality, parts in self.latest.items():
            cast("EmbeddingQueue", self.queues[modality]).push(torch.cat(parts))
        self.latest = {}
