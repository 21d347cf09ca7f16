"""What is true of every modality, source and probe."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch

from tacit.contract import Modality, move
from tacit.data import Source
from tacit.evaluation.probes import Probe, Sample
from tacit.evaluation.targets import Target
from tacit.plugin import Catalogue, Cell, Offer
from tacit.testing.augmentations import same
from tacit.testing.check import Check, expect, skip
from tacit.testing.offers import Grouped, encoder_maker, required


@dataclass(frozen=True, kw_only=True)
class ModalitySubject:
    """A modality to be checked.

    Args:
        modality: its description.
        source: embedded data; None if nobody brings some.
        provides: words of its offer; None if it is not offered.
        catalogue: what is installed, for methods and encoders; None for none.
    """

    modality: Modality
    source: Source | None
    provides: frozenset[str] | None = None
    catalogue: Catalogue | None = field(default=None, repr=False)

    def value(self, *indices: int) -> Any:
        """Some instances."""
        if self.source is None:
            skip("nobody brings embedded data of it")
        assert self.source is not None
        return self.source.fetch(list(indices)).values[self.modality.name]

    def rows(self, *indices: int) -> Any:
        """Some instances, each a row of its own."""
        if self.source is not None and self.source.whole:
            skip("its instances are parts of one value")
        return self.value(*indices)


def sizes_count_instances(subject: ModalitySubject) -> None:
    """The size of a value is the number of its instances."""
    for indices in ((0,), (0, 1, 2)):
        size = subject.modality.size(subject.rows(*indices))
        expect(size == len(indices), f"wanted {len(indices)}; got {size}")


def joined_values_hold_all_instances(subject: ModalitySubject) -> None:
    """Values joined into one have all their instances, and their features in that order."""
    a, b = subject.rows(0, 1), subject.rows(2, 3)
    whole = subject.modality.concatenate([a, b])
    if whole is None:
        skip("these do not fit together")
    expect(subject.modality.size(whole) == 4, "instances are missing")
    parts = [subject.modality.raw_features(each) for each in (a, b)]
    if parts[0].shape[1] == parts[1].shape[1]:
        found = subject.modality.raw_features(whole)
        expect(torch.allclose(found, torch.cat(parts)), "they lie in another order")


def samples_are_collated(subject: ModalitySubject) -> None:
    """Samples of a batch, put together again, are the batch."""
    value = subject.rows(0, 1, 2)
    if not isinstance(value, torch.Tensor):
        skip("its values are not tensors: what a sample is, is the plugin's own")
    expect(same(value, subject.modality.collate(list(value))), "they are not")


def raw_features_are_a_row_an_instance(subject: ModalitySubject) -> None:
    """The baseline's features are finite numbers, one row an instance, of the instance alone."""
    modality = subject.modality
    value = subject.rows(0, 1, 2)
    found = modality.raw_features(value)
    expect(found.ndim == 2 and len(found) == modality.size(value), "not one row an instance")
    expect(found.is_floating_point() and bool(found.isfinite().all()), "not finite numbers")


def values_move_and_stay_the_same(subject: ModalitySubject) -> None:
    """A value can be moved to a device, and holds the same there."""
    value = subject.value(0, 1)
    expect(same(value, move(value, torch.device("cpu"))), "it does not")


def mixing_is_as_declared(subject: ModalitySubject) -> None:
    """The offer provides `mix` where values mix; all of a value is itself, none of it the other."""
    modality = subject.modality
    if subject.provides is not None:
        expect(("mix" in subject.provides) == modality.mixes, "offer and modality disagree")
    if not modality.mixes:
        skip("its values do not mix")
    value, order = subject.rows(0, 1, 2), torch.tensor([2, 0, 1])
    if isinstance(value, torch.Tensor) and not value.is_floating_point():
        skip("values as they are read do not mix, only their views")
    all_of_it = modality.mix(value, value, order=order, share=torch.tensor(1.0))
    none_of_it = modality.mix(value, value, order=order, share=torch.tensor(0.0))
    own, first, second = map(modality.raw_features, (value, all_of_it, none_of_it))
    expect(torch.allclose(first, own), "a share of 1 is not the value")
    expect(torch.allclose(second, own[order]), "a share of 0 is not the other value")


