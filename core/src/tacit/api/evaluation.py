"""Probing and embedding with the encoders of runs."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from jaxtyping import Int
from torch import Tensor

from tacit.api.choice import Chosen, choose_source
from tacit.api.initial import load_initial
from tacit.api.plan import Plan
from tacit.api.taps import Headed, head_of
from tacit.contract import Batch, Encoder, Spans
from tacit.data import Loader, PairsConfig, Source, auto_workers
from tacit.evaluation import (
    DEFAULT_PROBES,
    LABELLED,
    SPANNED,
    Embeddings,
    Score,
    Tap,
    embed,
    evaluate,
    named_probes,
    random_split,
    stratified_split,
)

_HELD_OUT = 0.2


@dataclass(frozen=True, kw_only=True)
class Probed:
    """One trained encoder and the run it comes from.

    Args:
        plan: the run's parts.
        modality: which of its encoders.
        encoder: with its trained weights; a `Headed` one where a head is tapped.
        head: the name of that head.
    """

    plan: Plan
    modality: str
    encoder: Encoder
    head: str | None = None


class Pass:
    """Some instances of a source, once each and in order, every time it is iterated.

    Args:
        source: the data.
        batch: instances at once.
        device: where the batches are wanted.
        indices: the instances; all if None.
        classes: what each class of the source is called by those it is compared with.
        span_names: names of the classes of parts of instances, in the order of those.
    """

    def __init__(
        self,
        source: Source,
        *,
        batch: int,
        device: torch.device,
        indices: Sequence[int] | None = None,
        classes: Int[Tensor, " classes"] | None = None,
        span_names: tuple[str, ...] | None = None,
    ) -> None:
        self.source, self.batch, self.device, self.indices = source, batch, device, indices
        self.classes, self.span_names = classes, span_names

    def __iter__(self) -> Iterator[Batch]:
        workers = auto_workers(self.source)
        with Loader(self.source, device=self.device, workers=workers) as loader:
            for batch in loader.sequential(self.batch, indices=self.indices):
                yield self._named(batch)

    def read(self, indices: Sequence[int]) -> Batch:
        """The instances of these positions in the data set, in this order."""
        return self._named(self.source.fetch(indices).to(self.device))

    def spans(self) -> Spans | None:
        """Labels of parts of the source's instances."""
        found = self.source.spans()
        return None if found is None else found.called(self.span_names)

    def __len__(self) -> int:
        return len(self.source) if self.indices is None else len(self.indices)

    def _named(self, batch: Batch) -> Batch:
        if self.classes is None or batch.label is None:
            return batch
        known = self.classes.to(batch.label.device)[batch.label.clamp(min=0)]
        return replace(batch, label=torch.where(batch.label < 0, batch.label, known))


