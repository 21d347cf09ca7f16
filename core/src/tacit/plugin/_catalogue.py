"""What is offered, by whom, and how to find it by name."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Sequence

import pluggy

from tacit.deprecation import TacitDeprecationWarning
from tacit.plugin._discovery import CORE
from tacit.plugin._grid import Cell, fit
from tacit.plugin._hooks import KINDS
from tacit.plugin._lifecycle import Lifecycle
from tacit.plugin._missing import install_command, missing_extras
from tacit.plugin._offer import Offer
from tacit.plugin._plugin import Plugin, PluginError
from tacit.plugin._suggest import did_you_mean


class Catalogue:
    """Everything the core and the installed plugins offer; made by :func:`load_plugins`."""

    def __init__(self, *, plugins: Sequence[Plugin], manager: pluggy.PluginManager) -> None:
        self.plugins = tuple(plugins)
        """Every installed plugin, the core first; also the broken and those left out."""
        self._manager = manager
        # Asked hundreds of times for one grid; what is installed does not change under us.
        self._by_kind = {
            kind: tuple(offer for plugin in self.plugins for offer in plugin.offers.get(kind, ()))
            for kind in KINDS
        }
        self._suiting: dict[tuple[str, str], tuple[Offer, ...]] = {}
        self._modalities = tuple(sorted({offer.word for offer in self._by_kind["modalities"]}))

    @property
    def broken(self) -> tuple[Plugin, ...]:
        """The plugins that were refused."""
        return tuple(plugin for plugin in self.plugins if plugin.state == "broken")

    @property
    def missing(self) -> dict[str, str]:
        """Plugins of the core's extras that are not installed, and what installs each."""
        extras = missing_extras([plugin.name for plugin in self.plugins])
        return {extra: install_command([extra]) for extra in extras}

    @property
    def modalities(self) -> tuple[str, ...]:
        """The words of the modalities that are offered, in alphabetical order."""
        return self._modalities

    def offers(self, kind: str, modality: str | None = None) -> tuple[Offer, ...]:
        """The offers of one kind, the core's first, then by plugin in the plugin's own order.

        Args:
            kind: one of :data:`KINDS`.
            modality: only what is for this modality or for any; None for all.

        Raises:
            ValueError: if no such kind exists or nobody offers the modality.
        """
        if kind not in KINDS:
            raise ValueError(
                f"kind: wanted one of {', '.join(KINDS)}; got {kind!r}{did_you_mean(kind, KINDS)}"
            )
        if modality is None:
            return self._by_kind[kind]
        if (kind, modality) not in self._suiting:
            self._check_modality(modality)
            suiting = tuple(offer for offer in self._by_kind[kind] if offer.suits(modality))
            self._suiting[kind, modality] = suiting
        return self._suiting[kind, modality]

    def find(self, kind: str, name: str) -> Offer:
        """The offer of this name.

        Args:
            kind: one of :data:`KINDS`.
            name: the full name, or its last part while only one offer has it. The core's own
                names are full, so no plugin can take them over.

        Raises:
            ValueError: if there is none or there are several.
            PluginError: if the plugin in front of the name is broken or left out.
        """
        offers = self.offers(kind)
        by_name = {offer.name: offer for offer in offers}
        if name in by_name:
            return by_name[name]
        matches = [offer for offer in offers if offer.word == name]
        if renamed := [offer for offer in offers if name in offer.formerly and not matches]:
            offer = _the_one(renamed, f"{kind}: {name!r}")
            told = f"{name} is now called {offer.name}; the former name will go: use the new one"
            warnings.warn(told, TacitDeprecationWarning, stacklevel=2)
            return offer
        if not matches:
            raise self._unknown(kind, name, offers)
        return _the_one(matches, f"{kind}: {name!r}")

    def policy(self, policy: str, modality: str) -> Offer:
        """The augmentation that makes the views of a policy for a modality.

        If several do, the one of the plugin that offers the modality itself is taken: installing
        a package must not change what an existing run does.

        Args:
            policy: such as ``two-views``.
            modality: the modality's word.

        Raises:
            ValueError: if there is none, or several and none of them comes with the modality.
        """
        offers = self.offers("augmentations", modality)
        matches = [offer for offer in offers if f"views:{policy}" in offer.provides]
        if not matches:
            known = _policies(offers)
            raise ValueError(
                f"no augmentation makes {policy!r} views for {modality!r}"
                f"{did_you_mean(policy, known)} (it has: {', '.join(known) or 'none'})"
            )
        hosts = {offer.owner for offer in self.offers("modalities") if offer.modality == {modality}}
        at_home = [offer for offer in matches if offer.owner in hosts]
        return _the_one(at_home or matches, f"views {policy!r} for {modality!r}")

    def grid(self) -> tuple[Cell, ...]:
        """Which method runs on which modality, or what it lacks; method by method."""
        return tuple(cell for method in self.offers("methods") for cell in self.row(method))

    def row(self, method: Offer) -> tuple[Cell, ...]:
        """On which modalities one method runs, or what it lacks."""
        return tuple(
            fit(
                method,
                modality,
                modalities=self.offers("modalities", modality),
                encoders=self.offers("encoders", modality),
                augmentations=self.offers("augmentations", modality),
            )
            for modality in self.modalities
        )

    def plugin(self, name: str) -> Plugin:
        """The loaded plugin of this name; ``tacit`` is the core.

        Raises:
            ValueError: if it is not installed.
            PluginError: if it is broken or left out.
        """
        matches = [plugin for plugin in self.plugins if plugin.name == name]
        usable = [plugin for plugin in matches if plugin.state == "ok"]
        if usable:
            return usable[0]
        if matches:
            raise PluginError(matches[0])
        names = [plugin.name for plugin in self.plugins]
        raise ValueError(
            f"no plugin {name!r} is installed{did_you_mean(name, names)}"
            f" (installed: {', '.join(names)})"
        )

    def versions(self, names: Iterable[str]) -> dict[str, str]:
        """The versions of the distributions of the named plugins, for the record of a run.

        Args:
            names: names of plugins, as in ``offer.owner.plugin``. The core is always included.

        Returns:
            Distribution to version, in alphabetical order.
        """
        owners = [self.plugin(name).owner for name in {CORE, *names}]
        return dict(sorted((owner.distribution, owner.version) for owner in owners))

    def lifecycle(self, names: Iterable[str]) -> Lifecycle:
        """The lifecycle hooks of the named plugins.

        Args:
            names: names of plugins: those whose offers the run uses and those it asks for.
        """
        return Lifecycle(self._manager, [self.plugin(name) for name in dict.fromkeys(names)])

    def _check_modality(self, modality: str) -> None:
        known = self.modalities
        if modality not in known:
            raise ValueError(
                f"modality: wanted one of {', '.join(known) or '(no plugin offers any)'};"
                f" got {modality!r}{did_you_mean(modality, known)}{self._refused_note()}"
                f"{self._missing_note()}"
            )

    def _unknown(self, kind: str, name: str, offers: Sequence[Offer]) -> ValueError:
        front = name.partition("/")[0] if "/" in name else ""
        usable = [plugin.name for plugin in self.plugins if plugin.state == "ok"]
        for plugin in self.plugins:
            if plugin.name == front and front not in usable:
                return PluginError(plugin)
        known = [offer.name for offer in offers] + [offer.word for offer in offers]
        return ValueError(
            f"{kind}: nothing is called {name!r}{self.advice(name) or did_you_mean(name, known)}"
            f" (see: tacit list {kind}){self._refused_note()}"
        )

    def advice(self, name: str) -> str:
        """What to install for a name whose plugin is not there, as the end of a sentence; or ''."""
        front = name.partition("/")[0]
        if front == name or any(plugin.name == front for plugin in self.plugins):
            return ""
        command = self.missing.get(front)
        return f": plugin {front!r} is not installed; try: {command}" if command else ""

    def _refused_note(self) -> str:
        names = sorted({plugin.name for plugin in self.plugins if plugin.state != "ok"})
        return f"; not loaded: {', '.join(names)} (see: tacit doctor)" if names else ""

    def _missing_note(self) -> str:
        missing = self.missing
        return f"; not installed: {', '.join(missing)} (see: tacit list)" if missing else ""


def _the_one(matches: Sequence[Offer], what: str) -> Offer:
    if len(matches) > 1:
        names = ", ".join(f"{offer.name} ({offer.owner})" for offer in matches)
        raise ValueError(f"{what} could be any of {names}; give the full name")
    return matches[0]


def _policies(offers: Iterable[Offer]) -> list[str]:
    words = {word for offer in offers for word in offer.provides if word.startswith("views:")}
    return sorted(word.removeprefix("views:") for word in words)
