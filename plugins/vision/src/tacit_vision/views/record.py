"""The record of one view: everything that was drawn, so that it can be read and done again."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields, is_dataclass
from typing import Any, TypeVar

from jaxtyping import Bool, Float
from torch import Tensor

from tacit_vision.views.colour import Jitter
from tacit_vision.views.geometry import Crop

T = TypeVar("T")


@dataclass(frozen=True, kw_only=True)
class Record:
    """What was done to each image of a batch, in this order.

    Attributes:
        crop: box and mirroring.
        jitter: colour jitter; None where the recipe has none, as below.
        grayscale: true where the colour was removed.
        blur_sigma: in pixels of the view, 0 where it stayed sharp.
        solarise: true where values from 0.5 upwards were inverted.
    """

    crop: Crop
    jitter: Jitter | None = None
    grayscale: Bool[Tensor, " batch"] | None = None
    blur_sigma: Float[Tensor, " batch"] | None = None
    solarise: Bool[Tensor, " batch"] | None = None

    def meta(self) -> dict[str, Tensor]:
        """The record as a view's ``meta``: flat, one tensor with a row per image for each key.

        Keys: ``crop`` (top, left, height, width in pixels of the input) and ``flip``; with
        jitter also ``jitter`` (was it drawn), ``brightness``, ``contrast``, ``saturation``,
        ``hue`` and ``order``; ``grayscale``, ``blur_sigma`` and ``solarise`` where the recipe
        has them.
        """
        meta = {"crop": self.crop.box, "flip": self.crop.flip}
        if self.jitter is not None:
            meta["jitter"] = self.jitter.applied
            meta |= {name: getattr(self.jitter, name) for name in _FACTORS}
        optional = {name: getattr(self, name) for name in _OPTIONAL}
        return meta | {name: value for name, value in optional.items() if value is not None}

    @classmethod
    def from_meta(cls, meta: Mapping[str, Any]) -> Record:
        """The record a view's ``meta`` came from; other keys are left aside."""
        jitter = None
        if "jitter" in meta:
            factors = {name: meta[name] for name in _FACTORS}
            jitter = Jitter(applied=meta["jitter"], **factors)
        return cls(
            crop=Crop(box=meta["crop"], flip=meta["flip"]),
            jitter=jitter,
            **{name: meta.get(name) for name in _OPTIONAL},
        )


_FACTORS = ("brightness", "contrast", "saturation", "hue", "order")
_OPTIONAL = ("grayscale", "blur_sigma", "solarise")


def select(record: T, rows: Tensor | slice) -> T:
    """The same record for some of its images, in the order given; None stays None."""
    if record is None:
        return record
    chosen: dict[str, Any] = {}
    for name in (item.name for item in fields(record)):  # type: ignore[arg-type]
        value = getattr(record, name)
        if is_dataclass(value):
            value = select(value, rows)
        elif value is not None:
            value = value[rows]
        chosen[name] = value
    return type(record)(**chosen)