def evaluate_runs(
    runs: Sequence[Probed],
    *,
    data: object = None,
    test: object = None,
    probes: Sequence[str] | None = None,
    seeds: Sequence[int] = (0, 1, 2),
    device: torch.device,
    batch: int = 256,
    tap: Tap = "pooled",
    labels: Sequence[int | None] = (None,),
) -> list[Score]:
    """Probe encoders beside the majority class, raw features and random encoders.

    Where the modality has a supervised model that people would use instead, it stands beside too.

    Of a run that began with the encoder of another (`initial`), beside that as well: one tower of
    a run of pairs, before and after.

    Probes are fitted on the training part of the data and measured on its test part: what the
    source calls `split="test"`, or `test`, or a fifth held out by seed 0 where there is neither.

    Args:
        runs: one run, or several of one recipe that differ in their seed; their scores are then
            averaged and their number is that of the seeds.
        data: a path, a name or a table; the data of the first run if None.
        test: likewise, to measure on.
        probes: names; `linear`, `knn`, `rankme`, `uniformity` and, where the run's views make
            pairs, `alignment` if None.
        seeds: of validation splits and random encoders, for a single run.
        device: where to embed and probe.
        batch: instances embedded at once.
        tap: what of the encoding to probe; see `tacit.evaluation.Tap`.
        labels: numbers of labelled training instances to fit probes on; None for all.

    Raises:
        ValueError: data without labels, runs of different recipes, unknown probes, a tap the
            encoder lacks.
    """
    first = runs[0]
    _check_alike(runs)
    train, held = parts(first, data, test, batch=batch, device=device)
    views = first.plan.stages[-1].views[first.modality].make()
    pairs = len(views.roles) >= 2 and getattr(views, "scope", "") == "instance" and tap == "pooled"
    chosen = tuple(probes) if probes else (*DEFAULT_PROBES, *(("alignment",) if pairs else ()))
    wants_views = any(
        named_probes()[name].needs == "views" for name in chosen if name in named_probes()
    )
    _check_labels(chosen, train, held)
    most = max((count for count in labels if count is not None), default=0)
    if most > len(train):
        raise ValueError(f"labels: wanted at most the {len(train)} to train on; got {most}")
    return evaluate(
        [run.encoder.to(device).eval() for run in runs],
        train,
        held,
        modality=first.plan.modalities[first.modality],
        encoder_factory=lambda seed: random_encoder(first, seed, device),
        probes=chosen,
        seeds=tuple(range(len(runs))) if len(runs) > 1 else tuple(seeds),
        views=views if wants_views else None,
        tap=tap,
        initial=_begun(runs, device),
        labels=labels,
    )


def _begun(runs: Sequence[Probed], device: torch.device) -> list[Encoder]:
    """The encoders as other runs had left them before these went on with them; none if none did."""
    first = runs[0]
    if first.head is not None or first.modality not in first.plan.config.initial:
        return []
    begun = [run.plan.build_encoders() for run in runs]
    try:
        for run, encoders in zip(runs, begun, strict=True):
            load_initial(encoders, {run.modality: run.plan.config.initial[run.modality]})
    except ValueError as error:
        warnings.warn(f"what the encoder began as is not beside it: {error}", stacklevel=3)
        return []
    return [encoders[first.modality].to(device).eval() for encoders in begun]


def embed_with(run: Probed, data: object, *, batch: int, device: torch.device) -> Embeddings:
    """The embeddings of a data set (the run's own if None), in its order."""
    source = _open(run, data)
    passes = Pass(source, batch=batch, device=device)
    return embed(run.encoder.to(device).eval(), passes, instances=len(source))


def _check_labels(probes: Sequence[str], *parts: Pass) -> None:
    """Say that labels are missing before anything is embedded."""
    known = named_probes()
    needs = {known[name].needs for name in probes if name in known}
    if needs & SPANNED:
        _check_spans(
            [name for name in probes if name in known and known[name].needs in SPANNED], *parts
        )
    if not needs & LABELLED:
        return
    free = ",".join(name for name, probe in known.items() if probe.needs is None)
    for part in parts:
        if part.source.labels() is None:
            raise ValueError(
                f"{part.source.describe()}: no labels to probe with. Name where they are (see the "
                f"source's options), other data with --data, or probes without: --probes {free}"
            )


def _check_spans(probes: Sequence[str], *parts: Pass) -> None:
    known = named_probes()
    first = next(name for name in probes if name in known and known[name].needs in SPANNED)
    for part in parts:
        if part.source.spans() is None:
            raise ValueError(
                f"{part.source.describe()}: {first} wants labels along the instances; got "
                "none. Name where they are (see the source's options), other data with --data, or "
                "probes of whole instances"
            )


