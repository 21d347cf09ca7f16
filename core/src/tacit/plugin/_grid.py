"""Whether a method runs on a modality, told from capability words alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from tacit.plugin._offer import Offer

_VIEWS = "views:"
_MIX = "mix"
_PAIRS = "pairs"
_FROM_ELSEWHERE = frozenset({"teacher", "groups", "instances", _MIX, _PAIRS})


@dataclass(frozen=True, kw_only=True)
class Cell:
    """One method on one modality."""

    method: str
    """The method's full name."""
    modality: str
    """The modality's word."""
    lacks: tuple[str, ...] = ()
    """What is missing, in words for people; empty if the method runs."""

    @property
    def fits(self) -> bool:
        """Whether the method runs on the modality."""
        return not self.lacks


def fit(
    method: Offer,
    modality: str,
    *,
    modalities: Sequence[Offer],
    encoders: Sequence[Offer],
    augmentations: Sequence[Offer],
) -> Cell:
    """Match what a method requires with what the encoders and views of a modality provide.

    View policies may come from different augmentations; everything else must come from one
    encoder, since a run has one. Mixing comes from the modality; the core supplies teachers.
    """
    if not method.suits(modality):
        only = f"it is for {', '.join(sorted(method.modality))} only"
        return Cell(method=method.name, modality=modality, lacks=(only,))
    views = [word for word in method.requires if word.startswith(_VIEWS)]
    lacks = [
        f"no {word.removeprefix(_VIEWS)} views"
        for word in views
        if not any(word in offer.provides for offer in augmentations)
    ]
    if _MIX in method.requires and not any(_MIX in offer.provides for offer in modalities):
        lacks.append("values that do not mix")
    if _PAIRS in method.requires:
        lacks.append("it joins two modalities or more")
    needed = [word for word in method.requires if word not in {*views, *_FROM_ELSEWHERE}]
    lacks += _missing_encoder(needed, encoders)
    return Cell(method=method.name, modality=modality, lacks=tuple(lacks))


def _missing_encoder(needed: Sequence[str], encoders: Sequence[Offer]) -> list[str]:
    wanted = set(needed)
    if any(wanted.issubset(encoder.provides) for encoder in encoders):
        return []
    return [f"no encoder with {' and '.join(needed)}" if needed else "no encoder"]
