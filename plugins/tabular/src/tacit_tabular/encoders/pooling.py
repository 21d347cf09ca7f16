"""What encoders of whole rows have in common."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from functools import partial

from jaxtyping import Float
from torch import Tensor

from tacit.contract import Encoder, EncoderSpec, Encoding, Mask, Tokens
from tacit_tabular.encoders.target import CellTarget
from tacit_tabular.encoders.tokens import CellEmbedding
from tacit_tabular.modality import Rows
from tacit_tabular.schema import Column


class RowEncoder(Encoder):
    """All embedded cells of a row side by side, to one vector.

    Args:
        columns: of the table.
        cell: features of a cell.
        width: features of the vector.
    """

    def __init__(self, columns: tuple[Column, ...], cell: int, width: int) -> None:
        super().__init__()
        self.spec = EncoderSpec(
            modality="table",
            width=width,
            own_target=partial(CellTarget, columns),
            preprocessing=columns,
        )
        self.embed = CellEmbedding(columns, cell)
        self.entering = cell * max(1, len(columns))

    @abstractmethod
    def vector(self, cells: Float[Tensor, "rows entering"]) -> Float[Tensor, "rows width"]:
        """What the embedded cells of every row come to."""

    def forward(
        self, value: Rows | Tokens, *, mask: Mask | None = None, taps: Sequence[int] = ()
    ) -> Encoding:
        """Pool rows.

        Raises:
            ValueError: a mask, taps or tokens, of which such an encoder has none.
        """
        self.check_mask(mask)
        self.check_taps(taps)
        if isinstance(value, Tokens):
            raise ValueError(f"{type(self).__name__} only pools: it takes rows, not tokens")
        return Encoding(pooled=self.vector(self.embed(value).flatten(1)))
