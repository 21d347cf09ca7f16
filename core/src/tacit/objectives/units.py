"""Tokens that belong together: hidden together, where an encoder's tokens come in units."""

from __future__ import annotations

import torch
from jaxtyping import Bool, Int
from torch import Tensor

from tacit.contract import Mask, Tokens
from tacit.nn import Hiding


def units_of(tokens: Tokens) -> tuple[Bool[Tensor, "batch tokens"], Int[Tensor, "batch tokens"]]:
    """Which of as many units as there are tokens exist in each row, and the unit of each token.

    Raises:
        ValueError: the encoder's tokens do not come in units.
    """
    if tokens.units is None or tokens.valid is None:
        raise ValueError(
            "units: the encoder's tokens do not come in units (Tokens.units); set units=false"
        )
    last = tokens.units.masked_fill(~tokens.valid, -1).amax(1, keepdim=True)
    places = torch.arange(tokens.units.shape[1], device=tokens.units.device)
    return places <= last, tokens.units


def spread(hiding: Hiding, tokens: Tokens, units: Int[Tensor, "batch tokens"]) -> Hiding:
    """What is hidden of units, as what is hidden of tokens."""
    assert tokens.valid is not None, "tokens that come in units say which are valid"
    hidden = hiding.mask.hidden.gather(1, units) & tokens.valid
    asked = hiding.asked.gather(1, units) & tokens.valid
    return Hiding(Mask(hidden, hiding.mask.mode), asked)
