"""What a code stands for, with the distribution of its values in the training bags."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

KNOTS = 33
"""Quantiles kept of each code: steps of 1/32 of its training values."""


@dataclass(frozen=True, kw_only=True)
class Code:
    """One code, and what its values in the training bags say of it.

    Args:
        name: unique in its vocabulary.
        quantiles: of its values, at even steps from the least to the greatest, ascending; empty
            where none is known.

    Raises:
        ValueError: quantiles that are a single one, or not ascending.
    """

    name: str
    quantiles: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        if len(self.quantiles) == 1 or list(self.quantiles) != sorted(self.quantiles):
            raise ValueError(f"code {self.name!r}: wanted ascending quantiles, at least 2 or none")


def fitted(codes: Sequence[str], values: np.ndarray) -> tuple[Code, ...]:
    """The vocabulary of the items of training bags, in alphabetical order.

    Args:
        codes: of every item.
        values: of every item, NaN where it is missing.
    """
    names, number = np.unique(np.asarray(codes, dtype=str), return_inverse=True)
    order = np.argsort(number, kind="stable")
    parts = np.split(values[order], np.cumsum(np.bincount(number, minlength=len(names)))[:-1])
    return tuple(
        Code(name=str(name), quantiles=_quantiles(part[~np.isnan(part)]))
        for name, part in zip(names, parts, strict=True)
    )


def _quantiles(values: np.ndarray) -> tuple[float, ...]:
    if not len(values):
        return ()
    return tuple(np.quantile(values, np.linspace(0.0, 1.0, KNOTS)).tolist())


def knots_of(codes: Sequence[Code]) -> Float[Tensor, "codes knots"]:
    """The quantiles of every code, as many for each; one without values has those of [0, 1]."""
    most = max((len(code.quantiles) for code in codes), default=0) or 2
    places = np.linspace(0.0, 1.0, most)
    rows = [
        np.interp(places, np.linspace(0.0, 1.0, len(code.quantiles)), code.quantiles)
        if code.quantiles
        else places
        for code in codes
    ]
    return torch.tensor(np.array(rows).reshape(len(rows), most), dtype=torch.float64)


def normalised(
    codes: Int[Tensor, "bags items"],
    values: Float[Tensor, "bags items"],
    knots: Float[Tensor, "codes knots"],
) -> Float[Tensor, "bags items"]:
    """The share of the training values of its code that lie at or below each value.

    0 below the least and 1 from the greatest on; on a line between two quantiles. Missing values
    stay NaN; those of codes that are not in the vocabulary become NaN.

    Source: Bellamy et al. 2023 (arXiv 2312.11502), Labrador, section 3.1. Where we differ: the
    empirical distribution is kept at as many places as there are knots, where the authors keep
    every value.
    """
    known = (codes >= 0) & ~values.isnan()
    if not knots.shape[0]:
        return torch.full_like(values, torch.nan)
    steps = knots[codes.clamp(min=0)]
    last = knots.shape[1] - 1
    above = (steps <= values[..., None]).sum(-1, keepdim=True).clamp(1, last)
    low, high = steps.gather(-1, above - 1)[..., 0], steps.gather(-1, above)[..., 0]
    way = torch.where(high > low, (values - low) / (high - low), (values >= high).to(values.dtype))
    share = (above[..., 0] - 1 + way.clamp(0.0, 1.0)) / last
    return share.where(known, torch.nan)
