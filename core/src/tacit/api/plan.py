"""From a run's settings to its parts: every name resolved, every option checked, no data read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any

import torch

from tacit.api.config import Plugins, RunConfig, check_keys, merge, normalise
from tacit.config import Component, Origin, read, resolve, write
from tacit.contract import (
    Augmentation,
    Encoder,
    Modality,
    ModelAugmentation,
    Objective,
    derive,
)
from tacit.data import GeneratedSource, Source, recognise
from tacit.methods import Method, Recipe, Stage
from tacit.methods.compose import check, composition
from tacit.plugin import Catalogue, Offer, load_plugins
from tacit.training.settings import Training


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
class StagePlan:
    """One stage, resolved.

    Args:
        stage: the method's own description.
        objective: the settings of its objective.
        views: by modality.
        training: how long, how large, how precise.
    """

    stage: Stage
    objective: Any
    views: Mapping[str, Chosen]
    training: Training

    def build_objective(self) -> Objective:
        """The objective, not yet built for encoders."""
        objective: Objective = self.stage.objective(self.objective)
        return objective

    def augmentations(self) -> dict[str, Augmentation | ModelAugmentation]:
        """The augmentations, by modality."""
        return {modality: chosen.make() for modality, chosen in self.views.items()}


@dataclass(frozen=True, kw_only=True)
class Plan:
    """A run, resolved.

    Args:
        config: the settings with every default filled in; what `run.toml` holds.
        method: the method.
        modalities: by name.
        source: the data, not yet opened.
        encoders: by modality, not yet made.
        stages: in order.
        catalogue: the plugins it was resolved with.
    """

    config: RunConfig
    method: Method
    modalities: Mapping[str, Modality]
    source: Chosen
    encoders: Mapping[str, Chosen]
    stages: tuple[StagePlan, ...]
    catalogue: Catalogue

    def build_encoders(self, seed: int | None = None) -> dict[str, Encoder]:
        """New encoders with random weights of a seed; the caller's random state is left alone."""
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(derive(self.config.seed if seed is None else seed, 7))
            return {modality: chosen.make() for modality, chosen in self.encoders.items()}

    def check(self, encoders: Mapping[str, Encoder]) -> None:
        """Refuse what cannot work, before any data is read.

        Raises:
            ValueError: a stage's objective needs what the encoders and views do not offer.
        """
        for plan in self.stages:
            offered = composition(
                encoders,
                plan.augmentations(),
                teachers=frozenset(plan.stage.teachers),
                batch=plan.training.batch,
            )
            fitting = _encoders_that_fit(self, plan)
            check(plan.build_objective(), offered, what=self.method.name, hint=fitting)

    def fitted(self, source: Source | GeneratedSource) -> Plan:
        """The plan with what the data decide (a size, a number of channels) in the encoders.

        A setting the run gives itself is left alone.
        """
        if not isinstance(source, Source) or not len(source):
            return self
        values = source.fetch([0]).values
        encoders = {
            name: self._fitted_encoder(name, chosen, values[name])
            for name, chosen in self.encoders.items()
        }
        return replace(
            self,
            encoders=encoders,
            config=replace(
                self.config, encoder={name: each.component() for name, each in encoders.items()}
            ),
        )

    def _fitted_encoder(self, modality: str, chosen: Chosen, value: object) -> Chosen:
        if chosen.offer is None:
            return chosen
        known = {f.name for f in fields(chosen.settings)} - chosen.given
        suggested = self.modalities[modality].suggest(value)
        taken = {key: item for key, item in suggested.items() if key in known}
        return replace(chosen, settings=replace(chosen.settings, **taken)) if taken else chosen

    def plugins(self) -> list[str]:
        """Names of the plugins the run uses, for its record and its lifecycle hooks."""
        offers = [c.offer for c in (self.source, *self.encoders.values()) if c.offer]
        offers += [v.offer for stage in self.stages for v in stage.views.values() if v.offer]
        offers.append(self.catalogue.find("methods", self.config.method))
        names = [offer.name.split("/")[0] for offer in offers if "/" in offer.name]
        return sorted({*names, *self.config.plugins.active})


