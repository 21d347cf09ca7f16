"""Seeded splits of a labelled set into a training and a held-out part.

A probe chooses its settings on a part held out of the training set, so that the test set is never
looked at. Every split is decided by the generator alone.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Int
from torch import Tensor


@dataclass(frozen=True, kw_only=True)
class Split:
    """Positions of the two parts, each sorted, together every position once."""

    train: Int[Tensor, " train"]
    held_out: Int[Tensor, " held_out"]


def random_split(instances: int, *, share: float, generator: torch.Generator) -> Split:
    """Put a random `share` of the instances (rounded) into the held-out part.

    Args:
        instances: how many there are.
        share: the held-out part, strictly between 0 and 1.
        generator: decides the split; positions come back on its device.

    Raises:
        ValueError: if either part would be empty.
    """
    size = _held_out_size(instances, share)
    order = torch.randperm(instances, generator=generator, device=generator.device)
    return _split_where(_ranks(order) < size)


def stratified_split(
    labels: Int[Tensor, " instances"], *, share: float, generator: torch.Generator
) -> Split:
    """Split so that every class keeps its share in both parts, as nearly as whole numbers allow.

    Each class gives the whole part of `share` times its size; the instances still missing come
    from the classes with the largest remainders. A class never gives its last instance.

    Args:
        labels: the class of every instance.
        share: the held-out part, strictly between 0 and 1.
        generator: decides the split; positions come back on its device.

    Raises:
        ValueError: if either part would be empty.
    """
    size = _held_out_size(len(labels), share)
    _, classes, counts = torch.unique(
        labels.to(generator.device), return_inverse=True, return_counts=True
    )
    quota = _quotas(counts, share, size, generator)
    if int(quota.sum()) == 0:
        raise ValueError(
            f"wanted a held-out part of {size} instances, but none of the {len(counts)} classes "
            "has a second instance to give; bring more labels or use random_split"
        )
    order = torch.randperm(len(classes), generator=generator, device=generator.device)
    rank = _ranks_within(classes, order, counts)
    return _split_where(rank < quota[classes])


def grouped_split(
    groups: Int[Tensor, " instances"], *, share: float, generator: torch.Generator
) -> Split:
    """Split so that a group (a speaker, a patient, a recording) is never in both parts.

    Groups are taken in random order for as long as the held-out part stays within
    `share` of the instances; the first is always taken.

    Args:
        groups: the group of every instance.
        share: the held-out part aimed at, strictly between 0 and 1.
        generator: decides the split; positions come back on its device.

    Raises:
        ValueError: with fewer than two groups, or if either part would be empty.
    """
    size = _held_out_size(len(groups), share)
    _, member, counts = torch.unique(
        groups.to(generator.device), return_inverse=True, return_counts=True
    )
    if len(counts) < 2:
        raise ValueError(f"wanted at least two groups to split between, got {len(counts)}")
    order = torch.randperm(len(counts), generator=generator, device=generator.device)
    taken = counts[order].cumsum(0) <= size
    taken[0] = True
    chosen = torch.zeros_like(taken)
    chosen[order] = taken
    return _split_where(chosen[member])


def probe_split(
    labels: Tensor,
    groups: Int[Tensor, " instances"] | None,
    *,
    share: float,
    generator: torch.Generator,
) -> Split:
    """Choose the split a probe needs: whole groups if there are any, else stratified by class.

    Float labels have no classes and are split at random.
    """
    if groups is not None:
        return grouped_split(groups, share=share, generator=generator)
    if labels.is_floating_point():
        return random_split(len(labels), share=share, generator=generator)
    return stratified_split(labels, share=share, generator=generator)


def few_of_each(
    labels: Int[Tensor, " instances"], count: int, *, generator: torch.Generator
) -> Int[Tensor, " few"]:
    """Positions of so many random instances of each class, rising; all of a class with fewer.

    Args:
        labels: the class of every instance.
        count: of each class.
        generator: decides which; positions come back on its device.
    """
    _, classes, counts = torch.unique(
        labels.to(generator.device), return_inverse=True, return_counts=True
    )
    order = torch.randperm(len(classes), generator=generator, device=generator.device)
    return (_ranks_within(classes, order, counts) < count).nonzero()[:, 0]


def _held_out_size(instances: int, share: float) -> int:
    size = round(instances * share)
    if not 0 < share < 1 or not 0 < size < instances:
        raise ValueError(
            "wanted a share that leaves both parts at least one instance, "
            f"got {share} of {instances}"
        )
    return size


def _quotas(
    counts: Int[Tensor, " classes"], share: float, size: int, generator: torch.Generator
) -> Int[Tensor, " classes"]:
    """How many instances each class gives: largest remainders, ties broken at random."""
    exact = counts.double() * share
    whole = exact.floor().long()
    remainder = (exact - whole).masked_fill_(counts - whole < 2, -1.0)
    tie = torch.randperm(len(counts), generator=generator, device=generator.device)
    ahead = tie[remainder[tie].argsort(descending=True, stable=True)]
    extra = (_ranks(ahead) < size - whole.sum()) & (remainder >= 0)
    return whole + extra


def _ranks(order: Int[Tensor, " n"]) -> Int[Tensor, " n"]:
    """The inverse of a permutation: at which place each position stands."""
    ranks = torch.empty_like(order)
    ranks[order] = torch.arange(len(order), device=order.device)
    return ranks


def _ranks_within(
    classes: Int[Tensor, " n"], order: Int[Tensor, " n"], counts: Int[Tensor, " classes"]
) -> Int[Tensor, " n"]:
    """Where each instance stands among those of its class, taken in `order`."""
    by_class = order[classes[order].argsort(stable=True)]
    first = counts.cumsum(0) - counts
    return _ranks(by_class) - first[classes]


def _split_where(held_out: Tensor) -> Split:
    return Split(train=(~held_out).nonzero()[:, 0], held_out=held_out.nonzero()[:, 0])
