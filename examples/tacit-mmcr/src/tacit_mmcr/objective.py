"""Maximum manifold capacity: centroids of an instance's views spread over as many axes as they can.

Source: Yerxa et al., Learning Efficient Coding of Natural Images with Maximum Manifold Capacity
Representations (NeurIPS 2023, arXiv 2303.03307), the objective of section 3 with its term within
an instance left out, as the paper recommends. Differs: centroids of all processes are gathered, so
that the batch is the global one.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from tacit.contract import Context, DataInfo, EncoderSpec, Losses, Objective, Requirements, Views
from tacit.functional import gather_rows
from tacit.nn import Mlp, MlpConfig


@dataclass(frozen=True, kw_only=True)
class MmcrConfig:
    """Settings of the objective.

    Args:
        projector: the head the loss works on.
    """

    projector: MlpConfig = MlpConfig(widths=(256, 64))


class Mmcr(Objective):
    """Minus the nuclear norm of the centroids of every instance's views, on the unit sphere."""

    requires = Requirements(views=2, batch=2)

    def __init__(self, config: MmcrConfig) -> None:
        super().__init__()
        self.config = config
        self.projector = nn.ModuleDict()

    def build(self, specs: Mapping[str, EncoderSpec], data: DataInfo) -> None:
        """One head for each encoder."""
        for name, spec in specs.items():
            self.projector[name] = Mlp(spec.width, self.config.projector)

    def forward(self, views: Views, ctx: Context) -> Losses:
        """The loss of a batch."""
        head = self.projector[views[0].modality]
        rows = [head(ctx.encode(view).pooled) for view in views]
        return Losses(terms={"capacity": capacity_loss(rows)})


def capacity_loss(views: list[Tensor]) -> Tensor:
    """Minus the nuclear norm of the centroids, over its largest possible value: -1 to 0.

    Args:
        views: rows `(batch, width)` of each view.
    """
    unit = [nn.functional.normalize(each, dim=1) for each in views]
    centroids = gather_rows(torch.stack(unit).mean(0))
    if centroids.dtype in (torch.bfloat16, torch.float16):
        centroids = centroids.float()  # there is no decomposition in half precision
    count, width = centroids.shape
    most = (count * min(count, width)) ** 0.5
    with torch.autocast(centroids.device.type, enabled=False):
        return -torch.linalg.matrix_norm(centroids, ord="nuc") / most