def resolve_run(
    tree: Mapping[str, object], *, where: str | Origin, given: Given | None = None
) -> Plan:
    """Resolve a run's settings.

    Args:
        tree: nested settings, short spellings allowed.
        where: what to call their source in errors.
        given: objects handed over in Python in place of names.

    Raises:
        ValueError: an unknown name or option, with a suggestion.
    """
    given = given or Given()
    plugins = read(_PluginsOnly, {"plugins": tree.get("plugins", {})}, where=where).plugins
    catalogue = load_plugins(
        allow=plugins.allow or None, block=plugins.block, strict=plugins.strict
    )
    tree = {**tree, "data": _data_component(tree.get("data"), catalogue)}
    source_offer = given.source is None and catalogue.find("sources", _name(tree["data"]))
    names = sorted(source_offer.modality if source_offer else given.modalities)
    modalities = {name: _modality(catalogue, name) for name in names}
    method: Method = catalogue.find("methods", _text(tree, "method")).load()()

    def default(key: str, modality: str) -> str:
        if key == "encoder":
            return modalities[modality].default_encoder
        return catalogue.policy(method.stages[0].views, modality).name

    check_keys(tree, where)
    config = read(RunConfig, normalise(tree, names, default), where=where)
    source = given.chosen_source() or _choose(catalogue, "sources", config.data, "data", where)
    encoders = {
        name: given.chosen_encoder(name)
        or _choose(
            catalogue,
            "encoders",
            config.encoder.get(name, Component(name=modality.default_encoder)),
            f"encoder.{name}",
            where,
        )
        for name, modality in modalities.items()
    }
    stages = tuple(_stage(catalogue, config, stage, names, where) for stage in method.stages)
    _check_stage_names(config, method)
    return Plan(
        config=_filled(config, source, encoders, stages),
        method=method,
        modalities=modalities,
        source=source,
        encoders=encoders,
        stages=stages,
        catalogue=catalogue,
    )


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


@dataclass(frozen=True, kw_only=True)
class _PluginsOnly:
    plugins: Plugins = Plugins()


def _data_component(data: object, catalogue: Catalogue) -> object:
    """What follows `--data`: the name of a source, or something one of them recognises."""
    if not isinstance(data, str):
        return data
    known = {offer.name: offer for offer in catalogue.offers("sources")}
    if data in known or data in {offer.word for offer in known.values()}:
        return {"name": catalogue.find("sources", data).name}
    name = recognise(data, {name: offer.load() for name, offer in known.items()})
    return {"name": name, "path": data}


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


def named_data(data: object) -> dict[str, object]:
    """A path or a name as the table that spells it: the source's name, and its path if it has one.

    Raises:
        ValueError: nothing was given, or no source recognises it.
    """
    table = _data_component(data, load_plugins())
    _name(table)
    return dict(_table({"data": table}, "data"))


def with_data(options: object, data: str) -> dict[str, object]:
    """What the user gave as data, with options a recipe has for whatever data it is given.

    Options that belong to a source the recipe names are left behind with it.
    """
    kept = options if isinstance(options, Mapping) and "name" not in options else {}
    return {**kept, **named_data(data)}


def choose_source(catalogue: Catalogue, data: object, *, where: str | Origin) -> Chosen:
    """A source by name, path or table, its options checked; not opened.

    Raises:
        ValueError: an unknown name, path or option.
    """
    table = _data_component(data, catalogue)
    component = Component(name=_name(table), options=_without_name(_table({"data": table}, "data")))
    return _choose(catalogue, "sources", component, "data", where)


def _name(data: object) -> str:
    name = data.get("name") if isinstance(data, Mapping) else None
    if not isinstance(name, str):
        raise ValueError(
            "data: wanted a path, or the name of a source (tacit list sources); got "
            f"{'nothing' if data is None else data!r}"
        )
    return name


