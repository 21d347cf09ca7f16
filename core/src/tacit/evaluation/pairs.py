"""Scores of encoders that share a space: retrieval both ways beside chance, CCA and random ones."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations, permutations

import torch
from torch import Tensor

from tacit.contract import Batch, Encoder, Modality
from tacit.evaluation.canonical import fit_cca
from tacit.evaluation.embed import device_of, embed, raw_features
from tacit.evaluation.embeddings import Embeddings
from tacit.evaluation.geometry import alignment, uniformity
from tacit.evaluation.metrics import accuracy
from tacit.evaluation.prompts import Prompts
from tacit.evaluation.retrieval import Retrieval, chance, classify, modality_gap, retrieve
from tacit.evaluation.scores import Features, Score, aggregate

Towers = Mapping[str, Encoder]
"""Encoders by modality, each with its head into the shared space behind it."""

KS = (1, 5, 10)


def evaluate_pairs(
    towers: Towers | Sequence[Towers],
    train: Iterable[Batch] | None,
    test: Iterable[Batch],
    *,
    modalities: Mapping[str, Modality],
    factory: Callable[[int], Towers] | None,
    seeds: Sequence[int] = (0, 1, 2),
    prompts: Prompts | None = None,
) -> list[Score]:
    """Retrieve each member of the test pairs by the other, and measure the space they share.

    Where the pairs have classes, members are also classified without training: by the nearest class
    of the other modality's training members, their directions averaged (prototypes). With prompts,
    members are classified by those as well, where no label of a pair was ever read.

    Beside chance, encoders and heads with random weights, and a linear CCA of the modalities' raw
    features, fitted on the training pairs: a learned pairing is worth what it has over that. The
    number of candidates is that of complete test pairs; figures of different numbers cannot be
    compared.

    Args:
        towers: the trained ones, or those of several runs that differ in their seed.
        train: pairs to fit the CCA and take prototypes of; None leaves both out.
        test: pairs to retrieve.
        modalities: give the raw features.
        factory: builds towers with random weights from a seed; None leaves them out.
        seeds: of random towers.
        prompts: descriptions of the classes, in one of the modalities.

    Returns:
        recall at 1, 5 and 10, the median rank and, with classes, accuracy both ways, and, of the
        trained towers, alignment, uniformity and modality gap, for each pair of modalities.

    Raises:
        ValueError: no complete pair among the test instances.
    """
    runs = [towers] if isinstance(towers, Mapping) else list(towers)
    found = _Found(prompts)
    for trained in runs:
        found.add_towers("encoder", trained, train, test)
    for seed in seeds if factory is not None else ():
        assert factory is not None
        fresh = {name: each.to(device_of(runs[0][name])) for name, each in factory(seed).items()}
        found.add_towers("random", fresh, train, test)
    if train is not None:
        for pair in combinations(modalities, 2):
            found.add_raw(pair, train, test, modalities, device_of(runs[0][pair[0]]))
    found.add_chance()
    return found.scores()


@dataclass(frozen=True, kw_only=True, eq=False)
class _Pair:
    """Embeddings of the complete pairs of two modalities."""

    names: tuple[str, str]
    first: Tensor
    second: Tensor


class _Found:
    """Values by probe, metric and features, in the order they came."""

    def __init__(self, prompts: Prompts | None) -> None:
        self._prompts = prompts
        self._commonest: Tensor | None = None  # class of the training pairs
        self._values: dict[tuple[str, str], dict[Features, list[float]]] = {}
        self._candidates: dict[str, int] = {}

    def add_towers(
        self,
        features: Features,
        towers: Towers,
        train: Iterable[Batch] | None,
        test: Iterable[Batch],
    ) -> None:
        held = {name: embed(tower, test) for name, tower in towers.items()}
        pairs = [_complete((a, b), held[a], held[b]) for a, b in combinations(towers, 2)]
        self.add(features, pairs)
        for pair in pairs if features == "encoder" else ():
            self._space(pair, features)
        labels = next(iter(held.values())).label
        if train is not None and labels is not None and not labels.is_floating_point():
            known = {name: embed(tower, train) for name, tower in towers.items()}
            taught = next(iter(known.values())).label
            assert taught is not None, "the training part has classes where the test part has"
            self._commonest = taught.bincount().argmax()
            for a, b in permutations(towers, 2):
                self._classes(f"{a} by {b}", features, held[a], known[b])
        if self._prompts is not None:
            told = self._prompts.embedded(towers[self._prompts.modality])
            for name in towers:
                if name != self._prompts.modality:
                    self._classes(self._prompted(name), features, held[name], told)

    def add_raw(
        self,
        names: tuple[str, str],
        train: Iterable[Batch],
        test: Iterable[Batch],
        modalities: Mapping[str, Modality],
        device: torch.device,
    ) -> None:
        """Retrieval, and classes by prompts, in the space of a CCA of raw features."""
        known, held = (
            [raw_features(modalities[name], part, keep_on=device) for name in names]
            for part in (train, test)
        )
        fitted = _complete(names, *known)
        cca = fit_cca(fitted.first, fitted.second)
        pair = _complete(names, *held)
        first, second = cca.embed(pair.first, pair.second)
        self.add("raw", [replace(pair, first=first, second=second)])
        if self._prompts is None or self._prompts.modality not in names:
            return
        ways = dict(zip(names, (cca.embed_first, cca.embed_second), strict=True))
        teller = self._prompts.modality
        told = self._prompts.raw(modalities[teller])
        told = replace(told, values=ways[teller](told.values))
        ((asked, given),) = [(n, e) for n, e in zip(names, held, strict=True) if n != teller]
        given = replace(given, values=ways[asked](given.values))
        self._classes(self._prompted(asked), "raw", given, told)

    def _prompted(self, name: str) -> str:
        assert self._prompts is not None
        return f"{name} by {self._prompts.modality} prompts"

    def add(self, features: Features, pairs: Sequence[_Pair]) -> None:
        for pair in pairs:
            a, b = pair.names
            ways = ((a, b, pair.first, pair.second), (b, a, pair.second, pair.first))
            for one, other, queries, candidates in ways:
                probe = f"{one} -> {other}"
                self._retrieval(probe, features, retrieve(queries, candidates, ks=KS))
                self._candidates[probe] = len(queries)

    def add_chance(self) -> None:
        for probe, candidates in self._candidates.items():
            self._retrieval(probe, "chance", chance(candidates, ks=KS))

    def scores(self) -> list[Score]:
        return [
            aggregate(probe, metric, features, values)
            for (probe, metric), kinds in self._values.items()
            for features, values in kinds.items()
        ]

    def _retrieval(self, probe: str, features: Features, found: Retrieval) -> None:
        for k, share in found.recall.items():
            self._note(probe, f"R@{k} of {found.candidates}", features, share)
        self._note(probe, f"median rank of {found.candidates}", features, found.median_rank)

    def _classes(
        self, probe: str, features: Features, queries: Embeddings, prompts: Embeddings
    ) -> None:
        assert queries.label is not None
        assert prompts.label is not None
        found = classify(queries.values, prompts.values, prompts.label).to(queries.label.device)
        self._note(probe, "accuracy", features, accuracy(found, queries.label))
        if "chance" not in self._values[probe, "accuracy"]:
            self._note(probe, "accuracy", "chance", 1 / int((prompts.label.bincount() > 0).sum()))
            if self._commonest is not None:
                always = self._commonest.expand_as(queries.label)
                self._note(probe, "accuracy", "majority", accuracy(always, queries.label))

    def _space(self, pair: _Pair, features: Features) -> None:
        probe = f"{pair.names[0]} - {pair.names[1]}"
        self._note(probe, "alignment", features, alignment(pair.first, pair.second))
        for name, each in zip(pair.names, (pair.first, pair.second), strict=True):
            self._note(probe, f"uniformity of {name}", features, uniformity(each))
        self._note(probe, "modality gap", features, modality_gap(pair.first, pair.second))

    def _note(self, probe: str, metric: str, features: Features, value: float) -> None:
        self._values.setdefault((probe, metric), {}).setdefault(features, []).append(value)


def _complete(names: tuple[str, str], a: Embeddings, b: Embeddings) -> _Pair:
    """The rows of the instances that have both members."""
    both = torch.isin(a.index, b.index), torch.isin(b.index, a.index)
    if not bool(both[0].any()):
        raise ValueError(f"no instance has both {names[0]} and {names[1]}: nothing to retrieve")
    first, second = (
        each.values[there.to(each.values.device)] for each, there in zip((a, b), both, strict=True)
    )
    return _Pair(names=names, first=first, second=second)
