"""What data is to the rest of the library: something that answers indices with a batch."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import torch
from jaxtyping import Int
from torch import Tensor

from tacit.contract import Batch, Spans
from tacit.data.chance import Draw
from tacit.data.fingerprint import fingerprint
from tacit.data.mixture import Mixture


class Source(ABC):
    """Data of a known size, whose instances are numbered 0 to `len(source) - 1`.

    A subclass offered to users also has a class attribute `Config`, the frozen dataclass its
    constructor takes. Whatever can be wrong with the data is found by the constructor: a source
    that opens can be read to its end.

    Attributes:
        modalities: the kinds of data a batch holds, the keys of `Batch.values`.
        label_names: names of the classes, by label; None where labels are no classes or have no
            names.
        decodes: fetching is work (decoding, reading files) that worker processes should do; False
            for data in memory, where they only cost.
        skipped: instances left out on opening because they could not be read, with the reason.
        whole: the instances are parts of one large value, and fetching any of them fetches all of
            it. A run that sets no batch then takes all instances in every step, and a pass reads
            the value once.
    """

    modalities: tuple[str, ...]
    label_names: tuple[str, ...] | None = None
    decodes: bool = False
    skipped: tuple[str, ...] = ()
    whole: bool = False

    @abstractmethod
    def __len__(self) -> int:
        """How many instances there are."""

    @abstractmethod
    def fetch(self, indices: Sequence[int]) -> Batch:
        """The instances at these positions, in this order, without randomness.

        One call per batch: a source in memory answers with one indexing operation, others decode
        item by item. The batch lies in CPU memory and holds labels and groups if there are any.

        Raises:
            ValueError: an instance cannot be read; names it.
        """

    def fetch_random(self, indices: Sequence[int], draw: Draw) -> Batch:
        """What training reads; differs from `fetch` where reading itself draws (a random excerpt).

        Randomness comes from `draw.generator(index)` of each instance alone.
        """
        return self.fetch(indices)

    def labels(self) -> Tensor | None:
        """The label of every instance, without reading the values; None if there are none."""
        return None

    def groups(self) -> Tensor | None:
        """The group of every instance, without reading the values; None if there are none."""
        return None

    def spans(self) -> Spans | None:
        """Labels of parts of the instances, without reading the values; None if there are none.

        They are known to probes of tokens alone; batches hold nothing of them.
        """
        return None

    def lengths(self) -> Int[Tensor, " instances"] | None:
        """How long every instance is, in any unit, where they differ; None if not known.

        Without reading the values; for batches of instances of like length.
        """
        return None

    def mixture(self) -> Mixture | None:
        """Kinds of instances that training is to mix by weight; None: all as they come."""
        return None

    def fingerprint(self) -> str:
        """A short name of the content for the run's record: size, labels, first and last instance.

        It tells data sets apart, it does not vouch for every byte.
        """
        ends = [0, len(self) - 1] if len(self) else []
        values = self.fetch(ends).values if ends else {}
        return fingerprint(len(self), self.modalities, self.labels(), self.groups(), values)

    def describe(self) -> str:
        """One line for people: how much of what, with or without labels."""
        labels = self.labels()
        words = [f"{len(self):,} instances of {' + '.join(self.modalities)}"]
        if self.label_names is not None:
            words.append(f"{len(self.label_names)} classes")
        elif labels is not None:
            words.append("labels")
        if self.spans() is not None:
            words.append("labels along them")
        if self.skipped:
            words.append(f"{len(self.skipped):,} skipped")
        return ", ".join(words)

    @classmethod
    def splits(cls, config: Any) -> tuple[str, ...]:
        """Names that `config.split` may take here; evaluation looks for `train` and `test`."""
        return ()

    @classmethod
    def kinds(cls, config: Any) -> tuple[str, ...]:
        """The modalities it will have under a configuration, told before it is opened."""
        return cls.modalities

    @classmethod
    def recognises(cls, given: str) -> bool:
        """Whether a bare `given` in place of data means this source.

        Must be quick: it may look at names and headers, not read the data.
        """
        return False

    @classmethod
    def options(cls, given: str) -> dict[str, object]:
        """The settings that a `given` it recognises stands for: by default, its path."""
        return {"path": given}

    @classmethod
    def elsewhere(cls, config: Any, given: Mapping[str, object]) -> Any:
        """The configuration that reads other data as `config` reads its own.

        An encoder trained on the one is probed on, or embeds, the other: what `config` says of
        labels, columns and sizes still holds, but for what is given. A source that learns something
        from its data (what is in a column, which classes there are) learns it from those of
        `config`.

        Args:
            config: settings of this source.
            given: settings of the other data, their place among them.
        """
        return replace(config, **given)


class GeneratedSource(ABC):
    """Endless data made on demand: no length, no epochs, no labels known in advance.

    Attributes:
        modalities: the kinds of data a batch holds.
    """

    modalities: tuple[str, ...]

    @abstractmethod
    def fetch(self, step: int, size: int, generator: torch.Generator) -> Batch:
        """The batch of one step: `size` new instances, from the generator alone.

        `Batch.index` numbers instances over the whole run; no state per instance is kept.
        """

    @abstractmethod
    def fingerprint(self) -> str:
        """A short name of what is generated: its settings."""

    def describe(self) -> str:
        """One line for people."""
        return f"endless {' + '.join(self.modalities)}"


def opening(source: Source | GeneratedSource, size: int) -> Batch:
    """A look at what a source gives: its first instances, or a few generated for no step's use."""
    if isinstance(source, GeneratedSource):
        return source.fetch(0, size, torch.Generator().manual_seed(0))
    return source.fetch(range(min(size, len(source))))
