"""Choices of components: a name and options, from whatever way they were spelt."""

from __future__ import annotations

import warnings
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from tacit.config import Component, Origin, resolve, write
from tacit.contract import Encoder
from tacit.data import GeneratedSource, Source, recognise
from tacit.methods import Recipe
from tacit.plugin import Catalogue, Offer, OfferImportError, load_plugins


@dataclass(frozen=True, kw_only=True)
class Chosen:
    """A component with its settings resolved.

    Args:
        offer: who offers it; None for an object handed over in Python.
        factory: called with `settings`, makes the component.
        settings: its configuration, defaults filled in.
        given: names of the settings the run gives itself.
    """

    offer: Offer | None
    factory: Any
    settings: Any
    given: frozenset[str] = frozenset()

    def make(self) -> Any:
        """The component itself."""
        return self.factory(self.settings)

    def component(self) -> Component:
        """The choice as run files spell it, with every option."""
        name = self.offer.name if self.offer else f"python:{self.factory.__name__}"
        return Component(name=name, options=write(self.settings) if self.offer else {})


@dataclass(frozen=True, kw_only=True)
class Given:
    """Objects handed over in Python, in place of names.

    Args:
        source: a data source that is already open.
        encoders: by modality.
    """

    source: Source | GeneratedSource | None = None
    encoders: Mapping[str, Encoder] | None = None

    @property
    def modalities(self) -> tuple[str, ...]:
        """The modalities of the given source."""
        return self.source.modalities if self.source else ()

    def chosen_source(self) -> Chosen | None:
        """The given source as a choice."""
        return _as_chosen(self.source)

    def chosen_encoder(self, modality: str) -> Chosen | None:
        """The given encoder as a choice."""
        return _as_chosen((self.encoders or {}).get(modality))


def _as_chosen(thing: Any) -> Chosen | None:
    if thing is None:
        return None

    def factory(_: object) -> Any:
        return thing

    factory.__name__ = type(thing).__name__
    return Chosen(offer=None, factory=factory, settings=None)


def settings_of(name: str) -> dict[str, object]:
    """The settings a method's or a recipe's name stands for.

    Raises:
        ValueError: neither a method nor a recipe has the name; with a suggestion.
    """
    catalogue = load_plugins()
    recipes = catalogue.offers("recipes")
    if name in {offer.name for offer in recipes} | {offer.word for offer in recipes}:
        offer = catalogue.find("recipes", name)
        recipe: Recipe = offer.load()()
        return {**recipe.settings, "recipe": offer.name}
    return {"method": catalogue.find("methods", name).name}


def named_data(data: object, wanted: Collection[str] = ()) -> dict[str, object]:
    """A path or a name as the table that spells it: the source's name, and its path if it has one.

    Args:
        data: as the user gave it.
        wanted: modalities the run is for, if that is known: see `wanted_modalities`.

    Raises:
        ValueError: nothing was given, or no source recognises it, or several do.
    """
    table = data_component(data, load_plugins(), wanted)
    name_of(table)
    return dict(table_of({"data": table}, "data"))


def with_data(options: object, data: str, wanted: Collection[str] = ()) -> dict[str, object]:
    """What the user gave as data, with options a recipe has for whatever data it is given.

    Options that belong to a source the recipe names are left behind with it.
    """
    kept = options if isinstance(options, Mapping) and "name" not in options else {}
    return {**kept, **named_data(data, wanted)}


def wanted_modalities(
    tree: Mapping[str, object],
    catalogue: Catalogue | None = None,
    given: Collection[str] = (),
) -> frozenset[str]:
    """The modalities that a run's method and encoders are for; none where both take any.

    Args:
        tree: the run's settings, short spellings allowed.
        catalogue: who offers methods and encoders; all that is installed if None.
        given: modalities of encoders handed over in Python.

    Raises:
        ValueError: an unknown method or encoder.
    """
    catalogue = catalogue or load_plugins()
    method = tree.get("method")
    spoken = catalogue.find("methods", method).modality if isinstance(method, str) else frozenset()
    encoders = frozenset(given) or _of_encoders(tree.get("encoder"), catalogue)
    return (spoken & encoders) or spoken or encoders


def _of_encoders(encoder: object, catalogue: Catalogue) -> frozenset[str]:
    """The modalities of an encoder by its name, or the keys of several."""
    if isinstance(encoder, Mapping):
        if "name" not in encoder:
            return frozenset(encoder) & frozenset(catalogue.modalities)
        encoder = encoder["name"]
    if not isinstance(encoder, str):
        return frozenset()
    return catalogue.find("encoders", encoder.partition(":")[0]).modality


def choose_source(
    catalogue: Catalogue, data: object, *, where: str | Origin, wanted: Collection[str] = ()
) -> Chosen:
    """A source by name, path or table, its options checked; not opened.

    Raises:
        ValueError: an unknown name, path or option.
    """
    table = data_component(data, catalogue, wanted)
    component = Component(
        name=name_of(table), options=without_name(table_of({"data": table}, "data"))
    )
    return choose(catalogue, "sources", component, "data", where)


def choose(
    catalogue: Catalogue, kind: str, component: Component, path: str, where: str | Origin
) -> Chosen:
    """Load an offer and read the component's options into its settings."""
    name, _, argument = component.name.partition(":")
    offer = catalogue.find(kind, name)
    factory = offer.load()
    options = dict(component.options)
    if argument:
        shorthand = getattr(factory, "shorthand", None)
        if shorthand is None:
            raise ValueError(f"{path}: {offer.name} takes nothing after ':'; got {argument!r}")
        options[shorthand] = argument
    full = Component(name=offer.name, options=options)
    settings = resolve(full, factory.Config, path=path, where=where)
    return Chosen(offer=offer, factory=factory, settings=settings, given=frozenset(options))


def data_component(data: object, catalogue: Catalogue, wanted: Collection[str] = ()) -> object:
    """What follows `--data`: the name of a source, or something one of them recognises."""
    if not isinstance(data, str):
        return data
    known = {offer.name: offer for offer in catalogue.offers("sources")}
    if data in known or data in {offer.word for offer in known.values()}:
        return {"name": catalogue.find("sources", data).name}
    sources = _that_load(known)
    name = recognise(data, sources, wanted=wanted, advice=catalogue.advice(data))
    found = sources[name]
    assert issubclass(found, Source), "nothing else recognises anything"
    return {"name": name, **found.options(data)}


def _that_load(offers: Mapping[str, Offer]) -> dict[str, Any]:
    """What can be imported; what cannot is named, and is no reason not to ask the others."""
    there = {}
    for name, offer in offers.items():
        try:
            there[name] = offer.load()
        except OfferImportError as error:
            warnings.warn(f"left out: {error}", RuntimeWarning, stacklevel=2)
    return there


def name_of(data: object) -> str:
    """The name of a component's table.

    Raises:
        ValueError: it has none.
    """
    name = data.get("name") if isinstance(data, Mapping) else None
    if not isinstance(name, str):
        raise ValueError(
            "data: wanted a path, or the name of a source (tacit list sources); got "
            f"{'nothing' if data is None else data!r}"
        )
    return name


def table_of(tree: Mapping[str, object], key: str) -> Mapping[str, Any]:
    """The table under a key; empty if there is none.

    Raises:
        ValueError: something else is there.
    """
    value = tree.get(key, {})
    if not isinstance(value, Mapping):
        raise ValueError(f"{key}: wanted a table; got {value!r}")
    return value


def without_name(choice: Mapping[str, object]) -> dict[str, object]:
    """The options of a component's table."""
    return {key: value for key, value in choice.items() if key != "name"}
