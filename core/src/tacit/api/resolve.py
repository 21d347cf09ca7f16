"""From a run's settings to its parts."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace

from tacit.api.choice import (
    Chosen,
    Given,
    choose,
    choose_source,
    data_component,
    name_of,
    table_of,
    wanted_modalities,
    without_name,
)
from tacit.api.config import Plugins, RunConfig, check_keys, merge, normalise
from tacit.api.plan import Plan, StagePlan
from tacit.config import Component, Origin, read, write
from tacit.contract import Modality
from tacit.methods import Method, Stage
from tacit.plugin import Catalogue, Offer, load_plugins
from tacit.training.settings import Training


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
    if isinstance(tree.get("data"), str):
        wanted = wanted_modalities(tree, catalogue, frozenset(given.encoders or ()))
        tree = {**tree, "data": data_component(tree["data"], catalogue, wanted)}
    named = given.source is None
    source_offer = catalogue.find("sources", name_of(tree.get("data"))) if named else None
    names = sorted(_kinds(catalogue, source_offer, tree.get("data"), where) or given.modalities)
    modalities = {name: _modality(catalogue, name) for name in names}
    method = _method(catalogue, _text(tree, "method"), names)

    def default(key: str, modality: str) -> str:
        if key == "encoder":
            return modalities[modality].default_encoder
        return catalogue.policy(method.stages[0].views, modality).name

    check_keys(tree, where)
    config = read(RunConfig, normalise(tree, names, default), where=where)
    source = given.chosen_source() or choose(catalogue, "sources", config.data, "data", where)
    encoders = {
        name: given.chosen_encoder(name)
        or choose(
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


def _kinds(
    catalogue: Catalogue, offer: Offer | None, data: object, where: str | Origin
) -> Collection[str]:
    """The modalities of a source; where its offer is for any, its settings say which they are."""
    if offer is None or offer.modality:
        return offer.modality if offer else ()
    chosen = choose_source(catalogue, data, where=where)
    kinds: tuple[str, ...] = chosen.factory.kinds(chosen.settings)
    return kinds


def _method(catalogue: Catalogue, name: str, modalities: Sequence[str]) -> Method:
    offer = catalogue.find("methods", name)
    if others := [modality for modality in modalities if not offer.suits(modality)]:
        raise ValueError(
            f"{offer.name} is for the modality {', '.join(sorted(offer.modality))} only; the data "
            f"are {', '.join(others)} (tacit list: the methods that fit)"
        )
    method: Method = offer.load()()
    return method


@dataclass(frozen=True, kw_only=True)
class _PluginsOnly:
    plugins: Plugins = Plugins()


def _modality(catalogue: Catalogue, word: str) -> Modality:
    """The modality of a word; one that nobody offers is refused, with what is not installed."""
    modality: Modality = catalogue.offers("modalities", word)[0].load()()
    return modality


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
    for modality, choice in table_of(normal, "views").items():
        views[modality] = Component(name=choice["name"], options=without_name(choice))
    options = merge(merge(write(stage.config), config.objective), table_of(normal, "objective"))
    given = merge(config.training, table_of(normal, "training"))
    training = merge(stage.training, given)
    return StagePlan(
        stage=stage,
        objective=read(type(stage.config), options, where=_under(where, "objective")),
        views={
            modality: choose(
                catalogue,
                "augmentations",
                views.get(modality) or Component(name=catalogue.policy(stage.views, modality).name),
                f"views.{modality}",
                where,
            )
            for modality in modalities
        },
        training=read(Training, training, where=_under(where, "training")),
        given=frozenset(given),
    )


def _under(where: str | Origin, section: str) -> str | Origin:
    """The same source of settings, naming the table errors are about."""
    if isinstance(where, Origin):
        return Origin(file=f"{where.file} [{section}]", overrides=where.overrides)
    return f"{where} [{section}]"


def _text(tree: Mapping[str, object], key: str) -> str:
    value = tree.get(key)
    if not isinstance(value, str):
        raise ValueError(f"{key}: wanted a name; got {'nothing' if value is None else value!r}")
    return value


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
