"""What an objective needs of a composition, checked before any data is loaded."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from tacit.contract.encoder import EncoderSpec


@dataclass(frozen=True, kw_only=True)
class Requirements:
    """What an objective needs. Everything defaults to "nothing".

    Args:
        views: fewest views of each modality.
        most_views: most views of each modality; None means any number.
        meta: keys each view's `meta` must hold.
        capabilities: words of `EncoderSpec.capabilities` every encoder must offer.
        any_of: groups of such words; of each group one is enough (`("mask:drop", "mask:replace")`).
        teachers: names of the teachers the objective reads.
        mix: the objective mixes values, so every modality must be able to (`Modality.mixes`).
        modalities: fewest modalities; 2 for objectives that join encoders.
        labels: the objective reads labels; it sees none otherwise.
        groups: the objective reads group ids.
        instances: the objective keeps state per instance, so the data must have a known size.
        batch: fewest instances of a batch; 2 for batch statistics or negatives.
        parts: roles, and what an objective needs of the views with these roles alone, where its
            tasks see different views.
    """

    views: int = 1
    most_views: int | None = None
    meta: frozenset[str] = frozenset()
    capabilities: frozenset[str] = frozenset()
    any_of: tuple[frozenset[str], ...] = ()
    teachers: frozenset[str] = frozenset()
    mix: bool = False
    modalities: int = 1
    labels: bool = False
    groups: bool = False
    instances: bool = False
    batch: int = 1
    parts: tuple[tuple[tuple[str, ...], Requirements], ...] = ()


@dataclass(frozen=True, kw_only=True)
class Composition:
    """What a run offers to an objective: the other side of `Requirements`.

    Args:
        specs: modality to encoder spec.
        roles: modality to the roles of the views made of it.
        meta: modality to the keys of its views' meta.
        teachers: names of the teachers the method sets up.
        mixes: modalities whose values can be mixed.
        labels: the source has labels.
        groups: the source has groups.
        instances: size of the data set; None if unknown or endless.
        batch: instances of a global batch.
    """

    specs: Mapping[str, EncoderSpec]
    roles: Mapping[str, Sequence[str]]
    meta: Mapping[str, frozenset[str]]
    teachers: frozenset[str] = frozenset()
    mixes: frozenset[str] = frozenset()
    labels: bool = False
    groups: bool = False
    instances: int | None = None
    batch: int = 1


def unmet(needs: Requirements, offered: Composition) -> list[str]:
    """Every need the composition leaves open, one sentence each; empty if it can work."""
    problems: list[str] = []
    if len(offered.specs) < needs.modalities:
        problems.append(f"needs {needs.modalities} modalities; got {len(offered.specs)}")
    for modality, spec in offered.specs.items():
        problems += _encoder_problems(needs, modality, spec)
        problems += _view_problems(needs, modality, offered)
        for roles, own in needs.parts:
            found = _view_problems(own, modality, _seen(roles, offered))
            problems += [f"of views with the role {' or '.join(roles)}: {each}" for each in found]
    if missing := needs.teachers - offered.teachers:
        problems.append(f"needs a teacher policy for: {', '.join(sorted(missing))}")
    if needs.mix and (unmixed := sorted(set(offered.specs) - offered.mixes)):
        problems.append(f"mixes instances; values of the modality {', '.join(unmixed)} do not mix")
    if needs.labels and not offered.labels:
        problems.append("needs labels; the source has none (name the label column)")
    if needs.groups and not offered.groups:
        problems.append("needs groups; the source has none (name the group column)")
    if needs.instances and offered.instances is None:
        problems.append("keeps state per instance, so it needs data of a known size")
    if offered.batch < needs.batch:
        problems.append(f"needs batches of at least {needs.batch}; got {offered.batch}")
    return problems


def _seen(roles: Sequence[str], offered: Composition) -> Composition:
    """What is offered, with views of some roles alone."""
    made = offered.roles.items()
    seen = {modality: [role for role in every if role in roles] for modality, every in made}
    return replace(offered, roles=seen)


def _encoder_problems(needs: Requirements, modality: str, spec: EncoderSpec) -> list[str]:
    has = spec.capabilities()
    offers = ", ".join(sorted(has)) or "pooled vectors only"
    problems = []
    if missing := needs.capabilities - has:
        words = ", ".join(sorted(missing))
        problems.append(f"needs an encoder with: {words}; the {modality} encoder offers: {offers}")
    for group in needs.any_of:
        if not group & has:
            words = " or ".join(sorted(group))
            problems.append(
                f"needs an encoder with {words}; the {modality} encoder offers: {offers}"
            )
    return problems


def _view_problems(needs: Requirements, modality: str, offered: Composition) -> list[str]:
    count = len(offered.roles.get(modality, ()))
    problems = []
    if count < needs.views:
        problems.append(f"needs at least {needs.views} views; the {modality} views make {count}")
    if needs.most_views is not None and count > needs.most_views:
        problems.append(
            f"takes at most {needs.most_views} views; the {modality} views make {count}"
        )
    if missing := needs.meta - offered.meta.get(modality, frozenset()):
        words = ", ".join(sorted(missing))
        problems.append(f"needs views whose meta holds: {words}")
    return problems
