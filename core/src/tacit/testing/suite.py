"""From a package to the cases that its offers have to pass."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from functools import cache
from typing import Any

from tacit.contract import Modality
from tacit.data import Source
from tacit.plugin import Catalogue, Offer, Plugin, load_plugins
from tacit.testing.augmentations import AUGMENTATIONS, AugmentationSubject
from tacit.testing.check import TRIED, Case, Check, Report
from tacit.testing.data import (
    MODALITIES,
    PROBES,
    SOURCES,
    ModalitySubject,
    ProbeSubject,
    SourceSubject,
    made_from,
    suggestions,
)
from tacit.testing.encoder_subject import EncoderSubject
from tacit.testing.encoders import ENCODERS
from tacit.testing.engine import MethodSubject
from tacit.testing.methods import DECLARED, METHODS
from tacit.testing.offers import embedded, encoder_maker, modality_of, required
from tacit.testing.plugins import PLUGINS, PluginSubject, module_of
from tacit.testing.toy import Signal, Signals


def cases(package: str, *, quick: bool = False) -> list[Case]:
    """The checks of everything an installed package offers.

    As a package's whole test of conformance:

        @pytest.mark.parametrize("case", tacit.testing.cases("acme-whiten"), ids=str)
        def test_conforms(case):
            case()

    Args:
        package: name of a distribution or of its plugin; `tacit` is the core.
        quick: leave out the checks that take seconds.

    Raises:
        ValueError: no such plugin is installed.
    """
    catalogue = load_plugins()
    plugin = _plugin(catalogue, package)
    module = module_of(plugin)
    subject = PluginSubject(plugin=plugin, module=module, catalogue=catalogue)
    found = [Case("plugins", plugin.name, check, subject) for check in PLUGINS]
    parts = _Parts(catalogue)
    for kind, build in parts.builders().items():
        for offer in plugin.offers.get(kind, ()):
            found += build(offer)
    return [case for case in found if not (quick and case.check.slow)]


def conformance(package: str, *, quick: bool = False, floor: float = 0.5) -> Report:
    """Run the checks of a package; what `tacit check` prints.

    Args:
        package: name of a distribution or of its plugin.
        quick: leave out the checks that take seconds.
        floor: smallest share of the checks that must have run.

    Raises:
        ValueError: no such plugin is installed.
    """
    return Report([case.result() for case in cases(package, quick=quick)], floor)


class _Parts:
    """What the offers of a catalogue are tried with."""

    def __init__(self, catalogue: Catalogue) -> None:
        self.catalogue = catalogue
        self.source = cache(self._source)

    def builders(self) -> dict[str, Callable[[Offer], list[Case]]]:
        """What makes the cases of an offer, by its kind."""
        return {
            "modalities": self.modality,
            "encoders": self.encoder,
            "augmentations": self.augmentation,
            "methods": self.method,
            "sources": self.data,
            "probes": self.probe,
        }

    def _source(self, word: str) -> Source | None:
        return embedded(self.catalogue, word)

    def _tried_with(self, offer: Offer) -> tuple[Modality | None, Source | None]:
        if not offer.modality:
            return Signal(), Signals()
        if len(offer.modality) != 1:
            return None, None
        word = next(iter(offer.modality))
        return modality_of(self.catalogue, word), self.source(word)

    def encoder(self, offer: Offer) -> list[Case]:
        if needs := required(offer):
            return [_untried("encoders", offer, needs)]
        modality, source = self._tried_with(offer)
        subject = EncoderSubject(
            make=encoder_maker(offer, suggestions(modality, source)),
            values=_values(modality, source),
            whole=source is not None and source.whole,
            declared=frozenset(offer.provides),
        )
        return _every("encoders", offer, ENCODERS, subject)

    def augmentation(self, offer: Offer) -> list[Case]:
        if needs := required(offer):
            return [_untried("augmentations", offer, needs)]
        modality, source = self._tried_with(offer)
        subject = AugmentationSubject(make=made_from(offer), values=_values(modality, source))
        return _every("augmentations", offer, AUGMENTATIONS, subject)

    def method(self, offer: Offer) -> list[Case]:
        only = ", ".join(sorted(offer.modality))
        subject = MethodSubject(
            make=offer.load(),
            requires=frozenset(offer.requires),
            foreign=f"it is for {only} only" if only else "",
        )
        found = _every("methods", offer, METHODS[:DECLARED], subject)
        for number, stage in enumerate(() if only else offer.load()().stages):
            name = f"{offer.name} ({stage.name})" if number else offer.name
            staged = replace(subject, number=number)
            found += [Case("methods", name, check, staged) for check in METHODS[DECLARED:]]
        return found

    def modality(self, offer: Offer) -> list[Case]:
        subject = ModalitySubject(
            modality=offer.load()(),
            source=self.source(offer.word),
            provides=frozenset(offer.provides),
            catalogue=self.catalogue,
        )
        return _every("modalities", offer, MODALITIES, subject)

    def data(self, offer: Offer) -> list[Case]:
        if needs := required(offer):
            return [_untried("sources", offer, needs)]
        if not (isinstance(offer.load(), type) and issubclass(offer.load(), Source)):
            return [_untried("sources", offer, ["an end: it is generated"])]
        return _every("sources", offer, SOURCES, SourceSubject(make=cache(made_from(offer))))

    def probe(self, offer: Offer) -> list[Case]:
        return _every("probes", offer, PROBES, ProbeSubject(make=made_from(offer)))


def _plugin(catalogue: Catalogue, package: str) -> Plugin:
    def plain(name: str) -> str:
        return name.lower().replace("_", "-").replace(".", "-")

    for plugin in catalogue.plugins:
        if plain(package) in (plain(plugin.name), plain(plugin.owner.distribution)):
            return plugin
    known = ", ".join(f"{p.owner.distribution} ({p.name})" for p in catalogue.plugins)
    raise ValueError(f"no plugin {package!r} is installed; there are: {known}")


def _values(modality: Modality | None, source: Source | None) -> Callable[[Any], Any] | None:
    if modality is None or source is None:
        return None
    return lambda indices: source.fetch(list(indices)).values[modality.name]


def _every(kind: str, offer: Offer, checks: Iterable[Check], thing: Any) -> list[Case]:
    return [Case(kind, offer.name, check, thing) for check in checks]


def _untried(kind: str, offer: Offer, needs: list[str]) -> Case:
    return Case(kind, offer.name, TRIED, needs)


def failures(found: Iterable[Case]) -> Iterator[str]:
    """The names of the checks that fail, for tests of what a check catches."""
    return (case.check.name for case in found if case.result().state == "failed")
