"""A run's parts: every name resolved, every option checked, no data read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import Any

import torch

from tacit.api.choice import Chosen, table_of
from tacit.api.config import RunConfig, merge
from tacit.contract import (
    Augmentation,
    Batch,
    Encoder,
    Modality,
    ModelAugmentation,
    Objective,
    derive,
)
from tacit.data import GeneratedSource, Source, opening
from tacit.methods import Method, Stage
from tacit.methods.compose import check, composition
from tacit.plugin import Catalogue
from tacit.training.settings import Training


@dataclass(frozen=True, kw_only=True)
class StagePlan:
    """One stage, resolved.

    Args:
        stage: the method's own description.
        objective: the settings of its objective.
        views: by modality.
        training: how long, how large, how precise.
        given: names of the training settings the run gives itself.
    """

    stage: Stage
    objective: Any
    views: Mapping[str, Chosen]
    training: Training
    given: frozenset[str] = frozenset()

    def with_batch(self, batch: int) -> StagePlan:
        """The stage with a batch that the data decide, unless the run gives its own."""
        if "batch" in self.given:
            return self
        return replace(self, training=replace(self.training, batch=batch))

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
                modalities=self.modalities,
            )
            fitting = _encoders_that_fit(self, plan)
            check(plan.build_objective(), offered, what=self.method.name, hint=fitting)

    def fitted(self, source: Source | GeneratedSource) -> Plan:
        """The plan with what the data decide: a size, a number of channels, a batch of all.

        A setting the run gives itself is left alone.
        """
        if isinstance(source, Source) and not len(source):
            return self
        fitted = self._with_encoders_for(opening(source, 1))
        if isinstance(source, Source) and source.whole:
            return fitted._with_batch(len(source))
        return fitted

    def _with_batch(self, batch: int) -> Plan:
        """The plan whose stages take this many instances at once, where the run does not say."""
        stages = tuple(stage.with_batch(batch) for stage in self.stages)
        by_name = {stage.stage.name: {"batch": stage.training.batch} for stage in stages}
        config = self.config
        if len(stages) == 1:
            only = by_name[stages[0].stage.name]
            config = replace(config, training={**config.training, **only})
        else:
            tables = {
                name: merge(table_of(config.stages, name), {"training": batch_of})
                for name, batch_of in by_name.items()
            }
            config = replace(config, stages=tables)
        return replace(self, stages=stages, config=config)

    def _with_encoders_for(self, first: Batch) -> Plan:
        values = first.values
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
