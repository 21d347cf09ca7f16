"""Offers that need no settings, made ready to be tried: encoders small, data embedded."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import MISSING, fields, replace
from typing import Any

from tacit.contract import Batch, Encoder, Modality
from tacit.data import Source
from tacit.plugin import Catalogue, Offer

_TINY: Mapping[str, Any] = {"width": 16, "depth": 2, "heads": 2, "blocks": (1,)}


class Grouped(Source):
    """A source with groups, for methods that want some: neighbours in pairs, or its own."""

    def __init__(self, source: Source) -> None:
        self.source, self.modalities = source, source.modalities
        self.whole, self.decodes = source.whole, source.decodes

    def __len__(self) -> int:
        return len(self.source)

    def fingerprint(self) -> str:
        """See `Source.fingerprint`."""
        return self.source.fingerprint()

    def fetch(self, indices: Sequence[int]) -> Batch:
        """See `Source.fetch`."""
        batch = self.source.fetch(indices)
        return batch if batch.group is not None else replace(batch, group=batch.index // 2)

    def labels(self) -> Any:
        """See `Source.labels`."""
        return self.source.labels()

    def groups(self) -> Any:
        """See `Source.groups`."""
        import torch

        own = self.source.groups()
        return torch.arange(len(self)) // 2 if own is None else own


def required(offer: Offer) -> list[str]:
    """Names of the settings without which the component of an offer cannot be made."""
    config = getattr(offer.load(), "Config", None)
    if config is None:
        return []
    return [f.name for f in fields(config) if f.default is f.default_factory is MISSING]


def embedded(catalogue: Catalogue, modality: str) -> Source | None:
    """The first source of a modality that opens with no settings: no path, no network."""
    for offer in catalogue.offers("sources"):
        if offer.modality == {modality} and not required(offer) and _ends(offer):
            source: Source = offer.load()(offer.load().Config())
            return source
    return None


def _ends(offer: Offer) -> bool:
    """Whether a source is data of a known size, and not made without end."""
    return isinstance(offer.load(), type) and issubclass(offer.load(), Source)


def modality_of(catalogue: Catalogue, word: str) -> Modality | None:
    """The description of a modality, if somebody offers it."""
    for offer in catalogue.offers("modalities"):
        if offer.word == word:
            modality: Modality = offer.load()()
            return modality
    return None


def encoder_maker(offer: Offer, suggested: Mapping[str, object]) -> Callable[[], Encoder]:
    """What makes the encoder of an offer, small and with what the data decide."""
    factory = offer.load()
    config = factory.Config
    known = {f.name: f.default for f in fields(config)}
    own = {key: value for key, value in suggested.items() if key in known}
    tiny = {key: value for key, value in _TINY.items() if type(known.get(key)) is type(value)}
    try:
        settings = config(**(own | tiny))
    except ValueError:
        settings = config(**own)

    def make() -> Encoder:
        encoder: Encoder = factory(settings)
        return encoder

    return make
