"""One vector for every cell: what all encoders of tables begin with."""

from __future__ import annotations

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from tacit_tabular.modality import Rows, check_columns
from tacit_tabular.schema import Column


class CellEmbedding(nn.Module):
    """Cells as vectors: a number along a direction of its column, a category by its own vector.

    A missing value and an unseen category have a vector each in every column.

    Source: Gorishniy et al. 2021 (arXiv:2106.11959), section 3.3. Where we differ: missing values
    and unseen categories are values of their own.

    Without columns it can be made, as a run does to look at an encoder's spec before it has data,
    but embeds nothing.

    Args:
        columns: with their statistics, which standardise numbers here.
        width: features of a cell.
    """

    shift: Tensor
    scale: Tensor
    numerical: Tensor
    sizes: Tensor
    offsets: Tensor

    def __init__(self, columns: tuple[Column, ...], width: int) -> None:
        super().__init__()
        self.columns = columns
        numerical = [column.kind == "numerical" for column in columns]
        sizes = torch.tensor([len(column.categories) for column in columns], dtype=torch.int64)
        fixed = {
            "shift": torch.tensor([c.mean for c in columns], dtype=torch.float64),
            "scale": torch.tensor([c.std for c in columns], dtype=torch.float64),
            "numerical": torch.tensor(numerical, dtype=torch.bool),
            "sizes": sizes,
            "offsets": torch.cumsum(sizes + 2, 0) - sizes - 2,
        }
        for name, tensor in fixed.items():
            self.register_buffer(name, tensor, persistent=False)
        self.direction = nn.Parameter(torch.randn(len(columns), width) * width**-0.5)
        self.bias = nn.Parameter(torch.randn(len(columns), width) * width**-0.5)
        self.code = nn.Embedding(int((sizes + 2).sum()), width)
        nn.init.normal_(self.code.weight, std=width**-0.5)

    def forward(self, rows: Rows) -> Float[Tensor, "rows columns width"]:
        """The vector of every cell.

        Raises:
            ValueError: the encoder has no columns, or the rows have others.
        """
        if not self.columns:
            raise ValueError("columns: wanted at least one; a run takes them from its data")
        if rows.columns is not self.columns and rows.columns != self.columns:
            check_columns(self.columns, rows.columns)
            for ours, theirs in zip(self.columns, rows.columns, strict=True):
                if ours.categories != theirs.categories:
                    raise ValueError(
                        f"table: column {ours.name!r} is coded with other categories than the "
                        "encoder's: read the table with the encoder's columns"
                    )
        cells = rows.cells
        numbers = ((cells - self.shift) / self.scale).nan_to_num(0.0) * self.numerical
        scaled = numbers.to(self.direction.dtype)[..., None] * self.direction
        embedded: Tensor = scaled + self.bias + self.code(self._codes(cells))
        return embedded

    def _codes(self, cells: Tensor) -> Int[Tensor, "rows columns"]:
        """Rows of the embedding: missing, then present or unseen, then the categories."""
        missing = cells.isnan()
        category = cells.nan_to_num(0.0).long().clamp(min=-1)
        category = category.where(category < self.sizes, -1)
        within = torch.where(self.numerical, torch.ones_like(category), category + 2)
        return self.offsets + within.where(~missing, 0)
