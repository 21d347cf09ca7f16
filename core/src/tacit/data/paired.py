"""Sources of one modality each, joined instance by instance; some members may be missing."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import torch
from jaxtyping import Bool, Int
from torch import Tensor

from tacit.contract import Batch
from tacit.data.chance import Draw
from tacit.data.fingerprint import fingerprint
from tacit.data.indices import Indices, index_tensor
from tacit.data.mixture import Mixture, kinds_of
from tacit.data.source import Source

_Fetch: TypeAlias = Callable[[Source, Sequence[int]], Batch]


@dataclass(frozen=True, kw_only=True, eq=False)
class Member:
    """One modality of the pairs.

    Args:
        source: of this modality alone.
        places: for every instance, the position in `source` it is at, or -1 where it is missing;
            None: instance i is at position i.

    Raises:
        ValueError: a source of several modalities or of one large value, an empty one, or places it
            does not have.
    """

    source: Source
    places: Int[Tensor, " instances"] | None = None

    def __post_init__(self) -> None:
        if len(self.source.modalities) != 1 or self.source.whole or not len(self.source):
            raise ValueError(
                "a member of pairs: wanted a source with instances of one modality, that can be "
                f"read one by one; got {self.source.describe()}"
            )
        places = self.places
        if places is not None and not (-1 <= int(places.min()) <= int(places.max()) < len(self)):
            raise ValueError(f"places: wanted -1 to {len(self) - 1}, of a source of {len(self)}")

    def __len__(self) -> int:
        return len(self.source)

    @property
    def modality(self) -> str:
        """The only one of the source."""
        return self.source.modalities[0]

    @property
    def partial(self) -> bool:
        """Whether some instance lacks it."""
        return self.places is not None and bool((self.places < 0).any())

    def used(self) -> list[int]:
        """The positions in the source that some instance is at, each once, rising."""
        if self.places is None:
            return list(range(len(self)))
        found: list[int] = self.places[self.places >= 0].unique().tolist()
        return found

    def at(self, rows: Int[Tensor, " rows"]) -> Int[Tensor, " rows"]:
        """Where some instances are in the source."""
        return rows if self.places is None else self.places[rows]


class Paired(Source):
    """Instances with a member of each modality, or of some.

    A batch has a row for every instance in every modality; where the member is missing another
    instance's stands there, of the right type and never to be looked at, and `Batch.present` says
    so.

    Args:
        members: modality by modality, or a source each, which are then paired in their order.
        labels: of every instance, for evaluation.
        groups: likewise.
        label_names: names of the classes.
        weights: how much of each batch of training has which members, such as
            `{"first+second": 1, "first": 2}`: pairs, and what has no partner, mixed; what is not
            named is not drawn. None: as they come.

    Raises:
        ValueError: fewer than two members, two of one modality, different numbers of instances, or
            weights of members that no instance has.
    """

    def __init__(
        self,
        members: Sequence[Member | Source],
        *,
        labels: Tensor | None = None,
        groups: Tensor | None = None,
        label_names: tuple[str, ...] | None = None,
        weights: Mapping[str, float] | None = None,
    ) -> None:
        own = [Member(source=each) if isinstance(each, Source) else each for each in members]
        self.members: Mapping[str, Member] = {member.modality: member for member in own}
        if len(self.members) < max(2, len(own)):
            listed = ", ".join(member.modality for member in own) or "none"
            raise ValueError(f"pairs: wanted two or more different modalities; got {listed}")
        self.modalities = tuple(self.members)
        self._size = _one_size(self.members)
        self._labels, self._groups, self.label_names = labels, groups, label_names
        self.decodes = any(member.source.decodes for member in own)
        self.skipped = tuple(item for member in own for item in member.source.skipped)
        self._mixture = self._mixed(weights) if weights else None

    def __len__(self) -> int:
        return self._size

    def fetch(self, indices: Sequence[int]) -> Batch:
        """See `tacit.data.Source.fetch`."""
        return self._joined(indices, lambda source, places: source.fetch(places))

    def fetch_random(self, indices: Sequence[int], draw: Draw) -> Batch:
        """See `tacit.data.Source.fetch_random`."""
        return self._joined(indices, lambda source, places: source.fetch_random(places, draw))

    def labels(self) -> Tensor | None:
        """See `tacit.data.Source.labels`."""
        return self._labels

    def groups(self) -> Tensor | None:
        """See `tacit.data.Source.groups`."""
        return self._groups

    def mixture(self) -> Mixture | None:
        """See `tacit.data.Source.mixture`."""
        return self._mixture

    def _mixed(self, weights: Mapping[str, float]) -> Mixture:
        """A kind for every set of members that has a weight, and one of weight 0 for all others."""
        there = [self._there(member).long() for member in self.members.values()]
        codes = kinds_of(there, len(self))
        kind = torch.full((len(self),), len(weights))
        for number, given in enumerate(weights):
            names = given.split("+")
            if unknown := sorted(set(names) - set(self.modalities)):
                raise ValueError(
                    f"weights: wanted some of {', '.join(self.modalities)}, joined by '+'; got "
                    f"{', '.join(unknown)}"
                )
            wanted = sum(1 << self.modalities.index(name) for name in set(names))
            if not bool((codes == wanted).any()):
                raise ValueError(f"weights: no instance has {given} and nothing else")
            kind[codes == wanted] = number
        return Mixture(kind=kind, weights=(*weights.values(), 0.0))

    def _there(self, member: Member) -> Bool[Tensor, " instances"]:
        if member.places is None:
            return torch.ones(len(self), dtype=torch.bool)
        return member.places >= 0

    def complete(self) -> int:
        """How many instances have all members."""
        there = torch.ones(len(self), dtype=torch.bool)
        for member in self.members.values():
            there &= self._there(member)
        return int(there.sum())

    def fingerprint(self) -> str:
        """See `tacit.data.Source.fingerprint`."""
        parts = {
            name: (member.source.fingerprint(), member.places)
            for name, member in self.members.items()
        }
        return fingerprint(len(self), parts, self._labels, self._groups)

    def describe(self) -> str:
        """One line for people, with the number of members and of complete instances."""
        partial = [f"{len(m):,} of {name}" for name, m in self.members.items() if m.partial]
        if not partial:
            return super().describe()
        return f"{super().describe()}; {', '.join(partial)}; {self.complete():,} complete"

    def _joined(self, indices: Sequence[int], fetch: _Fetch) -> Batch:
        rows = index_tensor(indices)
        places = {name: member.at(rows) for name, member in self.members.items()}
        return Batch(
            values={
                name: fetch(self.members[name].source, Indices(at.clamp(min=0))).values[name]
                for name, at in places.items()
            },
            index=rows,
            label=None if self._labels is None else self._labels[rows],
            group=None if self._groups is None else self._groups[rows],
            present={name: at >= 0 for name, at in places.items() if self.members[name].partial},
        )


def _one_size(members: Mapping[str, Member]) -> int:
    sizes = {
        name: len(member) if member.places is None else len(member.places)
        for name, member in members.items()
    }
    if len(set(sizes.values())) > 1:
        listed = ", ".join(f"{size:,} of {name}" for name, size in sizes.items())
        raise ValueError(
            f"pairs: wanted as many instances of each modality; got {listed}: give "
            "Member(source=..., places=...) where some are missing"
        )
    return next(iter(sizes.values()))
