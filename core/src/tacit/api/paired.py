"""Retrieval across the encoders of a run of several modalities."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch

from tacit.api.evaluation import Probed, parts, random_encoder
from tacit.api.plan import Plan
from tacit.api.taps import heads_of
from tacit.contract import Encoder
from tacit.data import Descriptions, Paired, PairsConfig, Source, described
from tacit.evaluation import Prompts, Score, evaluate_pairs

HEAD = "projector"
"""Of every cross-modal objective: what stands between an encoder and the shared space."""


def evaluate_paired_runs(
    runs: Sequence[Mapping[str, Probed]],
    *,
    data: object = None,
    test: object = None,
    seeds: Sequence[int] = (0, 1, 2),
    device: torch.device,
    batch: int = 256,
    prompts: Descriptions | None = None,
) -> list[Score]:
    """Retrieval both ways on held-out pairs, beside chance, a linear CCA and random encoders.

    Args:
        runs: by modality, an encoder with its head; several runs of one recipe are averaged.
        data: pairs to fit the CCA on, as `tacit.api.evaluation.evaluate_runs` takes data; where it
            names no columns they are those of the run.
        test: pairs to retrieve; the source's test part, or a fifth held out, if None.
        seeds: of random encoders.
        device: where to embed.
        batch: instances embedded at once.
        prompts: what stands for each class of the test pairs in one of the modalities: then members
            of the others are classified by it (zero-shot). Several a class are averaged.

    Raises:
        ValueError: data that are no pairs of the run's modalities, prompts that do not fit their
            classes, or pairs without any.
    """
    first = runs[0]
    anyone = next(iter(first.values()))
    train, held = parts(anyone, data, test, batch=batch, device=device)
    for part in (train, held):
        _check(part.source, tuple(first))
    told = None
    if prompts is not None:
        told = _prompts(prompts, anyone, held.source, tuple(first), device)
    towers = [{name: own.encoder.to(device).eval() for name, own in run.items()} for run in runs]
    return evaluate_pairs(
        towers,
        train,
        held,
        modalities={name: anyone.plan.modalities[name] for name in first},
        factory=lambda seed: {
            name: random_encoder(own, seed, device) for name, own in first.items()
        },
        seeds=seeds,
        prompts=told,
    )


def _prompts(
    given: Descriptions, run: Probed, source: Source, names: tuple[str, ...], device: torch.device
) -> Prompts:
    """Descriptions read as the run's own columns are, under the labels of the test pairs."""
    settings = run.plan.source.settings
    readers = settings.readers if isinstance(settings, PairsConfig) else None
    found = described(given, among=names, readers=readers)
    labels = source.labels()
    if labels is None or labels.is_floating_point():
        raise ValueError(
            f"{source.describe()}: no classes to tell by prompts: name their column (data.label)"
        )
    return Prompts.of(found, source.label_names, labels, device)


def check_prompts(prompts: object) -> None:
    """Refuse descriptions of classes for a probe that reads labels.

    Raises:
        ValueError: there are some.
    """
    if prompts is not None:
        raise ValueError(
            "prompts: have no effect on probes of one encoder; leave out modality (--modality)"
        )


def check_paired(
    probes: Sequence[str] | None, tap: str | int, labels: Sequence[int | None] = (None,)
) -> None:
    """Refuse settings that retrieval does not have.

    Raises:
        ValueError: probes, numbers of labels, or another tap than where the shared space is.
    """
    if probes is not None or tap not in ("pooled", HEAD) or tuple(labels) != (None,):
        raise ValueError(
            "probes, labels, tap: have no effect on retrieval across modalities; name one encoder "
            "with modality (--modality) to probe it"
        )


def check_shared(plan: Plan, modality: str, encoders: Mapping[str, Encoder]) -> None:
    """Refuse to retrieve by encoders that were given no space in common.

    Raises:
        ValueError: the objective has no head into one.
    """
    if not any(name.split(".")[-1] == HEAD for name in heads_of(plan, modality, encoders)):
        raise ValueError(
            f"{plan.method.name} learns no space that modalities share, so that nothing can be "
            "retrieved across them: name one encoder with modality (--modality) to probe it"
        )


def is_paired(source: object) -> bool:
    """Whether a source has instances to retrieve by another member of theirs."""
    return isinstance(source, Paired) and source.complete() > 0


def _check(source: Source, names: tuple[str, ...]) -> None:
    if missing := sorted(set(names) - set(source.modalities)):
        raise ValueError(
            f"{source.describe()}: wanted pairs of {', '.join(names)}; there is no "
            f"{', '.join(missing)}. Name the columns: DATA:{names[0]}=COLUMN,{names[1]}=COLUMN, or "
            "one encoder with --modality"
        )
