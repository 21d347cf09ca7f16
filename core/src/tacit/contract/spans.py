"""Labels of parts of instances, and where along an instance its tokens lie."""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from jaxtyping import Float, Int
from torch import Tensor


@dataclass(frozen=True, kw_only=True, eq=False)
class Spans:
    """Parts of instances, one after the other, each with a class: for evaluation alone.

    They are kept in the order of instances and, within one, of where they start.

    Args:
        instance: position in the data set of the instance each is part of.
        start: where it begins, in the unit in which the modality says where tokens lie.
        end: where it ends; what begins there is not part of it.
        label: class of each, from 0.
        names: of the classes.
        gap: class of what no span covers; None: that has no class.

    Raises:
        ValueError: columns of different lengths, a span that does not end after it begins, a
            negative class, or two spans of one instance that overlap.
    """

    instance: Int[Tensor, " spans"]
    start: Float[Tensor, " spans"]
    end: Float[Tensor, " spans"]
    label: Int[Tensor, " spans"]
    names: tuple[str, ...] | None = None
    gap: int | None = None

    def __post_init__(self) -> None:
        sizes = {len(self.instance), len(self.start), len(self.end), len(self.label)}
        if len(sizes) > 1:
            raise ValueError(f"spans: wanted columns of one length; got {sorted(sizes)}")
        order = self.start.argsort(stable=True)
        order = order[self.instance[order].argsort(stable=True)]
        for name, kind in (("instance", torch.int64), ("label", torch.int64)):
            object.__setattr__(self, name, getattr(self, name)[order].to(kind))
        for name in ("start", "end"):
            object.__setattr__(self, name, getattr(self, name)[order].double())
        self._check()

    def __len__(self) -> int:
        return len(self.instance)

    def at(
        self, index: Int[Tensor, " batch"], places: Float[Tensor, "#batch places"]
    ) -> Int[Tensor, "batch places"]:
        """The class at places of some instances; -1 where there is none.

        Args:
            index: positions of the instances in the data set.
            places: of each, or the same of all.
        """
        device = places.device
        places = places.double().expand(len(index), -1).contiguous()
        none = -1 if self.gap is None else self.gap
        if len(self) == 0:
            return torch.full(places.shape, none, device=device)
        owner, index = self.instance.to(device), index.to(device)
        first = torch.searchsorted(owner, index)
        count = torch.searchsorted(owner, index, right=True) - first
        number = torch.arange(max(1, int(count.max())), device=device)
        row = (first[:, None] + number).clamp(max=len(self) - 1)
        start = self.start.to(device)[row].masked_fill(number >= count[:, None], torch.inf)
        last = torch.searchsorted(start, places, right=True) - 1
        found = row.gather(1, last.clamp(min=0))
        inside = (last >= 0) & (places < self.end.to(device)[found])
        return torch.where(inside, self.label.to(device)[found], none)

    def of(self, instances: Int[Tensor, " chosen"]) -> Spans:
        """Those of some instances, which are numbered anew in this order, each of them once."""
        if len(self) == 0 or len(instances) == 0:
            none = torch.zeros(len(self), dtype=torch.bool)
            return self._where(none, self.instance)
        ordered, places = instances.sort()
        at = torch.searchsorted(ordered, self.instance).clamp(max=len(ordered) - 1)
        return self._where(ordered[at] == self.instance, places[at])

    def called(self, names: tuple[str, ...] | None) -> Spans:
        """The same with classes numbered as these names are; others come after.

        Raises:
            ValueError: none of its classes is among them.
        """
        if names is None or self.names is None or names == self.names:
            return self
        if not set(names) & set(self.names):
            raise ValueError(
                f"spans: wanted classes among {', '.join(names[:5])}; got "
                f"{', '.join(self.names[:5])}: the two have none in common"
            )
        known = (*names, *(name for name in self.names if name not in names))
        codes = torch.tensor([known.index(name) for name in self.names])
        gap = None if self.gap is None else int(codes[self.gap])
        return replace(self, label=codes[self.label], names=known, gap=gap)

    def _where(self, kept: Tensor, instance: Tensor) -> Spans:
        return replace(
            self,
            instance=instance[kept],
            start=self.start[kept],
            end=self.end[kept],
            label=self.label[kept],
        )

    def _check(self) -> None:
        if not bool((self.start < self.end).all()):
            at = int((~(self.start < self.end)).nonzero()[0, 0])
            raise ValueError(
                "spans: wanted each to end after it begins; got "
                f"{float(self.start[at]):g} to {float(self.end[at]):g} in instance "
                f"{int(self.instance[at])}"
            )
        if len(self) and int(self.label.min()) < 0:
            raise ValueError(f"spans: wanted classes from 0; got {int(self.label.min())}")
        same = self.instance[1:] == self.instance[:-1]
        over = (same & (self.start[1:] < self.end[:-1])).nonzero().flatten()
        if len(over):
            at = int(over[0])
            raise ValueError(
                f"spans: wanted one class at a time; in instance {int(self.instance[at])} "
                f"{float(self.start[at]):g} to {float(self.end[at]):g} and "
                f"{float(self.start[at + 1]):g} to {float(self.end[at + 1]):g} overlap"
            )


@dataclass(frozen=True, kw_only=True, eq=False)
class Places:
    """Where along an instance its tokens lie.

    Args:
        middle: of each place, rising, in the unit of the source's `Spans`.
        each: tokens of one place, one after the other. A probe averages them.
    """

    middle: Float[Tensor, " places"]
    each: int = 1