def parts(
    run: Probed, data: object, test: object, *, batch: int, device: torch.device
) -> tuple[Pass, Pass]:
    """The training and the test part of what a run is evaluated on; see `evaluate_runs`."""
    chosen = _chosen(run, data)
    if test is not None:
        train, other = _source(_part(chosen, "train")), _source(_chosen(run, test))
        held = Pass(
            other,
            batch=batch,
            device=device,
            classes=_classes(train, other),
            span_names=_span_names(train),
        )
        return Pass(train, batch=batch, device=device), held
    if _splits(chosen):
        train, held_source = _source(_part(chosen, "train")), _source(_part(chosen, "test"))
        return (
            Pass(train, batch=batch, device=device),
            Pass(held_source, batch=batch, device=device, span_names=_span_names(train)),
        )
    whole = _source(chosen)
    generator = torch.Generator().manual_seed(0)
    labels = whole.labels()
    if labels is not None and not labels.is_floating_point():
        split = stratified_split(labels, share=_HELD_OUT, generator=generator)
    else:
        split = random_split(len(whole), share=_HELD_OUT, generator=generator)
    return (
        Pass(whole, batch=batch, device=device, indices=split.train.tolist()),
        Pass(whole, batch=batch, device=device, indices=split.held_out.tolist()),
    )


def _classes(train: Source, held: Source) -> Int[Tensor, " classes"] | None:
    """The classes of the test set as the training set numbers them; those it lacks come after.

    Raises:
        ValueError: they have no class in common.
    """
    ours, theirs = train.label_names, held.label_names
    if ours is None or theirs is None or tuple(ours) == tuple(theirs):
        return None
    if not set(ours) & set(theirs):
        raise ValueError(
            f"test: wanted classes among {', '.join(ours[:5])}; got {', '.join(theirs[:5])}: the "
            "two parts have none in common"
        )
    places = {name: at for at, name in enumerate(ours)}
    return torch.tensor([places.get(name, len(ours) + at) for at, name in enumerate(theirs)])


def _span_names(train: Source) -> tuple[str, ...] | None:
    spans = train.spans()
    return None if spans is None else spans.names


def _chosen(run: Probed, data: object) -> Chosen:
    if data is None:
        return run.plan.source
    data = str(data) if isinstance(data, Path) else data
    own = run.plan.source
    if isinstance(data, str) and isinstance(own.settings, PairsConfig) and Path(data).exists():
        return replace(own, settings=replace(own.settings, path=Path(data), split=None))
    other = choose_source(
        run.plan.catalogue, data, where="data", wanted=frozenset(run.plan.modalities)
    )
    if own.offer is None or own.factory is not other.factory or not issubclass(own.factory, Source):
        return other
    given = {name: getattr(other.settings, name) for name in other.given}
    if hasattr(own.settings, "split"):
        given.setdefault("split", other.settings.split)
    return replace(other, settings=own.factory.elsewhere(own.settings, given))


def _splits(chosen: Chosen) -> bool:
    """Whether a source knows a training and a test part of its own."""
    if chosen.offer is None or not issubclass(chosen.factory, Source):
        return False
    return {"train", "test"} <= set(chosen.factory.splits(chosen.settings))


def _part(chosen: Chosen, split: str) -> Chosen:
    if not _splits(chosen):
        return chosen
    return replace(chosen, settings=replace(chosen.settings, split=split))


def _source(chosen: Chosen) -> Source:
    source: Any = chosen.make()
    if not isinstance(source, Source):
        raise ValueError("endless data cannot be embedded or probed: name a data set with --data")
    return source


def _open(run: Probed, data: object) -> Source:
    return _source(_chosen(run, data))


def random_encoder(run: Probed, seed: int, device: torch.device) -> Encoder:
    """An encoder of the same configuration with fresh weights."""
    encoders = run.plan.build_encoders(seed=seed + 1_000_003)
    own = encoders[run.modality]
    if run.head is not None:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            own = Headed(own, head_of(run.plan, run.modality, run.head, encoders))
    return own.to(device).eval()


def _check_alike(runs: Sequence[Probed]) -> None:
    """Refuse to average runs that differ in more than their seed."""
    first = runs[0]
    for other in runs[1:]:
        ours = replace(first.plan.config, seed=0)
        if replace(other.plan.config, seed=0) != ours or other.modality != first.modality:
            raise ValueError(
                "these runs differ in more than their seed, so their scores have no common mean: "
                "evaluate them one by one and compare"
            )


def labels_there(source: object) -> bool:
    """Whether a source has labels to probe with."""
    return isinstance(source, Source) and source.labels() is not None