def _choose(
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


def _modality(catalogue: Catalogue, word: str) -> Modality:
    for offer in catalogue.offers("modalities"):
        if offer.word == word:
            modality: Modality = offer.load()()
            return modality
    raise ValueError(f"no installed plugin describes the modality {word!r} (tacit list modalities)")


def _stage(
    catalogue: Catalogue,
    config: RunConfig,
    stage: Stage,
    modalities: Sequence[str],
    where: str | Origin,
) -> StagePlan:
    own = config.stages.get(stage.name, {})
    table = own if isinstance(own, Mapping) else {}
    normal = normalise(
        table, modalities, lambda _, modality: catalogue.policy(stage.views, modality).name
    )
    views = dict(config.views)
    for modality, choice in _table(normal, "views").items():
        views[modality] = Component(name=choice["name"], options=_without_name(choice))
    options = merge(merge(write(stage.config), config.objective), _table(normal, "objective"))
    training = merge(merge(stage.training, config.training), _table(normal, "training"))
    return StagePlan(
        stage=stage,
        objective=read(type(stage.config), options, where=_under(where, "objective")),
        views={
            modality: _choose(
                catalogue,
                "augmentations",
                views.get(modality) or Component(name=catalogue.policy(stage.views, modality).name),
                f"views.{modality}",
                where,
            )
            for modality in modalities
        },
        training=read(Training, training, where=_under(where, "training")),
    )


def _under(where: str | Origin, section: str) -> str | Origin:
    """The same source of settings, naming the table errors are about."""
    if isinstance(where, Origin):
        return Origin(file=f"{where.file} [{section}]", overrides=where.overrides)
    return f"{where} [{section}]"


def _table(tree: Mapping[str, object], key: str) -> Mapping[str, Any]:
    value = tree.get(key, {})
    if not isinstance(value, Mapping):
        raise ValueError(f"{key}: wanted a table; got {value!r}")
    return value


def _text(tree: Mapping[str, object], key: str) -> str:
    value = tree.get(key)
    if not isinstance(value, str):
        raise ValueError(f"{key}: wanted a name; got {'nothing' if value is None else value!r}")
    return value


def _without_name(choice: Mapping[str, object]) -> dict[str, object]:
    return {key: value for key, value in choice.items() if key != "name"}


def _check_stage_names(config: RunConfig, method: Method) -> None:
    known = [stage.name for stage in method.stages]
    for name in config.stages:
        if name not in known:
            raise ValueError(f"stages: {method.name} has {', '.join(known)}; got {name!r}")


def _filled(
    config: RunConfig,
    source: Chosen,
    encoders: Mapping[str, Chosen],
    stages: Sequence[StagePlan],
) -> RunConfig:
    """The settings with every default written out."""
    whole = replace(
        config,
        data=source.component(),
        encoder={name: chosen.component() for name, chosen in encoders.items()},
    )
    if len(stages) == 1:
        (only,) = stages
        return replace(
            whole,
            views={name: chosen.component() for name, chosen in only.views.items()},
            objective=write(only.objective),
            training=write(only.training),
            stages={},
        )
    tables = {
        plan.stage.name: {
            "views": {
                n: {"name": c.component().name, **c.component().options}
                for n, c in plan.views.items()
            },
            "objective": write(plan.objective),
            "training": write(plan.training),
        }
        for plan in stages
    }
    return replace(whole, views={}, objective={}, training={}, stages=tables)


def _encoders_that_fit(plan: Plan, stage: StagePlan) -> str:
    """A hint: the installed encoders that declare what the objective needs."""
    objective = stage.build_objective()
    needs = objective.requires.capabilities
    lines = []
    for modality in plan.modalities:
        offers = plan.catalogue.offers("encoders", modality)
        fit = [offer.name for offer in offers if needs <= set(offer.provides)]
        lines.append(f"{modality} encoders that fit {plan.method.name}: {', '.join(fit) or 'none'}")
    return "\n".join(lines)
