"""The content of every cell as what is to be predicted: numbers by distance, categories by code."""

from __future__ import annotations

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn
from torch.nn import functional

from tacit.contract import TokenTarget
from tacit.functional import global_mean
from tacit_tabular.modality import Rows
from tacit_tabular.schema import Column


class CellTarget(TokenTarget):
    """What stood in every cell, and how far off a prediction of it is.

    A decoder answers `width` features for a cell; a head of each column turns them into a number,
    or into one score a category. Its width does not grow with the number of categories, so that a
    column of ten thousand costs its own scores and nothing in the other columns.

    The error of a number is the squared difference on the standardised scale, that of a category
    minus its log probability; each cell counts once. Cells that are missing, or hold a category
    unseen in training, have no answer and do not count.

    Source: Bellamy et al. 2023 (arXiv 2312.11502), Labrador: values masked in a bag of codes and
    values are predicted as continuous numbers beside codes, not as bins. Where we differ: columns
    are places of their own, so the code of a value is known and only what it holds is predicted;
    numbers are standardised, where the paper has quantiles in [0, 1].

    Args:
        columns: with their statistics.
        width: features a decoder answers for each cell.
    """

    shift: Tensor
    scale: Tensor
    numbers: Tensor
    sizes: Tensor

    def __init__(self, columns: tuple[Column, ...], width: int = 64) -> None:
        super().__init__()
        self.width, self.columns = width, columns
        kinds = torch.tensor([column.kind == "numerical" for column in columns], dtype=torch.bool)
        fixed = {
            "shift": torch.tensor([column.mean for column in columns], dtype=torch.float64),
            "scale": torch.tensor([column.std for column in columns], dtype=torch.float64),
            "numbers": kinds,
            "sizes": torch.tensor([len(column.categories) for column in columns]),
        }
        for name, tensor in fixed.items():
            self.register_buffer(name, tensor, persistent=False)
        self.direction = nn.Parameter(torch.randn(len(columns), width) * width**-0.5)
        self.bias = nn.Parameter(torch.zeros(len(columns)))
        self.codes = nn.ModuleDict(
            {
                str(at): nn.Linear(width, len(c.categories))
                for at, c in enumerate(columns)
                if c.categories
            }
        )

    def forward(self, value: Rows) -> Float[Tensor, "rows columns"]:
        """Standardised numbers and codes; NaN where there is no answer."""
        cells = value.cells
        known = (cells >= 0) & (cells < self.sizes)
        code = cells.where(known, torch.nan)
        return torch.where(self.numbers, (cells - self.shift) / self.scale, code).float()

    def error(
        self,
        prediction: Float[Tensor, "rows columns width"],
        target: Float[Tensor, "rows columns"],
        hidden: Bool[Tensor, "rows columns"],
    ) -> Float[Tensor, ""]:
        """The mean error of the cells that are hidden and have an answer."""
        counts = hidden & ~target.isnan()
        answer = target.nan_to_num(0.0)
        number = (prediction * self.direction).sum(2) + self.bias
        squared = (number.float() - answer).square()
        total = squared.where(counts & self.numbers, 0.0).sum()
        for name, head in self.codes.items():
            at = int(name)
            scores = head(prediction[:, at]).float()
            each = functional.cross_entropy(scores, answer[:, at].long(), reduction="none")
            total = total + each.where(counts[:, at], 0.0).sum()
        return global_mean(total, counts.sum())
