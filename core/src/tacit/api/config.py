"""A run as settings: what the command line, a TOML file and Python all come down to."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, fields

from tacit.config import Component, ConfigError, Origin
from tacit.config.error import Place, suggestion
from tacit.training.settings import Training

_LENGTHS = ("epochs", "steps", "endless")
_TRAINING = frozenset(f.name for f in fields(Training))


@dataclass(frozen=True, kw_only=True)
class Plugins:
    """Which installed plugins a run may use.

    Args:
        allow: nothing else is loaded; all if empty.
        block: never loaded.
        strict: fail at the first broken plugin.
        active: plugins whose lifecycle hooks fire besides those the run uses.
    """

    allow: tuple[str, ...] = ()
    block: tuple[str, ...] = ()
    strict: bool = False
    active: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class RunConfig:
    """Everything that decides a run.

    Args:
        method: name of a method.
        recipe: name of the recipe the settings come from, if they do.
        seed: of weights, views, masks and the order of the data.
        data: the source and its options.
        encoder: by modality, the encoder and its options.
        initial: by modality, the folder of a run whose trained encoder to begin with.
        views: by modality, the augmentation and its options; the method's policy if not set.
        objective: options of the method's objective, for all its stages.
        training: settings of `tacit.training.Training`, over the method's own defaults.
        stages: by stage, tables `views`, `objective` and `training` for that stage alone.
        plugins: which plugins may be used.
    """

    method: str
    data: Component
    recipe: str = ""
    seed: int = 0
    encoder: Mapping[str, Component] = field(default_factory=dict)
    initial: Mapping[str, str] = field(default_factory=dict)
    views: Mapping[str, Component] = field(default_factory=dict)
    objective: Mapping[str, object] = field(default_factory=dict)
    training: Mapping[str, object] = field(default_factory=dict)
    stages: Mapping[str, object] = field(default_factory=dict)
    plugins: Plugins = Plugins()


def normalise(
    tree: Mapping[str, object],
    modalities: Sequence[str],
    default: Callable[[str, str], str],
) -> dict[str, object]:
    """The short spellings of a run's settings, spelt out.

    `epochs`, `batch`, `optimizer.lr` ... belong to `training`; `encoder` and `views` without a
    modality belong to the only one there is; without a name they are the `default` of
    `(encoder | views, modality)`.

    Raises:
        ConfigError: an encoder or views without a modality, where the data have several.
    """
    out: dict[str, object] = {}
    training: dict[str, object] = {}
    for key, value in tree.items():
        if key in _TRAINING:
            training[key] = value
        elif key in ("encoder", "views"):
            by_modality = _by_modality(key, value, modalities)
            out[key] = {n: _component(c, key, n, default) for n, c in by_modality.items()}
        else:
            out[key] = value
    if training:
        given = out.get("training", {})
        out["training"] = merge(given if isinstance(given, Mapping) else {}, training)
    whole = out.get("training")
    if isinstance(whole, Mapping) and isinstance(schedules := whole.get("schedules"), Mapping):
        out["training"] = {**whole, "schedules": _named(schedules)}
    return out


def _named(schedules: Mapping[str, object]) -> dict[str, object]:
    """Schedules by their whole names: `teacher.momentum` is one, with or without quotes."""
    flat: dict[str, object] = {}
    for name, table in schedules.items():
        if isinstance(table, Mapping) and any(isinstance(v, Mapping) for v in table.values()):
            flat |= {f"{name}.{rest}": inner for rest, inner in _named(table).items()}
        else:
            flat[name] = table
    return flat


def check_keys(tree: Mapping[str, object], where: str | Origin) -> None:
    """Refuse an unknown key, with the short spellings of `training` among the suggestions.

    Raises:
        ConfigError: naming the key.
    """
    known = {f.name for f in fields(RunConfig)} | _TRAINING
    for key in tree:
        if key not in known and (near := suggestion(key, known)):
            raise Place.start(where).at(key).error(f"unknown key{near}")


def _by_modality(key: str, value: object, modalities: Sequence[str]) -> dict[str, object]:
    if isinstance(value, Mapping) and set(value) <= set(modalities):
        return dict(value)
    if len(modalities) == 1 and isinstance(value, Mapping) and modalities[0] in value:
        # Settings laid over a table that names its modality: `encoder.width=192` on a run file.
        (only,) = modalities
        rest = {name: item for name, item in value.items() if name != only}
        inner = value[only]
        table = {"name": inner} if isinstance(inner, str) else inner
        return {only: merge(table, rest)}
    if len(modalities) != 1:
        raise ConfigError(
            f"wanted one table a modality, [{key}.{modalities[0]}] and so on, because the data "
            f"have {len(modalities)}: {', '.join(modalities)}",
            path=key,
        )
    return {modalities[0]: value}


def _component(
    value: object, key: str, modality: str, default: Callable[[str, str], str]
) -> object:
    """A table with a name; `name:argument` is left whole, the offer's class says what it sets."""
    if isinstance(value, str):
        return {"name": value}
    if isinstance(value, Mapping) and "name" not in value:
        return {"name": default(key, modality), **value}
    return value


def merge(base: Mapping[str, object], over: Mapping[str, object]) -> dict[str, object]:
    """`over` laid on `base`, table by table; a table that changes its `kind` replaces the other.

    `epochs`, `steps` and `endless` exclude each other: whichever `over` sets takes the others away.
    """
    out = dict(base)
    for key, value in over.items():
        old = out.get(key)
        if isinstance(old, Mapping) and isinstance(value, Mapping):
            other_kind = "kind" in value and value["kind"] != old.get("kind")
            out[key] = dict(value) if other_kind else merge(old, value)
        else:
            out[key] = value
    if any(over.get(length) for length in _LENGTHS):
        for length in _LENGTHS:
            if length not in over:
                out.pop(length, None)
    return out
