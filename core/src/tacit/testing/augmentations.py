"""What is true of every augmentation."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass
from multiprocessing.reduction import ForkingPickler
from typing import Any

import torch
from torch import Tensor

from tacit.contract import Augmentation, ModelAugmentation, View
from tacit.testing.check import Check, Skipped, expect, skip

COUNT = 4


@dataclass(frozen=True, kw_only=True)
class AugmentationSubject:
    """An augmentation to be checked.

    Args:
        make: a new one.
        values: the instances at some positions, as one value; None where there are no data.
    """

    make: Callable[[], Augmentation | ModelAugmentation]
    values: Callable[[Sequence[int]], Any] | None

    def value(self, indices: Sequence[int] = tuple(range(COUNT))) -> Any:
        """Some instances."""
        if self.values is None:
            skip("no embedded data of its modality to try it on")
        assert self.values is not None
        return self.values(indices)

    def views(self, value: Any, made: Augmentation | None = None) -> tuple[View, ...]:
        """The views of a value, by a generator in its first state."""
        augmentation = made or self.make()
        if isinstance(augmentation, ModelAugmentation):
            skip("it needs an encoder")
        assert isinstance(augmentation, Augmentation)
        try:
            return augmentation(value, torch.Generator().manual_seed(0))
        except ValueError as error:
            raise Skipped(f"it refuses the embedded data: {error}") from error


def the_generator_is_all_its_randomness(subject: AugmentationSubject) -> None:
    """Same value and generator, same views, whatever the global random states are."""
    import numpy as np

    value, found = subject.value(), []
    kept = random.getstate(), np.random.get_state()
    try:
        for seed in (1, 2):
            torch.manual_seed(seed)
            random.seed(seed)
            np.random.seed(seed)
            found.append([(v.value, v.meta, v.source) for v in subject.views(deepcopy(value))])
    finally:
        random.setstate(kept[0])
        np.random.set_state(kept[1])
    expect(same(found[0], found[1]), "two calls with one generator state differ")


def global_randomness_is_left_alone(subject: AugmentationSubject) -> None:
    """Making views does not move torch's global generator."""
    value, before = subject.value(), torch.get_rng_state()
    subject.views(value)
    expect(torch.equal(before, torch.get_rng_state()), "torch's global generator has moved")


def a_value_is_not_changed_in_place(subject: AugmentationSubject) -> None:
    """The value given is as it was afterwards."""
    value = subject.value()
    before = deepcopy(value)
    subject.views(value)
    expect(same(before, value), "the value was changed in place")


def views_have_the_roles_declared(subject: AugmentationSubject) -> None:
    """It makes as many views as it declares roles, with those roles, in that order."""
    made = subject.make()
    roles = tuple(view.role for view in subject.views(subject.value()))
    expect(roles == tuple(made.roles), f"declared {tuple(made.roles)}; made {roles}")


def what_was_done_is_recorded(subject: AugmentationSubject) -> None:
    """Every view's meta holds the keys declared, a row of each for every instance of the view."""
    made = subject.make()
    for view in subject.views(subject.value()):
        missing = sorted(made.meta - set(view.meta))
        expect(not missing, f"meta lacks {', '.join(missing)}")
        rows = _rows(view.value)
        for key, item in view.meta.items():
            if key in made.meta and isinstance(item, Tensor) and item.ndim and rows is not None:
                expect(len(item) in (rows, COUNT), f"meta {key!r} has {len(item)} rows")


def instances_do_not_see_each_other(subject: AugmentationSubject) -> None:
    """Of scope `instance`, a view's row depends on the row recorded as its source alone."""
    made = subject.make()
    if isinstance(made, ModelAugmentation) or made.scope == "batch":
        skip("its instances may see each other")
    value, other = subject.value(), subject.value((COUNT, *range(1, COUNT)))
    if not (isinstance(value, Tensor) and isinstance(other, Tensor)):
        skip("values are not tensors of a row an instance")
    for a, b in zip(subject.views(value), subject.views(other), strict=True):
        source = torch.arange(len(a.value)) if a.source is None else a.source
        apart = (a.value != b.value).flatten(1).any(1) & (source != 0)
        expect(not bool(apart.any()), "a row changed with an instance that is not its source")


def the_source_recorded_is_the_source(subject: AugmentationSubject) -> None:
    """A view's row changes with the instance it is recorded to be made from."""
    value, other = subject.value(), subject.value(tuple(COUNT + i for i in range(COUNT)))
    if not (isinstance(value, Tensor) and isinstance(other, Tensor)):
        skip("values are not tensors of a row an instance")
    pairs = zip(subject.views(value), subject.views(other), strict=True)
    moved = [bool((a.value != b.value).any()) for a, b in pairs if a.value.shape == b.value.shape]
    expect(any(moved) or not moved, "no view depends on its value")


def it_goes_to_worker_processes(subject: AugmentationSubject) -> None:
    """It pickles, and its copy makes the same views."""
    made = subject.make()
    copy = ForkingPickler.loads(ForkingPickler.dumps(made))
    if isinstance(made, ModelAugmentation):
        return
    value = subject.value()
    found = [[v.value for v in subject.views(value, made=each)] for each in (made, copy)]
    expect(same(*found), "the copy makes other views")


AUGMENTATIONS = tuple(
    Check(run)
    for run in (
        the_generator_is_all_its_randomness,
        global_randomness_is_left_alone,
        a_value_is_not_changed_in_place,
        views_have_the_roles_declared,
        what_was_done_is_recorded,
        instances_do_not_see_each_other,
        the_source_recorded_is_the_source,
        it_goes_to_worker_processes,
    )
)


def same(a: Any, b: Any) -> bool:
    """Whether two values hold the same tensors, looked for in whatever holds them.

    NaN, which values hold where something is missing, is the same as NaN.
    """
    if isinstance(a, Tensor):
        return isinstance(b, Tensor) and _equal(a, b)
    if isinstance(a, Mapping):
        return a.keys() == b.keys() and all(same(a[key], b[key]) for key in a)
    if isinstance(a, (list, tuple)):
        return len(a) == len(b) and all(map(same, a, b))
    if hasattr(a, "__dict__") and type(a) is type(b) and not callable(a):
        return same(vars(a), vars(b))
    return True


def _equal(a: Tensor, b: Tensor) -> bool:
    if a.shape != b.shape or not (a.is_floating_point() and b.is_floating_point()):
        return torch.equal(a, b)
    return torch.equal(a.isnan(), b.isnan()) and torch.equal(a[~a.isnan()], b[~b.isnan()])


def _rows(value: Any) -> int | None:
    return len(value) if isinstance(value, Tensor) else None