def there_is_what_a_run_needs(subject: ModalitySubject) -> None:
    """Its default encoder, two-views and masked views are offered, and embedded data."""
    catalogue, word = subject.catalogue, subject.modality.name
    if catalogue is None:
        skip("it is not installed")
    assert catalogue is not None
    catalogue.find("encoders", subject.modality.default_encoder)
    for policy in ("two-views", "masked"):
        catalogue.policy(policy, word)
    expect(subject.source is not None, "no source opens without settings: a first run needs one")


def methods_of_the_core_train(subject: ModalitySubject) -> None:
    """Of the core's methods that the grid says fit, one for each set of requirements trains."""
    catalogue = subject.catalogue
    if catalogue is None or subject.source is None:
        skip("it is not installed, or has no embedded data")
    assert catalogue is not None
    word, seen = subject.modality.name, set()
    for cell in catalogue.grid():
        if cell.modality != word or not cell.fits or "/" in cell.method:
            continue
        needs = catalogue.find("methods", cell.method).requires
        if needs not in seen:
            seen.add(needs)
            _train(subject, catalogue, cell)


MODALITIES = (
    *(
        Check(run)
        for run in (
            sizes_count_instances,
            joined_values_hold_all_instances,
            samples_are_collated,
            raw_features_are_a_row_an_instance,
            values_move_and_stay_the_same,
            mixing_is_as_declared,
            there_is_what_a_run_needs,
        )
    ),
    Check(methods_of_the_core_train, slow=True),
)


def _train(subject: ModalitySubject, catalogue: Catalogue, cell: Cell) -> None:
    from tacit.api import pretrain

    assert subject.source is not None
    needs = {w for w in catalogue.find("methods", cell.method).requires if ":" in w}
    needs = {word for word in needs if not word.startswith("views:")}
    fitting = [
        offer
        for offer in catalogue.offers("encoders", cell.modality)
        if not required(offer) and needs <= set(offer.provides)
    ]
    if not fitting:
        return
    encoder: dict[str, object] = {"name": fitting[0].name}
    if "positions:none" in needs:
        encoder["positions"] = "none"
    training = {"steps": 1, "batch": 8, "watch_every": 0, "workers": 0}
    with tempfile.TemporaryDirectory() as folder:
        settings = {"encoder": encoder, "training": training}
        data = Grouped(subject.source)
        try:
            run = pretrain(cell.method, data=data, out=Path(folder) / "run", settings=settings)
        except ValueError as error:
            raise AssertionError(f"{cell.method}: {error}") from error
        expect(run.finished, f"{cell.method} did not finish")


@dataclass(frozen=True, kw_only=True)
class SourceSubject:
    """A source to be checked.

    Args:
        make: opens it.
    """

    make: Callable[[], Source]


def batches_come_in_the_order_asked_for(subject: SourceSubject) -> None:
    """A batch holds the instances asked for, in that order, with their labels and groups."""
    source = subject.make()
    if source.whole:
        skip("its instances are parts of one value, which comes whole")
    wanted = [len(source) - 1, 0, 1]
    batch = source.fetch(wanted)
    expect(batch.index.tolist() == wanted, f"asked for {wanted}; got {batch.index.tolist()}")
    expect(set(batch.values) == set(source.modalities), "values are not those of its modalities")
    for name, every, own in (
        ("label", source.labels(), batch.label),
        ("group", source.groups(), batch.group),
    ):
        expect((every is None) == (own is None), f"{name}s: labels() and batches disagree")
        if every is not None and own is not None:
            expect(len(every) == len(source), f"{name}s: not one an instance")
            expect(torch.equal(every[wanted], own), f"{name}s of a batch are others")


