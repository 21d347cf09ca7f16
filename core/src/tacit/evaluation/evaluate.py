"""Every probe of a frozen encoder, beside the same probe of its baselines."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from tacit.contract import Augmentation, Batch, Encoder, Modality
from tacit.evaluation.embed import (
    Tap,
    device_of,
    embed,
    embed_layers,
    embed_views,
    parameter_count,
    raw_features,
)
from tacit.evaluation.embeddings import Embeddings
from tacit.evaluation.fine_tune import Readable
from tacit.evaluation.probes import Origin, Probe, Sample, named_probes
from tacit.evaluation.scores import Features, Score
from tacit.evaluation.supervised import Supervised
from tacit.evaluation.tally import Tally, counts_of
from tacit.evaluation.targets import Target, Task, make_target
from tacit.evaluation.tokens import embed_tokens, raw_tokens, spans_of

LABELLED = frozenset({"labels", "encoder", "layers"})
"""What a probe that reads labels of instances needs."""
SPANNED = frozenset({"tokens", "token layers"})
"""What a probe that reads labels of parts of instances needs."""
DEFAULT_PROBES = ("linear", "knn", "rankme", "uniformity")


def evaluate(
    encoder: Encoder | Sequence[Encoder],
    train: Iterable[Batch],
    test: Iterable[Batch],
    *,
    modality: Modality,
    encoder_factory: Callable[[int], Encoder] | None,
    task: Task = "classification",
    probes: Sequence[str | Probe] = DEFAULT_PROBES,
    seeds: Sequence[int] = (0, 1, 2),
    views: Augmentation | None = None,
    autocast: torch.dtype | None = None,
    tap: Tap = "pooled",
    initial: Sequence[Encoder] = (),
    labels: Sequence[int | None] = (None,),
    tokens: int = 20_000,
) -> list[Score]:
    """Probe a frozen encoder and its baselines on the same data in the same way.

    The baselines of a labelled probe are a random-initialised encoder, the raw features, the model
    people would fit on the data themselves where the modality has one, and the commonest class (for
    regression the mean); of a label-free one the random encoder alone. A seed
    gives a validation split to the linear probe and fresh weights to the random baseline (whose
    batch norms, never trained, pass their input on); an encoder's views come from its first seed.
    A result that no seed can change is computed once and says so (`seeds=1`).

    Args:
        encoder: the trained one, or several runs of one recipe that differ in their seed: their
            scores are averaged, run i standing for the i-th seed.
        train: labelled batches the probes are fitted on; gone through once for every encoder.
            See `embed` for what is taken from a batch. `fine-tune` wants them `Readable` in any
            order, probes of tokens want them `Spanned`.
        test: likewise, to measure on; nothing is chosen on it.
        modality: gives the raw features.
        encoder_factory: builds the encoder of the same configuration with fresh weights drawn from
            a seed; None leaves out the random baseline.
        task: classification wants integer labels; regression takes any numbers.
        probes: names, or probes with settings of their own. `alignment` needs `views`.
        seeds: at least one, all different.
        views: makes the positive pairs for probes that compare views.
        autocast: precision to run the encoders in, see `embed`.
        tap: what of the encoding is probed; views are compared by their pooled vectors alone.
        initial: each trained encoder as it was before this training, where it had been trained
            elsewhere already: one more baseline.
        labels: numbers of labelled training instances that probes are fitted on, one after the
            other; None for all. Each seed draws its own few, the same for all features. `fine-tune`
            has a number of its own, and probes of tokens have all.
        tokens: labelled tokens of each set that probes of tokens are given, at most; a random part
            of all, the same for all features. The sets are those of instances, and none of its
            tokens is on the other side.

    Returns:
        the scores by probe and metric, the encoder's before those of its baselines.

    Raises:
        ValueError: for missing or unfit labels, unknown probes, views that are missing or unused,
            training data that cannot be read in any order, seeds that do not match the runs, more
            labels than there are, data without labels along their instances for probes of tokens.
    """
    runs = _runs(encoder, seeds)
    chosen = [_probe(probe) for probe in probes]
    _check_views(chosen, views)
    _check_readable(chosen, train)
    _check_spanned(chosen, train, test)
    if tap != "pooled" and views is not None:
        raise ValueError(f"tap: views are compared by their pooled vectors; got {tap!r}")
    data = _Data(
        train=train,
        test=test,
        task=task,
        views=views,
        autocast=autocast,
        tap=tap,
        modality=modality,
        tokens=tokens,
    )
    results = Tally(counts_of(labels, chosen))
    for trained, own_seeds in runs:
        data.measure(results, "encoder", trained, chosen, own_seeds)
    for (_, own_seeds), before in zip(runs, initial, strict=False):
        data.measure(results, "initial", before, chosen, own_seeds)
    if encoder_factory is not None:
        for seed in seeds:
            fresh = _fresh(encoder_factory, seed, runs[0][0])
            data.measure(results, "random", fresh, chosen, (seed,))
    labelled = [probe for probe in chosen if probe.needs in LABELLED]
    if labelled:
        raw = data.raw(device_of(runs[0][0]))
        results.add("raw", [probe for probe in labelled if probe.needs == "labels"], raw, seeds)
        if modality.supervises:
            results.add_supervised(labelled, Supervised.of(modality, train, test), raw, seeds)
        results.add_constant(labelled, raw, seeds)
    spanned = [probe for probe in chosen if probe.needs in SPANNED]
    if spanned:
        raw = data.raw_tokens(runs[0][0])
        results.add("raw", [probe for probe in spanned if probe.needs == "tokens"], raw, seeds)
        results.add_constant(spanned, raw, seeds)
    return results.scores()


@dataclass(frozen=True, kw_only=True)
class _Data:
    """The two sets, and how they become what a probe is given."""

    train: Iterable[Batch]
    test: Iterable[Batch]
    task: Task
    views: Augmentation | None
    autocast: torch.dtype | None
    tap: Tap
    modality: Modality
    tokens: int

    def measure(
        self,
        results: Tally,
        features: Features,
        encoder: Encoder,
        probes: Sequence[Probe],
        seeds: Sequence[int],
    ) -> None:
        """Run probes of instances on their embeddings, those of tokens on tokens."""
        along = [probe for probe in probes if probe.needs in SPANNED]
        whole = [probe for probe in probes if probe.needs not in SPANNED]
        if whole:
            results.add(features, whole, self.sample(encoder, whole, seeds[0]), seeds)
        if along:
            results.add(features, along, self.token_sample(encoder, along), seeds)

    def sample(self, encoder: Encoder, probes: Sequence[Probe], seed: int) -> Sample:
        """Embed both sets once, and the views if a probe needs them."""
        train = embed(encoder, self.train, tap=self.tap, autocast=self.autocast)
        test = embed(encoder, self.test, tap=self.tap, autocast=self.autocast)
        needs = {probe.needs for probe in probes}
        return Sample(
            train=train.values,
            test=test.values,
            target=self._target(train, test) if needs & LABELLED else None,
            views=self._pairs(encoder, seed) if "views" in needs else None,
            source=self._origin(encoder, train) if "encoder" in needs else None,
            layers=self._layers(encoder) if "layers" in needs else None,
        )

    def token_sample(self, encoder: Encoder, probes: Sequence[Probe]) -> Sample:
        """Embed the labelled tokens of both sets, by every layer too if a probe needs them."""
        train, test = (self._tokens(encoder, part) for part in (self.train, self.test))
        layers = None
        if any(probe.needs == "token layers" for probe in probes):
            first, second = (self._tokens(encoder, p, layers=True) for p in (self.train, self.test))
            layers = (first.values, second.values)
        target = make_target(train, test, task="classification")
        return Sample(train=train.values, test=test.values, target=target, layers=layers)

    def raw_tokens(self, encoder: Encoder) -> Sample:
        """What the modality has of the tokens of an encoder."""
        train, test = (
            raw_tokens(encoder, part, self.modality, most=self.tokens)
            for part in (self.train, self.test)
        )
        target = make_target(train, test, task="classification")
        return Sample(train=train.values, test=test.values, target=target)

    def _tokens(
        self, encoder: Encoder, part: Iterable[Batch], *, layers: bool = False
    ) -> Embeddings:
        return embed_tokens(
            encoder,
            part,
            self.modality,
            most=self.tokens,
            tap=self.tap,
            layers=layers,
            autocast=self.autocast,
        )

    def raw(self, device: torch.device) -> Sample:
        train = raw_features(self.modality, self.train, keep_on=device)
        test = raw_features(self.modality, self.test, keep_on=device)
        return Sample(train=train.values, test=test.values, target=self._target(train, test))

    def _layers(self, encoder: Encoder) -> tuple[Tensor, Tensor]:
        """As `embed` orders them: instances by their position in the data set."""
        train, test = (
            embed_layers(encoder, part, autocast=self.autocast).values
            for part in (self.train, self.test)
        )
        return train, test

    def _origin(self, encoder: Encoder, train: Embeddings) -> Origin:
        assert isinstance(self.train, Readable), "checked before anything was embedded"
        return Origin(
            encoder=encoder, tap=self.tap, train=self.train, index=train.index, test=self.test
        )

    def _target(self, train: Embeddings, test: Embeddings) -> Target:
        return make_target(train, test, task=self.task)

    def _pairs(self, encoder: Encoder, seed: int) -> Tensor:
        assert self.views is not None, "checked before anything was embedded"
        generator = torch.Generator(device_of(encoder)).manual_seed(seed)
        found = embed_views(
            encoder, self.test, self.views, generator=generator, autocast=self.autocast
        )
        return found.values


def _runs(
    encoder: Encoder | Sequence[Encoder], seeds: Sequence[int]
) -> list[tuple[Encoder, Sequence[int]]]:
    """Pair every trained encoder with its seeds: one has them all, of several each has its own."""
    if not seeds or len(set(seeds)) < len(seeds):
        raise ValueError(f"wanted at least one seed, all different, got {tuple(seeds)}")
    if isinstance(encoder, Encoder):
        return [(encoder, seeds)]
    if len(encoder) == 1:
        return [(encoder[0], seeds)]
    if len(encoder) != len(seeds):
        raise ValueError(
            f"wanted one seed for each trained run, got {len(encoder)} runs and seeds "
            f"{tuple(seeds)}: pass seeds of the same number"
        )
    return [(run, (seed,)) for run, seed in zip(encoder, seeds, strict=True)]


def _probe(probe: str | Probe) -> Probe:
    if not isinstance(probe, str):
        return probe
    known = named_probes()
    if probe not in known:
        raise ValueError(f"wanted a probe among {', '.join(known)}, got {probe!r}")
    return known[probe]


def _check_views(probes: Sequence[Probe], views: Augmentation | None) -> None:
    needing = [probe.name for probe in probes if probe.needs == "views"]
    if needing and views is None:
        raise ValueError(
            f"{needing[0]} compares views of an instance: pass views=, or leave it out"
        )
    if views is not None and not needing:
        raise ValueError("views= has no effect: no probe among those asked for compares views")


def _check_readable(probes: Sequence[Probe], train: Iterable[Batch]) -> None:
    tuning = [probe.name for probe in probes if probe.needs == "encoder"]
    if tuning and not isinstance(train, Readable):
        raise ValueError(
            f"{tuning[0]} reads training data in an order of its own: wanted an object with "
            f".read(indices), such as tacit.api.evaluation.Pass; got {type(train).__name__}"
        )


def _check_spanned(probes: Sequence[Probe], *parts: Iterable[Batch]) -> None:
    if any(probe.needs in SPANNED for probe in probes):
        for part in parts:
            spans_of(part)


def _fresh(factory: Callable[[int], Encoder], seed: int, like: Encoder) -> Encoder:
    """Build a random encoder where the trained one is, and see that the two are of one kind."""
    fresh = factory(seed).to(device_of(like))
    wanted, got = parameter_count(like), parameter_count(fresh)
    if wanted != got:
        raise ValueError(
            f"wanted a random encoder of the same configuration ({wanted} parameters), the factory "
            f"built one of {got}"
        )
    return fresh
