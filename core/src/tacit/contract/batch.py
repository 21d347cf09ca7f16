"""What a data source yields, and the augmented copies made of it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, overload

import torch
from jaxtyping import Bool, Int
from torch import Tensor

from tacit.contract.mask import Mask


def move(value: Any, device: torch.device) -> Any:
    """A value on another device: a tensor, an object with `.to`, or a sequence or mapping of these.

    Raises:
        TypeError: the value is none of these.
    """
    if hasattr(value, "to"):
        return value.to(device, non_blocking=True)
    if isinstance(value, Mapping):
        return {key: move(item, device) for key, item in value.items()}
    if isinstance(value, (tuple, list)):
        return type(value)(move(item, device) for item in value)
    raise TypeError(
        f"a batch value must be a tensor or have .to(device); got {type(value).__name__}: "
        "give the modality's value type a .to method"
    )


@dataclass(kw_only=True, eq=False)
class Batch:
    """One value per modality, and what is known of every instance.

    To be treated as immutable; it is not frozen because trainers of other libraries copy batches
    field by field.

    An *instance* is what an embedding stands for; the plugin decides (a row, a clip, a node of one
    big graph), so no leading batch axis is assumed of a value: only `index` counts the instances.

    Args:
        values: modality to collated value. A batch may hold only some of the modalities of its
            source (batches of unpaired data that take turns); the others then make no views.
        index: stable position of every instance in its data set; keys per-sample state.
        label: for evaluation; an objective sees it only if it declares `labels`.
        group: instances that belong together (speaker, patient, scene); for splits and positives.
        present: per modality, which instances have it; without an entry all of them do. A value
            has a row for every instance either way (zeros will do where it is missing), so that
            rows stay aligned and nothing is read back from the device to find them.
        rows: the instances a loss is taken on, when a value holds more than those (the seed nodes
            of a sampled graph, the training nodes of a whole one); None means all.
    """

    values: Mapping[str, Any]
    index: Int[Tensor, " instances"]
    label: Tensor | None = None
    group: Tensor | None = None
    present: Mapping[str, Bool[Tensor, " instances"]] = field(default_factory=dict)
    rows: Int[Tensor, " rows"] | None = None

    def __len__(self) -> int:
        return int(self.index.shape[0])

    def to(self, device: torch.device) -> Batch:
        """The batch on another device; values, labels and all."""
        if self.index.device == device:
            return self
        moved = {
            name: move(content, device)
            for name in ("values", "index", "label", "group", "present", "rows")
            if (content := getattr(self, name)) is not None
        }
        return replace(self, **moved)

    def split(self, parts: int) -> list[Batch]:
        """The batch in equal parts, for accumulation; values must be rows of instances.

        Tensors with a leading batch axis are, and so is whatever has a length and can be sliced.

        Raises:
            ValueError: a value that cannot be cut, or parts that do not come out equal.
        """
        whole = all(_has_rows(value, len(self)) for value in self.values.values())
        if not whole or self.rows is not None:
            raise ValueError("accumulate: only batches of one row an instance can be split")
        if len(self) % parts:
            raise ValueError(
                f"accumulate: {len(self)} instances in {parts} parts do not come out equal"
            )
        size = len(self) // parts
        return [self._slice(slice(i * size, (i + 1) * size)) for i in range(parts)]

    def _slice(self, rows: slice) -> Batch:
        return Batch(
            values={name: value[rows] for name, value in self.values.items()},
            index=self.index[rows],
            label=None if self.label is None else self.label[rows],
            group=None if self.group is None else self.group[rows],
            present={name: present[rows] for name, present in self.present.items()},
        )


def _has_rows(value: Any, count: int) -> bool:
    """Whether a value has a row for each instance, and can be cut into some of them."""
    if isinstance(value, Mapping) or not hasattr(value, "__getitem__"):
        return False
    return len(value) == count


@dataclass(kw_only=True, eq=False)
class View:
    """An augmented copy of one modality's value, plus what was done to it.

    To be treated as immutable, like `Batch`: a frozen one would take three times as long to make,
    and many are made in a step. An augmentation fills the first five; the engine adds the rest.

    Args:
        value: the augmented value.
        meta: what was done, batched over the instances: crop box, angle, permutation, mixing
            weight, pretext label.
        role: what an objective tells views apart by: `global`, `local`, `context`, `target` ...
        source: row of the batch each instance was made from; None means row i from row i.
        mask: hidden tokens, where the augmentation and not the objective decides them.
        modality: filled by the engine, like all below.
        index: data set index of every instance of the view.
        present: which instances have this modality; None means all.
        rows: the instances the loss is taken on; None means all.
    """

    value: Any
    meta: Mapping[str, Any] = field(default_factory=dict)
    role: str = "view"
    source: Int[Tensor, " instances"] | None = None
    mask: Mask | None = None
    modality: str = ""
    index: Int[Tensor, " instances"] | None = None
    present: Bool[Tensor, " instances"] | None = None
    rows: Int[Tensor, " rows"] | None = None

    def bind(self, batch: Batch, modality: str) -> View:
        """The view with what the batch knows of its instances."""
        index, present = batch.index, batch.present.get(modality)
        if self.source is not None:
            index = index[self.source]
            present = None if present is None else present[self.source]
        bound = object.__new__(View)  # what `replace` does, at a tenth of its time
        bound.__dict__.update(
            self.__dict__, modality=modality, index=index, present=present, rows=batch.rows
        )
        return bound


class Views(Sequence[View]):
    """The views of one batch, over all its modalities, in the order they were made."""

    __slots__ = ("_views",)

    def __init__(self, views: Sequence[View]) -> None:
        self._views = tuple(views)

    @overload
    def __getitem__(self, item: int) -> View: ...
    @overload
    def __getitem__(self, item: slice) -> Views: ...
    def __getitem__(self, item: int | slice) -> View | Views:
        return Views(self._views[item]) if isinstance(item, slice) else self._views[item]

    def __len__(self) -> int:
        return len(self._views)

    def __iter__(self) -> Iterator[View]:
        return iter(self._views)

    @property
    def modalities(self) -> tuple[str, ...]:
        """The modalities that occur, in order of first occurrence."""
        return tuple(dict.fromkeys(view.modality for view in self._views))

    def of(self, modality: str) -> Views:
        """The views of one modality."""
        return Views([view for view in self._views if view.modality == modality])

    def by_role(self, role: str) -> Views:
        """The views with one role."""
        return Views([view for view in self._views if view.role == role])
