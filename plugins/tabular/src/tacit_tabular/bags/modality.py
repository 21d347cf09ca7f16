"""Bags as a modality: an instance is a set of items, each a code with a value."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Bool, Float, Int, Shaped
from torch import Tensor

from tacit.contract import Modality
from tacit_tabular.bags.codes import Code, knots_of, normalised


@dataclass(frozen=True, kw_only=True, eq=False)
class Bags:
    """Sets of items of any size, padded to the largest; the order of items means nothing.

    Args:
        codes: which entry of the vocabulary an item is; minus one where it is none of them.
        values: numbers as they are, NaN where one is missing. Double precision, as in tables.
        valid: False where there is no item; every bag has at least one.
        vocabulary: what the codes mean.
    """

    codes: Int[Tensor, "bags items"]
    values: Float[Tensor, "bags items"]
    valid: Bool[Tensor, "bags items"]
    vocabulary: tuple[Code, ...]

    def to(self, device: torch.device, non_blocking: bool = False) -> Bags:
        """The bags on another device."""
        return Bags(
            codes=self.codes.to(device, non_blocking=non_blocking),
            values=self.values.to(device, non_blocking=non_blocking),
            valid=self.valid.to(device, non_blocking=non_blocking),
            vocabulary=self.vocabulary,
        )

    def kept(self, valid: Bool[Tensor, "bags items"]) -> Bags:
        """The bags with these of their items alone."""
        return Bags(
            codes=self.codes,
            values=self.values,
            valid=self.valid & valid,
            vocabulary=self.vocabulary,
        )

    def padded(self, items: int) -> Bags:
        """The same bags with room for more items."""
        more = (0, items - self.codes.shape[1])
        return Bags(
            codes=torch.nn.functional.pad(self.codes, more, value=-1),
            values=torch.nn.functional.pad(self.values, more, value=torch.nan),
            valid=torch.nn.functional.pad(self.valid, more, value=False),
            vocabulary=self.vocabulary,
        )


class Bag(Modality):
    """Sets of codes with values."""

    name = "bag"
    default_encoder = "tabular/bag-transformer"

    def collate(self, samples: Sequence[Any]) -> Bags:
        """Bags of one vocabulary as one value.

        Raises:
            ValueError: no samples, or vocabularies that differ.
        """
        whole = self.concatenate(samples) if samples else None
        if whole is None:
            raise ValueError("bag: wanted bags of one vocabulary; got none, or of several")
        return whole

    def size(self, value: Bags) -> int:
        """Bags of a value."""
        return int(value.codes.shape[0])

    def concatenate(self, values: Sequence[Bags]) -> Bags | None:
        """Values as one, or None where their vocabularies differ."""
        if any(value.vocabulary != values[0].vocabulary for value in values):
            return None
        most = max(value.codes.shape[1] for value in values)
        wide = [value.padded(most) for value in values]
        return Bags(
            codes=torch.cat([value.codes for value in wide]),
            values=torch.cat([value.values for value in wide]),
            valid=torch.cat([value.valid for value in wide]),
            vocabulary=values[0].vocabulary,
        )

    def raw_features(self, value: Bags) -> Float[Tensor, "bags features"]:
        """A column a code twice: its value as a share of the training values, and how often it is.

        A value is the mean where a code occurs several times, less a half, and 0 where there is
        none: what a table of all codes would hold.
        """
        vocabulary = value.vocabulary
        knots = knots_of(vocabulary).to(value.values.device)
        shares = normalised(value.codes, value.values, knots)
        there = value.valid & (value.codes >= 0)
        known = there & ~shares.isnan()
        count, valued, total = (
            _by_code(each, value.codes, len(vocabulary))
            for each in (there, known, (shares.nan_to_num(0.0) - 0.5).where(known, 0.0))
        )
        return torch.cat([total / valued.clamp(min=1), count], dim=1)

    def suggest(self, value: Bags) -> Mapping[str, object]:
        """The vocabulary and its distributions."""
        return {"codes": value.vocabulary}

    def fit(self, preprocessing: object | None, value: Bags) -> None:
        """Refuse bags of another vocabulary than an encoder was fitted on.

        Raises:
            ValueError: which codes are missing or new.
        """
        if preprocessing is not None:
            assert isinstance(preprocessing, tuple)
            check_vocabulary(preprocessing, value.vocabulary)


def _by_code(
    items: Shaped[Tensor, "bags items"], codes: Int[Tensor, "bags items"], size: int
) -> Float[Tensor, "bags codes"]:
    """The sum over the items of each code."""
    summed = torch.zeros(len(codes), size, device=codes.device)
    return summed.scatter_add_(1, codes.clamp(min=0), items.float())


def check_vocabulary(wanted: Sequence[Code], got: Sequence[Code]) -> None:
    """Refuse bags that are coded otherwise.

    Raises:
        ValueError: which codes are missing or new, the first few.
    """
    names, there = [code.name for code in wanted], [code.name for code in got]
    if names != there:
        missing = sorted(set(names) - set(there))[:5]
        new = sorted(set(there) - set(names))[:5]
        raise ValueError(
            f"bag: wanted the {len(names)} codes the encoder was fitted on, in their order; got "
            f"{len(there)} (missing {missing}, new {new}): read the bags with the encoder's codes"
        )
