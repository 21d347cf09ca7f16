"""Which tokens are hidden, and how."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias, get_args

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

MaskMode: TypeAlias = Literal["replace", "drop", "query"]
"""`replace`: hidden tokens enter the encoder as one learned token (SimMIM, BERT, GraphMAE).
`drop`: hidden tokens never enter it (MAE). `query`: they enter, may look, and may not be looked at
(MP3)."""

MASK_MODES: tuple[MaskMode, ...] = get_args(MaskMode)


@dataclass(frozen=True, eq=False)
class Mask:
    """Hidden tokens of one view and what the encoder is to do with them.

    Args:
        hidden: True where a token is hidden; `(batch, tokens)` for dense tokens, `(tokens,)` for
            packed ones.
        mode: what happens to the hidden tokens, see `MaskMode`.
        hidden_per_row: how many tokens each row hides, if all hide the same number. Dense tokens
            under `drop` need it: it fixes the kept length without reading the tensor back from the
            device.
        most: no row hides more tokens, where that is known without reading the tensor back: what is
            costly is then done for so many alone. Follows from `hidden_per_row`.

    Raises:
        ValueError: an unknown mode, or numbers outside `[0, tokens]`.
    """

    hidden: Bool[Tensor, "batch tokens"] | Bool[Tensor, " tokens"]
    mode: MaskMode
    hidden_per_row: int | None = None
    most: int | None = None

    def __post_init__(self) -> None:
        if self.mode not in MASK_MODES:
            raise ValueError(f"mask mode: wanted one of {', '.join(MASK_MODES)}; got {self.mode!r}")
        if self.most is None:
            object.__setattr__(self, "most", self.hidden_per_row)
        tokens = self.hidden.shape[-1]
        for name in ("hidden_per_row", "most"):
            number = getattr(self, name)
            if number is not None and not 0 <= number <= tokens:
                raise ValueError(
                    f"{name}: wanted 0 to {tokens} (the tokens of a row); got {number}"
                )

    def check(self, batch: int, tokens: int) -> None:
        """Refuse to hide dense tokens of another shape, or to leave nothing to look at.

        Raises:
            ValueError: wanted and got.
        """
        if tuple(self.hidden.shape) != (batch, tokens):
            raise ValueError(
                f"mask: wanted (batch, tokens) = ({batch}, {tokens}); "
                f"got {tuple(self.hidden.shape)}: sample it on the grid of this view, and give an "
                "encoder with a fixed grid views of that size"
            )
        if self.hidden_per_row == tokens and self.mode != "replace":
            raise ValueError(
                f"mask: {self.mode!r} hides all {tokens} tokens of a row: leave one visible"
            )

    def replaced(
        self,
        values: Float[Tensor, "batch tokens width"] | Float[Tensor, "tokens width"],
        token: Float[Tensor, " width"],
    ) -> Float[Tensor, "batch tokens width"] | Float[Tensor, "tokens width"]:
        """One vector in place of every hidden token."""
        return torch.where(self.hidden[..., None], token.to(values), values)

    def visible_index(self) -> Int[Tensor, "batch kept"]:
        """Positions of the visible tokens of each row, ascending; dense masks only.

        Raises:
            ValueError: the mask does not say how many tokens each row hides.
        """
        return self._split()[0]

    def hidden_index(self) -> Int[Tensor, "batch hidden"]:
        """Positions of the hidden tokens of each row, ascending; dense masks only.

        Raises:
            ValueError: the mask does not say how many tokens each row hides.
        """
        return self._split()[1]

    def _split(self) -> tuple[Tensor, Tensor]:
        if self.hidden.ndim != 2 or self.hidden_per_row is None:
            raise ValueError(
                "this needs a dense mask that hides the same number of tokens in every row: "
                "wanted hidden (batch, tokens) with hidden_per_row; "
                f"got {tuple(self.hidden.shape)} with {self.hidden_per_row}. "
                "Let the mask sampler set it."
            )
        order = torch.argsort(self.hidden.to(torch.uint8), dim=1, stable=True)
        kept = self.hidden.shape[1] - self.hidden_per_row
        return order[:, :kept], order[:, kept:]
