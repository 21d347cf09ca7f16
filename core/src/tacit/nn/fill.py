"""What stands in for hidden tokens that are replaced: a learned token, another's, or themselves."""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from tacit.contract import Mask, Tokens


@dataclass(frozen=True, kw_only=True)
class Fill:
    """Shares of the hidden tokens that are not replaced by the encoder's learned token.

    They are asked for like all other hidden ones. BERT has 0.1 and 0.1, GMML a donor for all or
    for most of what it hides.

    Args:
        donor: share that takes the content of a token of another instance of the batch.
        keep: share that keeps its own content.

    Raises:
        ValueError: shares below 0, or above 1 together.
    """

    donor: float = 0.0
    keep: float = 0.0

    def __post_init__(self) -> None:
        if min(self.donor, self.keep) < 0 or self.donor + self.keep > 1:
            raise ValueError(
                f"fill: wanted shares of at least 0, at most 1 together; got donor={self.donor} "
                f"and keep={self.keep}"
            )

    @property
    def plain(self) -> bool:
        """Whether the learned token replaces all hidden ones."""
        return not (self.donor or self.keep)


def fill_hidden(
    tokens: Tokens, mask: Mask, fill: Fill, generator: torch.Generator
) -> tuple[Tokens, Mask]:
    """Tokens in which some hidden ones are another's, and the mask of those yet to be replaced.

    The donor of a dense token lies at the same place one instance further in the batch, so that
    what is hidden together comes from one instance; that of a packed one is any token of the batch.
    A donor that is padding, and a row that is its own donor, leave the learned token.

    Source: Atito et al. 2022 (arXiv 2205.14986) section 3.2, Sara-Ahmed/GMML, datasets/
    datasets_utils.py (`GMML_replace_list`); Devlin et al. 2019 (arXiv 1810.04805) section 3.1.
    Differs: content is exchanged after it is embedded, which is the same for an embedding of each
    token by itself; GMML also has noise in place of a donor.
    """
    draw = torch.rand(mask.hidden.shape, generator=generator, device=mask.hidden.device)
    kept = mask.hidden & (draw >= 1 - fill.keep)
    donors, there = _donors(tokens, generator)
    given = mask.hidden & (draw < fill.donor) & there
    values = torch.where(given[..., None], donors, tokens.values)
    return replace(tokens, values=values), Mask(mask.hidden & ~given & ~kept, mask.mode)


def _donors(
    tokens: Tokens, generator: torch.Generator
) -> tuple[Float[Tensor, "*tokens width"], Bool[Tensor, "*tokens"]]:
    values = tokens.values
    if values.ndim == 2:
        order = torch.randperm(values.shape[0], generator=generator, device=values.device)
        return values[order], torch.ones_like(order, dtype=torch.bool)
    rolled = values.roll(1, 0)
    if values.shape[0] == 1:
        return rolled, torch.zeros(values.shape[:2], dtype=torch.bool, device=values.device)
    if tokens.valid is None:
        return rolled, torch.ones(values.shape[:2], dtype=torch.bool, device=values.device)
    return rolled, tokens.valid.roll(1, 0)
