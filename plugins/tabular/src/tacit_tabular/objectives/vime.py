"""VIME: which cells of a row were changed, and what stood there."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import cast

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn
from torch.nn import functional

from tacit.contract import Context, DataInfo, EncoderSpec, Losses, Objective, Requirements, Views
from tacit.functional import global_mean
from tacit_tabular.encoders.target import CellTarget
from tacit_tabular.modality import Rows


@dataclass(frozen=True, kw_only=True)
class VimeConfig:
    """Settings of VIME.

    Args:
        reconstruction: weight of the cells' error beside that of the mask, the paper's alpha; the
            authors have 2.

    Raises:
        ValueError: a negative weight.
    """

    reconstruction: float = 2.0

    def __post_init__(self) -> None:
        if self.reconstruction < 0:
            raise ValueError(f"reconstruction: wanted at least 0; got {self.reconstruction}")


class Vime(Objective):
    """From the corrupted row's vector: which cells differ, and the whole row as it was.

    A cell counts as changed where what it holds differs, not where it was drawn: another row may
    hold the same. A missing cell that stays missing is not changed.

    Source: Yoon et al. 2020, VIME, eq. 4 to 6; jsyoon0823/VIME, vime_self.py and vime_utils.py.
    Where we differ: categories are predicted by cross-entropy, where the authors have squared error
    of one-hot cells; the semi-supervised second part is left out, as it needs labels.
    """

    Config = VimeConfig
    requires = Requirements(
        views=2,
        most_views=2,
        batch=2,
        meta=frozenset({"corrupted"}),
        capabilities=frozenset({"targets:own"}),
    )

    def __init__(self, config: VimeConfig | None = None) -> None:
        super().__init__()
        self.config = config or VimeConfig()
        self.mask, self.cells, self.target = nn.ModuleDict(), nn.ModuleDict(), nn.ModuleDict()

    def build(self, specs: Mapping[str, EncoderSpec], data: DataInfo) -> None:
        """An estimator of the mask and one of the cells.

        Raises:
            ValueError: an encoder whose own target is not that of tables.
        """
        for name, spec in specs.items():
            target = spec.own_target() if spec.own_target is not None else None
            if not isinstance(target, CellTarget):
                raise ValueError(f"vime: wanted an encoder of tables; got one of {name}")
            columns = len(target.columns)
            self.mask[name] = nn.Linear(spec.width, columns)
            self.cells[name] = nn.Linear(spec.width, columns * target.width)
            self.target[name] = target

    def forward(self, views: Views, ctx: Context) -> Losses:
        """Both errors."""
        terms: dict[str, Tensor] = {}
        for name in views.modalities:
            clean, corrupted = views.of(name)
            pooled = ctx.encode(corrupted).pooled
            target = cast("CellTarget", self.target[name])
            content = target(clean.value)
            predicted = self.cells[name](pooled).unflatten(1, (-1, target.width))
            mended = target.error(predicted, content, torch.ones_like(content, dtype=torch.bool))
            found = mask_error(self.mask[name](pooled), changed(clean.value, corrupted.value))
            suffix = f"/{name}" if len(views.modalities) > 1 else ""
            terms[f"mask{suffix}"] = found
            terms[f"reconstruction{suffix}"] = self.config.reconstruction * mended
        return Losses(terms=terms)


def changed(clean: Rows, corrupted: Rows) -> Bool[Tensor, "rows columns"]:
    """Where the cells of two copies of the same rows differ."""
    both_missing = clean.cells.isnan() & corrupted.cells.isnan()
    return (clean.cells != corrupted.cells) & ~both_missing


def mask_error(
    scores: Float[Tensor, "rows columns"], mask: Bool[Tensor, "rows columns"]
) -> Float[Tensor, ""]:
    """The mean binary cross-entropy over all cells of all processes."""
    total = functional.binary_cross_entropy_with_logits(
        scores.float(), mask.float(), reduction="sum"
    )
    return global_mean(total, mask.numel())