def reading_is_not_random(subject: SourceSubject) -> None:
    """Fetched twice, and by a source opened twice, an instance is the same."""
    source = subject.make()
    torch.manual_seed(1)
    first = source.fetch([1, 0]).values
    torch.manual_seed(2)
    expect(same(first, source.fetch([1, 0]).values), "two reads differ")
    expect(same(first, subject.make().fetch([1, 0]).values), "opened again it holds others")


def a_fingerprint_is_of_the_content(subject: SourceSubject) -> None:
    """Opened twice it has one fingerprint, and one line that describes it."""
    a, b = subject.make(), subject.make()
    expect(a.fingerprint() == b.fingerprint() != "", "two fingerprints of the same data")
    expect("\n" not in a.describe() and a.describe() != "", "wanted one line")


def instances_are_numbered(subject: SourceSubject) -> None:
    """It holds at least two instances, and labels with names are within the names."""
    source = subject.make()
    expect(len(source) >= 2, "wanted at least two instances")
    labels = source.labels()
    if labels is not None and source.label_names is not None:
        expect(int(labels.max()) < len(source.label_names), "a label has no name")


SOURCES = tuple(
    Check(run)
    for run in (
        batches_come_in_the_order_asked_for,
        reading_is_not_random,
        a_fingerprint_is_of_the_content,
        instances_are_numbered,
    )
)


@dataclass(frozen=True, kw_only=True)
class ProbeSubject:
    """A probe to be checked.

    Args:
        make: a new one.
    """

    make: Callable[[], Probe]

    def scores(self, seed: int = 0, *, learned: bool = True) -> Mapping[str, float]:
        """What it measures of features that tell two classes apart, or of noise."""
        draw = torch.Generator().manual_seed(0)
        label = torch.arange(80) % 2
        features = torch.randn(80, 6, generator=draw) + 3.0 * label[:, None] * float(learned)
        views = torch.stack([features[40:], features[40:] + 0.1], dim=1)
        target = Target(train=label[:40], test=label[40:], classes=2)
        sample = Sample(train=features[:40], test=features[40:], target=target, views=views)
        return self.make()(sample, torch.Generator().manual_seed(seed))


def scores_are_numbers(subject: ProbeSubject) -> None:
    """It answers named finite numbers, and has a name."""
    scores = subject.scores()
    expect(bool(scores) and bool(subject.make().name), "no scores, or no name")
    finite = [isinstance(v, float) and abs(v) < float("inf") for v in scores.values()]
    expect(all(finite), f"not finite numbers: {dict(scores)}")


def the_generator_is_a_probes_randomness(subject: ProbeSubject) -> None:
    """Same features and generator, same scores; and any generator where it is not `seeded`."""
    torch.manual_seed(1)
    first = subject.scores()
    torch.manual_seed(2)
    expect(first == subject.scores(), "two measurements differ")
    if not subject.make().seeded:
        expect(first == subject.scores(seed=1), "it depends on the generator: declare seeded")


def better_features_score_otherwise(subject: ProbeSubject) -> None:
    """Features that tell the classes apart do not score as noise does."""
    expect(subject.scores() != subject.scores(learned=False), "they do")


PROBES = tuple(
    Check(run)
    for run in (
        scores_are_numbers,
        the_generator_is_a_probes_randomness,
        better_features_score_otherwise,
    )
)


def suggestions(modality: Modality | None, source: Source | None) -> Mapping[str, object]:
    """Encoder settings that the embedded data decide."""
    if modality is None or source is None:
        return {}
    return modality.suggest(source.fetch([0]).values[modality.name])


def made_from(offer: Offer) -> Callable[[], Any]:
    """What makes the component of an offer with its default settings."""
    factory = offer.load()
    config = getattr(factory, "Config", None)
    return factory if config is None else lambda: factory(config())


__all__ = ["MODALITIES", "PROBES", "SOURCES", "encoder_maker", "made_from", "suggestions"]
